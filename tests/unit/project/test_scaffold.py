"""`init`: the first project, and a configuration for existing flows."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flowship.config import discovery, loading
from flowship.errors import ConfigError
from flowship.project import context, scaffold
from support.projects import git, write_files


def init(folder):
    return scaffold.init(folder, name="x", base_image="example/base:1")


def test_an_empty_folder_gets_a_working_project(tmp_path):
    written = init(tmp_path)
    assert set(written.written) == {
        "flow.py",
        "docker-requirements.txt",
        "flowship.toml",
        ".dockerignore",
    }
    settings = loading.load(tmp_path, environ={})
    assert settings.entrypoint == "flow.py:hello"
    assert settings.base_image == "example/base:1"
    assert [f.function for f in discovery.find_flows(tmp_path)] == ["hello"]


def test_only_the_configuration_is_written_for_existing_python_files(tmp_path):
    (tmp_path / "taxi.py").write_text(
        "@flow\ndef fetch(): ...\n@flow\ndef etl_parent_flow(): ...\n"
    )
    written = init(tmp_path)
    assert written.written == ("flowship.toml", ".dockerignore")
    assert written.entrypoint == "taxi.py:etl_parent_flow"
    assert written.others == ("taxi.py:fetch",)
    assert loading.load(tmp_path, environ={}).deployments[0].name == "etl-parent-flow"


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.txt"])
def test_an_existing_list_of_dependencies_is_used(tmp_path, name):
    (tmp_path / name).write_text("")
    assert set(init(tmp_path).written) == {"flow.py", "flowship.toml", ".dockerignore"}
    assert loading.load(tmp_path, environ={}).requirements is None


def test_the_project_name_comes_from_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "My_Taxi"\n')
    assert loading.default_name(tmp_path)[0] == "my-taxi"


def test_existing_files_are_not_overwritten(tmp_path):
    (tmp_path / "docker-requirements.txt").write_text("mine\n")
    init(tmp_path)
    assert (tmp_path / "docker-requirements.txt").read_text() == "mine\n"
    with pytest.raises(ConfigError, match="nothing was written"):
        init(tmp_path)


def test_python_files_without_a_flow_are_an_error(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(ConfigError, match="no @flow"):
        init(tmp_path)


def test_an_existing_dockerfile_is_not_used_and_a_note_says_how_to_use_it(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\n")
    assert 'dockerfile = "Dockerfile"' in init(tmp_path).notes[0]
    text = (tmp_path / "flowship.toml").read_text()
    assert '\n# dockerfile = "Dockerfile"\n' in text
    assert loading.load(tmp_path, environ={}).dockerfile is None
    (tmp_path / "flowship.toml").write_text(text.replace("# dockerfile", "dockerfile"))
    assert loading.load(tmp_path, environ={}).dockerfile == "Dockerfile"


def test_a_folder_called_flowship_toml_is_an_error(tmp_path):
    (tmp_path / "flowship.toml").mkdir()
    with pytest.raises(ConfigError, match="is not a file; nothing was written"):
        init(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flowship.toml"]


def test_nothing_is_written_through_a_link(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "flowship.toml").symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="is a broken link"):
        init(project)
    (project / "flowship.toml").unlink()
    (project / "docker-requirements.txt").symlink_to(tmp_path / "outside")
    assert init(project).written == ("flow.py", "flowship.toml", ".dockerignore")
    assert not (tmp_path / "outside").exists()


def test_without_a_flow_the_error_lists_files_that_cannot_be_parsed(tmp_path):
    (tmp_path / "flow.py").write_text("x = 1\ndef broken(:\n")
    with pytest.raises(ConfigError) as caught:
        init(tmp_path)
    assert "flow.py:2: " in caught.value.details


def test_the_configuration_is_valid_for_any_file_name(tmp_path):
    (tmp_path / """a"b'c.py""").write_text(scaffold.FLOW)
    init(tmp_path)
    assert loading.load(tmp_path, environ={}).entrypoint == """a"b'c.py:hello"""


def test_a_file_that_an_entrypoint_cannot_name_is_skipped(tmp_path):
    (tmp_path / "a\\b.py").write_text(scaffold.FLOW)
    init(tmp_path)
    assert loading.load(tmp_path, environ={}).entrypoint == "flow.py:hello"


def test_a_file_whose_name_is_not_utf8_is_skipped(tmp_path):
    (tmp_path / os.fsdecode(b"fl\xff.py")).write_text(scaffold.FLOW)
    init(tmp_path)
    assert loading.load(tmp_path, environ={}).entrypoint == "flow.py:hello"


def test_dotted_keys_in_pyproject_are_a_configuration_too(tmp_path):
    text = '[tool]\nflowship.entrypoint = "flow.py:hello"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigError, match="already has"):
        init(tmp_path)
    assert loading.is_configured(tmp_path)


# --- .dockerignore -------------------------------------------------------------------------------


def test_the_dockerignore_leaves_out_what_the_gitignore_files_left_out(tmp_path):
    files = {
        "flow.py": scaffold.FLOW,
        ".gitignore": "# big\n*.csv\n!keep.csv\n/dump/\nmodels/*.bin\n[!a]x\n",
        "sub/.gitignore": "out\n/only-here\n",
        "a.csv": "",
        "keep.csv": "",
        "dump/all.sql": "",
        "deep/dump/kept.sql": "",
        "models/m.bin": "",
        "bx": "",
        "ax": "",
        "sub/out/x": "",
        "sub/only-here": "",
        "sub/deep/only-here": "",
    }
    write_files(tmp_path, files)
    git(tmp_path, "init", "-q")
    before = context.scan(tmp_path).paths
    init(tmp_path)
    own = {".gitignore", "sub/.gitignore"}
    assert context.scan(tmp_path).paths | own == before
    assert before - own == {
        *("flow.py", "keep.csv", "deep/dump/kept.sql", "ax", "sub/deep/only-here")
    }


def test_a_dockerignore_of_one_s_own_is_kept(tmp_path):
    (tmp_path / ".dockerignore").write_text("data\n")
    assert ".dockerignore" not in init(tmp_path).written
    assert (tmp_path / ".dockerignore").read_text() == "data\n"


@pytest.mark.parametrize("failing", ["flow.py", ".dockerignore"])
def test_a_folder_that_cannot_be_written_to_is_an_error_and_stays_as_it_was(
    tmp_path, monkeypatch, failing
):
    # root may write everywhere, so this stands in for a read-only folder and for a full disk
    real = Path.open

    def refuses(path, *args, **options):
        if path.name == failing:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuses)
    with pytest.raises(ConfigError, match="Permission denied; nothing was written") as caught:
        init(tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("unwritable-file", 3)
    assert list(tmp_path.iterdir()) == []


def test_a_lockfile_is_named_as_the_source_of_the_dependencies(tmp_path):
    (tmp_path / "flow.py").write_text("from prefect import flow\n\n@flow\ndef f(): ...\n")
    (tmp_path / "uv.lock").write_text("")
    (note,) = scaffold.init(tmp_path, name="x", base_image="b:1").notes
    assert note == "the dependencies come from uv.lock; lock = false uses another list"
    (tmp_path / "flowship.toml").unlink()
    (tmp_path / "poetry.lock").write_text("")
    (note,) = scaffold.init(tmp_path, name="x", base_image="b:1").notes
    assert note == 'several lockfiles: uv.lock, poetry.lock; choose one with lock = "uv.lock"'


UV = '[project]\nname = "p"\n[tool.uv.sources]\nmine = {{ path = "{path}" }}\n'
POETRY = '[tool.poetry.dependencies]\nmine = {{ path = "{path}", develop = true }}\n'


@pytest.mark.parametrize("document", [UV, POETRY])
@pytest.mark.parametrize(
    ("path", "include"),
    [
        ("../libs/mine", ("../libs/mine",)),
        ("./inner", ()),
        ("..", ()),
        ("../../elsewhere", ()),
        ("../missing", ()),
        ("../mine.whl", ()),
    ],
)
def test_folders_that_the_dependencies_come_from_are_included(tmp_path, document, path, include):
    package = "pyproject.toml"
    write_files(
        tmp_path,
        {
            "elsewhere/x.py": "",
            f"repository/libs/mine/{package}": "",
            "repository/mine.whl": "",
            f"repository/p/inner/{package}": "",
            f"repository/p/{package}": document.format(path=path),
            "repository/p/flow.py": scaffold.FLOW,
        },
    )
    (tmp_path / "repository" / ".git").mkdir()
    folder = tmp_path / "repository" / "p"
    init(folder)
    assert loading.load(folder, environ={}).include == include


def test_what_an_included_folder_depends_on_is_included_too(tmp_path):
    write_files(
        tmp_path,
        {
            "a/pyproject.toml": POETRY.format(path="../b"),
            "b/pyproject.toml": POETRY.format(path="../a"),  # a circle
            "p/pyproject.toml": UV.format(path="../a"),
            "p/flow.py": scaffold.FLOW,
        },
    )
    (tmp_path / ".git").mkdir()
    init(tmp_path / "p")
    assert loading.load(tmp_path / "p", environ={}).include == ("../a", "../b")


def test_nothing_is_included_without_a_repository(tmp_path):
    write_files(
        tmp_path,
        {
            "libs/mine/x.py": "",
            "p/pyproject.toml": UV.format(path="../libs/mine"),
            "p/flow.py": scaffold.FLOW,
        },
    )
    init(tmp_path / "p")
    assert "include" not in (tmp_path / "p" / "flowship.toml").read_text()


def test_the_other_flows_are_deployments_to_be_uncommented(tmp_path):
    flow = "from prefect import flow\n@flow\ndef run(): ...\n"
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.py").write_text(flow)
    with (tmp_path / "b.py").open("a") as file:
        file.write('run.serve(name="weekly", cron="0 7 * * 1")\n')
    scaffold.init(tmp_path, name="p", base_image="python:3.11")
    path = tmp_path / "flowship.toml"
    text = path.read_text()
    assert loading.load(tmp_path, environ={}).entrypoints == ("a.py:run",)
    head, _, rest = text.partition("to run.\n")
    path.write_text(head + "\n" + rest.replace("# ", ""))
    settings = loading.load(tmp_path, environ={})
    assert settings.deployed_entrypoints == {
        "run": "a.py:run",
        "weekly": "b.py:run",
        "c-run": "c.py:run",
    }
    assert [d.cron for d in settings.deployments] == [None, "0 7 * * 1", None]


YAML = """\
deployments:
- {name: early, entrypoint: "a.py:one", schedule: {cron: "0 4 * * *", timezone: Europe/Paris}}
- {name: hourly, entrypoint: "./a.py:two", schedule: {interval: 3600}}
"""


def test_a_prefect_yaml_gives_the_schedules_and_a_note(tmp_path):
    (tmp_path / "a.py").write_text("@flow\ndef one(): ...\n@flow\ndef two(): ...\n")
    (tmp_path / "prefect.yaml").write_text(YAML)
    written = init(tmp_path)
    text = (tmp_path / "flowship.toml").read_text()
    head = 'name = "early"\n# cron = "0 4 * * *"\n# timezone = "Europe/Paris"\n'
    assert f"[[deployments]]\n{head}" in text
    assert '# name = "hourly"' in text
    assert text.endswith("# interval = 3600\n")
    assert any("init --from prefect.yaml" in note for note in written.notes)


def test_a_prefect_yaml_that_cannot_be_read_does_not_stop_init(tmp_path):
    (tmp_path / "a.py").write_text("@flow\ndef one(): ...\n")
    (tmp_path / "prefect.yaml").write_text("a: [")
    assert init(tmp_path).entrypoint == "a.py:one"


def test_a_prefect_yaml_is_imported(tmp_path):
    from flowship.project.prefect_yaml import translate

    (tmp_path / "prefect.yaml").write_text(YAML)
    taken = translate(tmp_path / "prefect.yaml")
    written = scaffold.from_prefect_yaml(tmp_path, taken, name="x", base_image="example/base:1")
    assert written.deployments == ("early", "hourly")
    settings = loading.load(tmp_path, environ={})
    assert settings.entrypoints == ("a.py:one", "a.py:two")
    with pytest.raises(ConfigError, match="already has a flowship configuration"):
        scaffold.from_prefect_yaml(tmp_path, taken, name="x", base_image="example/base:1")


@pytest.mark.parametrize("dockerfile", [False, True])
def test_an_imported_project_includes_too_unless_its_dockerfile_copies_what_it_needs(
    tmp_path, dockerfile
):
    from dataclasses import replace

    from flowship.project.prefect_yaml import translate

    project = {"pyproject.toml": UV.format(path="../mine"), "prefect.yaml": YAML}
    write_files(tmp_path, {"mine/m.py": "", **{f"p/{name}": project[name] for name in project}})
    (tmp_path / ".git").mkdir()
    taken = translate(tmp_path / "p" / "prefect.yaml")
    if dockerfile:
        taken = replace(taken, settings={"dockerfile": "Dockerfile"})
    scaffold.from_prefect_yaml(tmp_path / "p", taken, name="x", base_image="example/base:1")
    text = (tmp_path / "p" / "flowship.toml").read_text()
    assert ('include = ["../mine"]' in text) is not dockerfile


def test_the_dockerignore_has_no_line_twice(tmp_path):
    (tmp_path / ".gitignore").write_text("*.log\n*.tmp\n!keep.tmp\n*.log\n")
    (tmp_path / "flow.py").write_text("from prefect import flow\n\n@flow\ndef f(): ...\n")
    git(tmp_path, "init", "-q")
    scaffold.init(tmp_path, name="p", base_image="x:1")
    lines = (tmp_path / ".dockerignore").read_text().splitlines()
    assert lines.count("**/*.log") == 2, "what follows an exception may undo it"
    assert lines.index("!**/keep.tmp") < len(lines) - 1
    (tmp_path / ".gitignore").write_text("*.log\n*.tmp\n")
    (tmp_path / ".dockerignore").unlink()
    (tmp_path / "flowship.toml").unlink()
    scaffold.init(tmp_path, name="p", base_image="x:1")
    assert (tmp_path / ".dockerignore").read_text().splitlines().count("**/*.log") == 1
