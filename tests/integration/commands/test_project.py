"""The project that a command works on: which one it is, and what is wrong with it."""

from __future__ import annotations

import json

import pytest

from support.projects import FLOW


def test_an_empty_folder_uses_the_shipped_etl_flow(cli):
    code, stdout, stderr = cli("build", "--print-dockerfile")
    assert code == 0
    assert stdout.startswith("FROM prefecthq/prefect:3")
    assert "COPY project/ /opt/prefect/flows/flowship/etl/\n" in stdout
    assert "built-in ETL flow" in stderr


@pytest.mark.parametrize("command", ["build", "check", "deploy", "ship", "run"])
def test_python_files_without_configuration_list_their_flows_and_suggest_init(
    cli, tmp_path, command
):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "taxi.py").write_text(FLOW)
    code, stdout, stderr = cli(command)
    assert (code, stdout) == (3, "")
    assert "flows/taxi.py:hello" in stderr
    assert "flowship init" in stderr


@pytest.mark.parametrize("command", [["check"], ["build", "--print-dockerfile"]])
def test_an_unknown_variable_is_a_warning_that_suggests_the_nearest_one(cli, project, command):
    code, _, stderr = cli(*command, env={"FLOWSHIP_ENTRYPIONT": "other.py:flow"})
    assert code == 0
    assert "FLOWSHIP_ENTRYPIONT is not a flowship setting" in stderr
    assert "did you mean FLOWSHIP_ENTRYPOINT?" in stderr


@pytest.mark.parametrize(
    ("pyproject", "word"),
    [
        ('project = "x"\n', "project must be a table"),
        ('tool = "x"\n', "tool must be a table"),
        ('[tool]\nflowship = "x"\n', "tool.flowship must be a table"),
        ("[project]\nname = 5\n", "project.name must be text"),
        ("[project]\ndependencies = [1]\n", "project.dependencies must be a list of text"),
        ('[project]\ndependencies = "pandas"\n', "project.dependencies must be a list of text"),
        ("[project]\ndynamic = 5\n", "project.dynamic must be a list of text"),
    ],
)
def test_a_value_of_the_wrong_type_in_pyproject_is_an_error(cli, tmp_path, pyproject, word):
    (tmp_path / "pyproject.toml").write_text(pyproject)
    (tmp_path / "flow.py").write_text(FLOW)
    for command in ("check", "init"):
        code, _, stderr = cli(command, cwd=tmp_path)
        assert code == 3
        assert word in stderr


def test_the_shipped_flow_passes_the_check(cli):
    done = cli("check")
    assert done.code == 0, done.stderr
    assert "built-in ETL flow" in done.stderr
    assert "built-in ETL flow" in cli("build", "--print-dockerfile").stderr
    with_json = cli("check", "--json")
    assert (with_json.code, json.loads(with_json.stdout)["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        (None, "entrypoint file not found: missing.py"),
        ("flow.py\n", "add !flow.py to .dockerignore"),
    ],
    ids=["missing", "left out"],
)
def test_a_flow_of_a_package_that_is_not_sent_is_named_as_in_the_project(
    cli, tmp_path, left_out, words
):
    file = "flow.py" if left_out else "missing.py"
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "flowship.toml").write_text(
        f'name = "p"\nimage-folder = "acme"\nentrypoint = "acme/{file}:hello"\n'
    )
    (tmp_path / ".dockerignore").write_text(left_out or "")
    env = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = cli("build", env=env)
    assert done.code == 3
    assert words in done.stderr
    if left_out:
        (tmp_path / ".dockerignore").unlink()
        assert cli("build", env=env).code == 4, "only the engine is missing"
