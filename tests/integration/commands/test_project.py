"""The project that a command works on: which one it is, and what is wrong with it."""

from __future__ import annotations

import json

import pytest

from support.commands import flowship, world
from support.deploying import Project
from support.projects import CONFIG, FLOW


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


# --- environments --------------------------------------------------------------------------------

ENVIRONMENTS = """
[env.staging]
base-image = "python:3.12"
[env.production]
base-image = "python:3.13"
"""


@pytest.mark.parametrize(
    "words", [["--env", "staging", "build"], ["build", "--env", "staging"]], ids=" ".join
)
def test_an_environment_is_chosen_before_or_after_the_command(cli, project, words):
    (project / "flowship.toml").write_text(CONFIG + ENVIRONMENTS)
    done = cli(*words, "--print-dockerfile")
    assert done.stdout.startswith("FROM python:3.12\n"), done.stderr
    both = cli("--env", "production", *words, "--print-dockerfile") if words[0] == "build" else done
    assert both.stdout.startswith("FROM python:3.12\n"), "the one after the command is nearer"
    variable = cli("build", "--print-dockerfile", env={"FLOWSHIP_ENV": "production"})
    assert variable.stdout.startswith("FROM python:3.13\n")


def test_the_environment_before_a_group_reaches_its_commands(cli, project):
    (project / "flowship.toml").write_text(CONFIG + '[env.a]\nprofile = "local"\n')
    shown = cli("--env", "a", "profile", "show")
    assert shown.stdout.startswith("local"), shown.stderr
    assert not cli("profile", "show").stdout.startswith("local")


@pytest.mark.parametrize("command", ["deploy", "ship", "push", "run", "try"])
def test_a_project_can_demand_an_environment(cli, project, command):
    (project / "flowship.toml").write_text("require-env = true\n" + CONFIG + ENVIRONMENTS)
    done = cli(command, "--json")
    assert (done.code, json.loads(done.stdout)["error"]["code"]) == (2, "environment-required")
    named = {"run": ["p/p"], "push": ["--image", "p:1"]}.get(command)
    if named:
        assert cli(command, *named).code == 2
    assert cli("build", "--print-dockerfile").code == 0
    if command == "try":  # without a server there is nothing to confuse
        assert cli("try", "--offline", env={"DOCKER_HOST": "tcp://127.0.0.1:9"}).code == 4


@pytest.mark.parametrize(
    "words", [("set", "A"), ("rm", "A"), ("set", "--block", "a")], ids=" ".join
)
def test_secrets_are_changed_only_with_the_demanded_environment(cli, project, words):
    (project / "flowship.toml").write_text("require-env = true\n" + CONFIG + ENVIRONMENTS)
    done = cli("secret", *words, "--json")
    assert (done.code, json.loads(done.stdout)["error"]["code"]) == (2, "environment-required")


@pytest.mark.parametrize("command", ["check", "build", "deploy", "ship", "push", "run", "up"])
def test_an_unknown_environment_is_an_error_of_every_command(cli, project, command):
    (project / "flowship.toml").write_text(CONFIG + ENVIRONMENTS)
    done = cli(command, "--env", "stagng")
    assert done.code == 2
    assert 'did you mean "staging"?' in done.stderr


def test_the_server_is_named_before_anything_is_sent_to_it(cli, project):
    more = '[env.a]\nprofile = "local"\nrepo = "localhost:1/p"\n'
    (project / "flowship.toml").write_text(CONFIG + more)
    for command, words in (
        ("deploy", "deploying to"),
        ("ship", "deploying to"),
        ("run", "running in"),
        ("try", "running in"),
    ):
        first = cli(command, "--env", "a").stderr.splitlines()[0]
        assert first == f"{words} a: http://127.0.0.1:4200/api (profile local)"
    without = cli("deploy", env={"PREFECT_API_URL": "http://127.0.0.1:1/api"}).stderr.splitlines()
    assert without[0] == (
        "deploying to http://127.0.0.1:1/api (environment variable PREFECT_API_URL), without an"
        " environment"
    )


@pytest.mark.parametrize("command", [("deploy",), ("ship",), ("plan",), ("ship", "--dry-run")])
def test_an_error_of_the_configuration_comes_before_the_name_of_the_server(cli, project, command):
    more = '[[deployments]]\nname = "p"\ncron = "99 * * * *"\n[env.a]\nprofile = "local"\n'
    (project / "flowship.toml").write_text(CONFIG + 'repo = "localhost:1/p"\n' + more)
    done = cli(*command, "--env", "a")
    assert done.code == 3
    assert "99 * * * *" in done.stderr
    assert " a: http" not in done.stderr


# --- commands that build nothing -----------------------------------------------------------------

SECOND_DAY = [
    "status",
    "history",
    "prune",
    "pause",
    "resume",
    "delete",
    "unlock",
    "rollback",
    "logs",
]


@pytest.fixture
def deployed(prefect_server) -> Project:
    made = Project(prefect_server)
    made.deploy()
    return made


@pytest.mark.server
@pytest.mark.parametrize("command", SECOND_DAY)
def test_an_empty_folder_has_no_project_to_operate(deployed, tmp_path, command):
    never_deployed = f"built-in-{deployed.tag}"
    url = deployed.api.url
    env = world(tmp_path / "home", PREFECT_API_URL=url, FLOWSHIP_NAME=never_deployed)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = flowship(command, "--json", cwd=empty, env=env, timeout=60)
    error = done.json["error"]
    assert (done.code, error["code"], error["where"]) == (3, "no-configuration", str(empty))
    assert error["message"] == "no project in this folder"
    assert "add --project NAME: " in error["hint"]
    assert deployed.values["name"] in error["hint"] or error["hint"].endswith(", …")
    assert "built-in" not in done.stderr


@pytest.mark.server
@pytest.mark.parametrize("command", SECOND_DAY)
def test_a_misspelled_project_is_an_error_with_the_nearest_name(deployed, tmp_path, command):
    env = world(tmp_path / "home", PREFECT_API_URL=deployed.api.url)
    name = deployed.values["name"]
    done = flowship(command, "--project", f"{name}x", "--json", cwd=tmp_path, env=env, timeout=60)
    error = done.json["error"]
    assert (done.code, error["code"]) == (2, "project-unknown")
    assert error["message"].startswith(f'no release of a project "{name}x" at ')
    assert error["hint"] == f'did you mean "{name}"?'


@pytest.mark.server
def test_the_built_in_flow_is_the_project_of_an_empty_folder_once_it_is_deployed(
    deployed, tmp_path
):
    name = deployed.values["name"]
    env = world(tmp_path / "home", PREFECT_API_URL=deployed.api.url, FLOWSHIP_NAME=name)
    empty = tmp_path / "empty"
    empty.mkdir()
    for command, shown in (("status", f"flow-{deployed.tag}/nightly"), ("history", "deploy")):
        done = flowship(command, cwd=empty, env=env, timeout=60)
        assert (done.code, shown in done.stdout) == (0, True)
        assert "no project in this folder: using the built-in ETL flow" in done.stderr
    assert flowship("pause", cwd=empty, env=env, timeout=60).code == 0
    assert deployed.stored()["paused"]


@pytest.mark.server
def test_a_file_that_is_not_toml_is_named_and_left_aside(deployed, tmp_path):
    env = world(tmp_path / "home", PREFECT_API_URL=deployed.api.url)
    (tmp_path / "flowship.toml").write_text("name = \n")
    name = f"flow-{deployed.tag}/nightly"
    done = flowship("status", name, cwd=tmp_path, env=env, timeout=60)
    assert (done.code, "nothing of it is used\n" in done.stderr) == (0, True)
    done = flowship("status", cwd=tmp_path, env=env, timeout=60)
    assert (done.code, "add --project NAME" in done.stderr) == (3, True)
