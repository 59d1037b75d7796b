"""The lines of an export, as they are installed in the image."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project.locks import locked
from flowship.project.locks.exporter import Copy, Exported
from support.projects import write_files

HASH = "--hash=sha256:aa"


def read(root: Path, text: str, *, lock: str = "uv.lock", **values: object) -> locked.Locked:
    given = {"root": root, "name": "x", "entrypoint": "flow.py:f", "base_image": "python:3.11"}
    packages = {"packages": {"index-url": values.pop("index_url", None)}}
    include = {"include": values.pop("include", [])}
    settings = Settings.model_validate({**given, **packages, **include})
    return locked.read(root / lock, Exported(text, **values), settings)


def test_comments_of_the_tool_are_removed_and_lines_joined(tmp_path):
    text = f"# by a tool, version 1\nsix==1 ; python_version < '4' \\\n    {HASH} \\\n"
    text += "    --hash=sha256:bb\n"
    found = read(tmp_path, text)
    assert found.pinned == (f"six==1 ; python_version < '4' {HASH} --hash=sha256:bb",)
    assert found.count == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mine @ git+https://example.com/m.git@abc", "mine @ git+https://example.com/m.git@abc"),
        (
            "-e git+https://example.com/m.git@abc#egg=mine",
            "mine @ git+https://example.com/m.git@abc",
        ),
        (
            "git+ssh://git@example.com/m.git@abc#egg=mine&subdirectory=py ; python_version < '4'",
            "mine @ git+ssh://git@example.com/m.git@abc#subdirectory=py ; python_version < '4'",
        ),
        ("six==1", "six==1"),
    ],
)
def test_packages_without_hashes_are_kept_apart(tmp_path, line, expected):
    found = read(tmp_path, f"toolz==1 {HASH}\n{line}\n")
    assert found.unhashed == (expected,)
    assert found.pinned == (f"toolz==1 {HASH}",)


@pytest.mark.parametrize(
    "line",
    [
        "./libs/mine",
        "-e ./libs/mine",
        "libs/mine ; python_version < '4'",
        "mine @ file:///copy/a/b/libs/mine ; python_version < '4'",
        "-e file:///copy/a/b/libs/mine#egg=mine",
    ],
)
def test_a_folder_of_the_project_is_installed_from_it(tmp_path, line):
    copy = Copy(Path("/copy"), Path("/copy/a/b"))
    assert read(tmp_path, f"{line}\n", copy=copy).folders == ("libs/mine",)


def test_the_project_itself_is_not_a_dependency(tmp_path):
    assert read(tmp_path, "-e .\n") == locked.Locked()


@pytest.mark.parametrize("line", ["../shared", "mine @ file:///copy/a/shared", "-e /srv/shared"])
def test_a_folder_outside_the_project_is_refused(tmp_path, line):
    copy = Copy(Path("/copy"), Path("/copy/a/b"))
    with pytest.raises(ConfigError, match="shared, which is outside the project") as caught:
        read(tmp_path, f"{line}\n", copy=copy)
    assert caught.value.code == "local-requirement"
    assert "include = [" in caught.value.hint


def test_a_folder_that_is_a_link_out_of_the_project_is_refused(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "p" / "libs").symlink_to("../secret")
    with pytest.raises(ConfigError, match="outside the project"):
        read(tmp_path / "p", "./libs\n")


@pytest.mark.parametrize(
    "line",
    [
        "-e ../libs/mine",
        "../libs/mine ; python_version < '4'",
        "mine @ file:///copy/a/libs/mine ; python_version < '4'",
    ],
)
def test_a_folder_that_is_included_comes_with_the_code(tmp_path, line):
    (tmp_path / ".git").mkdir()
    write_files(tmp_path, {"libs/mine/pyproject.toml": '[project]\nname = "mine"\n', "p/f.py": ""})
    copy = Copy(Path("/copy"), Path("/copy/a/b"))
    text = f"six==1 {HASH}\n{line}\n"
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "p", text, copy=copy)
    assert caught.value.hint == 'add include = ["../libs/mine"] to the configuration'
    found = read(tmp_path / "p", text, copy=copy, include=["../libs/mine"])
    assert found == locked.Locked(pinned=(f"six==1 {HASH}",))
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "p", "-e ../other\n", include=["../libs/mine"])
    assert 'include = ["../libs/mine", "../other"]' in caught.value.hint


# --- indexes -------------------------------------------------------------------------------------

PUBLIC = "https://pypi" + ".org/simple"
PRIVATE = "https://packages.example.com/simple"


@pytest.mark.parametrize(
    ("indexes", "options"),
    [
        ((PUBLIC,), ()),
        ((PRIVATE,), (f"--index-url {PRIVATE}",)),
        ((PUBLIC, PRIVATE), (f"--extra-index-url {PRIVATE}",)),
        ((PRIVATE, PRIVATE + "2"), (f"--index-url {PRIVATE}", f"--extra-index-url {PRIVATE}2")),
    ],
)
def test_the_indexes_of_a_lockfile_are_used(tmp_path, indexes, options):
    assert read(tmp_path, f"six==1 {HASH}\n", indexes=indexes).options == options
    text = "".join(f"--index-url {index}\n" for index in indexes) + f"six==1 {HASH}\n"
    assert read(tmp_path, text) == read(tmp_path, f"six==1 {HASH}\n", indexes=indexes)


def test_the_configured_index_replaces_those_of_the_lockfile(tmp_path):
    text = f"-i https://me:word@packages.example.com/simple\nsix==1 {HASH}\n"
    assert read(tmp_path, text, index_url="https://other.example.com/simple").options == ()


@pytest.mark.parametrize("login", ["me:hunter2", "${USER}:${PASSWORD}", "$USER:$PASSWORD"])
def test_an_index_with_a_login_is_refused_and_never_quoted(tmp_path, login):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"-i https://{login}@packages.example.com/simple\nsix==1 {HASH}\n")
    assert caught.value.code == "login-in-address"
    assert "hunter2" not in str(vars(caught.value))


def test_an_index_of_this_machine_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the image cannot reach") as caught:
        read(tmp_path, f"six==1 {HASH}\n", indexes=("file:///srv/simple",))
    assert caught.value.code == "lock-export-failed"
