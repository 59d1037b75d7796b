"""Where the code of a monorepo is in the image, and which places are refused."""

from __future__ import annotations

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project.layout import layout
from support.projects import CONFIG, git, write_files

FLOW = "from prefect import flow\n\n\n@flow\ndef hello():\n    pass\n"


@pytest.fixture
def repository(tmp_path):
    """A git repository with a project in ``app``."""
    folder = tmp_path / "repo"
    write_files(folder, {"app/flow.py": FLOW, "app/flowship.toml": CONFIG})
    git(folder, "init", "--quiet")
    return folder


def settings(repository, more=""):
    (repository / "app/flowship.toml").write_text(CONFIG + more)
    return loading.load(repository / "app", environ={})


def request(repository, more=""):
    return prepare_build(settings(repository, more))


@pytest.mark.parametrize(
    ("files", "include", "image", "path"),
    [
        ({"shared/__init__.py": ""}, "../shared", "shared", ()),
        ({"libs/common/__init__.py": ""}, "../libs", "libs", ("libs",)),
        ({"lib/src/common/__init__.py": ""}, "../lib", "lib", ("lib/src",)),
        ({"lib/pyproject.toml": "", "lib/common.py": ""}, "../lib", "lib", ("lib",)),
        ({"a/b/tools.py": ""}, "../a/b/tools.py", "tools.py", ()),
        ({"data/zones.csv": "x"}, "../data", "data", ("data",)),
        ({"app/libs/common/__init__.py": ""}, "libs", "libs", ("libs",)),
        ({"app/libs/common/__init__.py": ""}, "libs/common", "libs/common", ("libs",)),
    ],
    ids=["package", "packages", "src", "project", "file", "data", "inside", "inside-package"],
)
def test_an_included_place_is_importable(repository, files, include, image, path):
    write_files(repository, files)
    sent = request(repository, f'include = ["{include}"]\n')
    assert [each.image for each in sent.layout.includes] == [image]
    assert sent.layout.python_path == path
    assert any(file == image or file.startswith(f"{image}/") for file in sent.files)


@pytest.mark.parametrize(
    ("include", "code"),
    [
        ("../absent", "include-not-found"),
        ("../../elsewhere", "outside-repository"),
        ("../link", "outside-repository"),
        ("..", "include-contains-project"),
        ("../my-lib", "include-not-importable"),
        ("../taken", "include-name-taken"),
        ("../empty", "include-empty"),
        ("../.env", "include-empty"),
    ],
)
def test_an_include_that_cannot_be_in_the_image_is_refused(repository, include, code):
    names = ["../elsewhere/x.py", "my-lib/__init__.py", "taken/x.py", "app/taken/y.py", ".env"]
    write_files(repository, dict.fromkeys(names, "x = 1\n"))
    (repository / "empty").mkdir()
    (repository / "link").symlink_to(repository.parent / "elsewhere")
    with pytest.raises(ConfigError) as caught:
        request(repository, f'include = ["{include}"]\n')
    assert caught.value.code == code
    assert caught.value.where.endswith("flowship.toml:4:1")


def test_two_includes_of_one_name_are_refused(repository):
    write_files(repository, {"a/lib/x.py": "", "b/lib/y.py": ""})
    with pytest.raises(ConfigError) as caught:
        request(repository, 'include = ["../a/lib", "../b/lib"]\n')
    assert caught.value.code == "include-name-taken"


def test_a_link_that_leaves_an_included_folder_is_not_followed(repository):
    write_files(repository, {"shared/__init__.py": "", "../private/key.txt": "s3cret"})
    (repository / "shared/private").symlink_to("../../private")
    (repository / "shared/flow.py").symlink_to("../app/flow.py")
    sent = request(repository, 'include = ["../shared"]\n')
    assert not [e for e in sent.context.entries if b"s3cret" in e.read()]
    assert any("image: shared/flow.py, shared/private" in warning for warning in sent.warnings)


def test_the_ignore_files_of_an_included_folder_count(repository):
    write_files(
        repository,
        {
            ".gitignore": "*.log\n",
            "shared/__init__.py": "",
            "shared/run.log": "",
            "shared/.env": "",
            "libs/.dockerignore": "notes\n",
            "libs/notes": "",
            "libs/common.py": "",
        },
    )
    sent = request(repository, 'include = ["../shared", "../libs"]\n')
    assert {f for f in sent.files if f.startswith(("shared/", "libs/"))} == {
        "shared/__init__.py",
        "libs/.dockerignore",
        "libs/common.py",
    }
    assert {"shared/run.log", "shared/.env", "libs/notes"} <= set(sent.left_out)


def test_two_clones_give_one_hash(repository, tmp_path):
    write_files(repository, {"shared/__init__.py": "", "shared/run.sh": ""})
    settings(repository, 'include = ["../shared"]\n')
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "x")
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    (repository / "shared/__pycache__").mkdir()
    one, two = (
        prepare_build(loading.load(folder / "app", environ={}))
        for folder in (repository, tmp_path / "clone")
    )
    assert one.digest({}) == two.digest({})


def test_without_git_only_the_users_own_folders_can_be_included(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_files(tmp_path, {"work/app/flow.py": FLOW, "work/shared/x.py": "", ".ssh/id": ""})
    app = tmp_path / "work/app"
    (app / "flowship.toml").write_text(f'{CONFIG}include = ["../shared"]\n')
    assert layout(loading.load(app, environ={})).python_path == ("shared",)
    (app / "flowship.toml").write_text(f'{CONFIG}include = ["../../.ssh"]\n')
    with pytest.raises(ConfigError) as caught:
        layout(loading.load(app, environ={}))
    assert caught.value.code == "outside-repository"


# --- context -------------------------------------------------------------------------------------

ABOVE = 'context = ".."\nname = "p"\nentrypoint = "app/flow.py:hello"\nbase-image = "python:3.11"\n'


def above(repository, text=ABOVE):
    (repository / "app/flowship.toml").write_text(text)
    return prepare_build(loading.load(repository / "app", environ={}))


def test_with_a_context_above_all_of_it_is_sent_but_the_configuration(repository):
    write_files(repository, {"shared/__init__.py": "", "notes": "", ".dockerignore": "notes\n"})
    sent = above(repository)
    assert sent.files == {"app/flow.py", "shared/__init__.py", ".dockerignore", "Dockerfile"}
    assert sent.layout.python_path == ("app",)
    scheduled = above(repository, f'{ABOVE}work-pool = "w"\n')
    assert scheduled.digest({}) == sent.digest({})


def test_the_ignore_file_below_a_context_has_no_effect_which_is_reported(repository):
    write_files(repository, {"app/.dockerignore": "flow.py\n"})
    sent = above(repository)
    assert "app/flow.py" in sent.files
    assert any("../.dockerignore" in note for note in sent.notes)


def test_an_own_dockerfile_copies_from_the_context_above(repository):
    write_files(
        repository,
        {
            "shared/__init__.py": "",
            "app/Dockerfile": "FROM python:3.11\nCOPY shared/ /opt/prefect/flows/shared/\n"
            "COPY app/ /opt/prefect/flows/app/\n",
        },
    )
    sent = above(repository, f'{ABOVE}dockerfile = "Dockerfile"\n')
    assert {"app/Dockerfile", "shared/__init__.py"} <= sent.files
    assert "app/flowship.toml" in sent.left_out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ABOVE.replace('".."', '"../other"'), "must be a folder above"),
        (ABOVE.replace('".."', '"sub"'), "must be a folder above"),
        (ABOVE.replace("app/flow.py", "flow.py"), '"app/flow.py:hello"'),
        (f'{ABOVE}image-folder = "x"\n', "cannot be combined"),
        (f'{ABOVE}dockerfile = "D"\ninclude = ["../x"]\n', "cannot be combined"),
    ],
)
def test_an_impossible_context_is_refused(repository, text, words):
    with pytest.raises(ConfigError, match=words):
        above(repository, text)


def test_a_context_outside_the_repository_is_refused(repository):
    with pytest.raises(ConfigError) as caught:
        above(repository, ABOVE.replace("..", "../..").replace("app/", "repo/app/"))
    assert caught.value.code == "outside-repository"
