"""Each exit code, from a real command; a user's mistake never ends in a traceback."""

from __future__ import annotations

import subprocess
import sys
import uuid

import pytest

from flowship.errors import ExitCode
from flowship.output.console import REPORT
from support.commands import Running, ask, flowship, one_object, until, world
from support.projects import FLOW, remove_images, write
from support.server import start_server, stop

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
NO_API = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    return write(folder, "python:3.11")


@pytest.fixture(scope="module")
def built(tmp_path_factory, base_image, engine):
    """A project with an image of its current files, for tests that do not change it."""
    home = tmp_path_factory.mktemp("home")
    folder = home / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    flowship("build", cwd=write(folder, base_image), env=world(home), ok=True)
    yield folder
    remove_images(engine, folder.name)


def test_0_done(cli, project):
    assert cli("check", cwd=project).code == ExitCode.DONE == 0


BROKEN = """
import sys
from flowship import check
def broken(*arguments):
    return {}["no such key"]
check.check_project = broken
from flowship.cli import main
sys.argv = ["flowship", "check", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_1_a_bug_shows_its_traceback_and_where_to_report_it(project, options):
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, *options],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.BUG == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "KeyError: 'no such key'" in done.stderr
    assert done.stderr.endswith(f"\n{REPORT}\n")
    assert "report it" in REPORT
    if options:
        assert one_object(done.stdout)["error"]["exit_code"] == 1
    else:
        assert done.stdout == ""


# Mistakes: the command, its environment, the exit code, and a word of the error.
MISTAKES = [
    # 2: wrong usage
    ("no such command", ["shipp"], {}, 2, "No such command"),
    ("no such option", ["build", "--fast"], {}, 2, "--fast"),
    ("one argument too many", ["init", "here"], {}, 2, "here"),
    ("a parameter without =", ["run", "--param", "months"], {}, 2, "key=value"),
    ("a build argument without =", ["build", "--build-arg", "X"], {}, 2, "--build-arg"),
    ("no repository", ["push"], {}, 2, "no repository to push to"),
    ("an upper-case repository", ["push", "--repo", "User/Repo"], {}, 2, "lowercase"),
    ("no repository to ship to", ["ship"], {}, 2, "no repository to push to"),
    ("a port that is none", ["up", "--port", "70000"], {}, 2, "not a valid port"),
    ("a profile that is not there", ["profile", "use", "nope"], {}, 2, "does not exist"),
    ("a profile to show that is not there", ["profile", "show", "nope"], {}, 2, "does not exist"),
    ("an address without a scheme", ["profile", "set-api", "host"], {}, 2, "no scheme"),
    ("an address that is empty", ["profile", "set-api", ""], {}, 2, "the address is empty"),
    ("a wrong platform by option", ["build", "--platform", "x"], {}, 2, "--platform"),
    ("two kinds of schedule", ["deploy", "--cron", "0 5 * * *", "--interval", "1h"], {}, 2, ""),
    (
        "a wrong cron by flag",
        ["deploy", "--cron", "0 5 * *"],
        {},
        2,
        "a cron expression has 5 fields",
    ),
    ("a wrong rule by flag", ["deploy", "--rrule", "FREQ=SOMETIMES"], {}, 2, "--rrule"),
    ("a wrong interval by flag", ["deploy", "--interval", "often"], {}, 2, "--interval"),
    (
        "a wrong timezone by flag",
        ["deploy", "--cron", "0 5 * * *", "--timezone", "Pacific/Aukland"],
        {},
        2,
        "Pacific/Auckland",
    ),
    # 3: configuration
    ("a Dockerfile that is not there", ["check", "Dockerfil"], {}, 3, "cannot read the Dockerfile"),
    ("a folder as a Dockerfile", ["check", "."], {}, 3, "is a folder, not a regular file"),
    ("a wrong value by variable", ["build"], {"FLOWSHIP_PLATFORM": "amd"}, 3, "FLOWSHIP_PLATFORM"),
    ("an absolute entrypoint", ["build"], {"FLOWSHIP_ENTRYPOINT": "/flow.py:f"}, 3, "relative"),
    ("a requirements file that is not there", ["build"], {"FLOWSHIP_REQUIREMENTS": "r.txt"}, 3, ""),
    ("a template that is not there", ["build"], {"FLOWSHIP_TEMPLATE": "t.j2"}, 3, "t.j2"),
    ("configured already", ["init"], {}, 3, "nothing was written"),
    *(
        (f"a missing {what} with {command[0]}", command, {"FLOWSHIP_ENTRYPOINT": name}, 3, name[:3])
        for what, name in (("flow file", "x/flow.py:f"), ("flow", "flow.py:no_such"))
        for command in (["check"], ["build"], ["ship", "--repo", "a/b"])
    ),
    # 4: no engine
    ("no engine to build with", ["build"], NO_ENGINE, 4, "cannot connect to a container engine"),
    (
        "no engine to push with",
        ["push", "--repo", "a/b"],
        NO_ENGINE,
        4,
        "cannot connect to a container engine",
    ),
    ("no engine for a worker", ["up"], NO_ENGINE, 4, "cannot connect to a container engine"),
    ("a context that is gone", ["build"], {"DOCKER_CONTEXT": "gone"}, 4, "gone"),
    # 7: the API
    ("no API is set", ["deploy"], {}, 7, "no Prefect API is set"),
    ("no API to ship to", ["ship", "--repo", "a/b"], {}, 7, "flowship up"),
    ("no API to run at", ["run"], {}, 7, "no Prefect API is set"),
    ("an API that is silent", ["deploy"], NO_API, 7, "127.0.0.1:9"),
    ("a silent API as profile", ["profile", "set-api", "http://127.0.0.1:9/api"], {}, 7, ""),
]


@pytest.mark.parametrize(
    ("arguments", "environ", "expected", "words"),
    [m[1:] for m in MISTAKES],
    ids=[m[0] for m in MISTAKES],
)
def test_a_mistake_is_one_message_and_its_exit_code(
    cli, project, monkeypatch, arguments, environ, expected, words
):
    if "DOCKER_CONTEXT" in environ:
        monkeypatch.delenv("DOCKER_HOST", raising=False)
    code, stdout, stderr = cli(*arguments, "--json", cwd=project, env=environ, timeout=60)
    assert code == expected
    assert "Traceback" not in stderr
    if "Usage: " in stderr:  # the parser has refused the whole line, including --json
        assert (code, stdout) == (2, "")
        assert words in stderr
        return
    error = one_object(stdout)["error"]
    assert error["exit_code"] == code
    assert words in " ".join(error[key] for key in ("message", "hint", "where", "details"))
    assert f"error: {error['message']}" in stderr


def test_3_findings_stop_a_build_before_it_needs_an_engine(cli, project):
    (project / "Dockerfile").write_text(
        "FROM prefecthq/prefect:3.8.8-python3.11\nCOPY flow.py opt/prefect/flows/\n"
    )
    env = {"FLOWSHIP_DOCKERFILE": "Dockerfile", **NO_ENGINE}
    code, stdout, stderr = cli("build", cwd=project, env=env)
    assert code == ExitCode.CONFIG == 3
    assert stdout == ""
    assert "Dockerfile:2:14" in stderr
    assert "nothing was built" in stderr


@pytest.mark.engine
def test_5_a_flow_that_does_not_load_fails_the_build(cli, project, base_image):
    write(project, base_image, {"flow.py": "import not_there\n" + FLOW})
    code, stdout, stderr = cli("build", cwd=project)
    assert code == ExitCode.BUILD == 5
    assert stdout == ""
    assert "not_there" in stderr
    assert "Traceback" in stderr, "the container's own"
    assert "report it" not in stderr


@pytest.mark.engine
def test_6_a_registry_that_refuses(cli, built, private_registry):
    repo = f"{private_registry.address}/{built.name}:v1"
    code, stdout, stderr = cli("push", "--repo", repo, cwd=built)
    assert code == ExitCode.REGISTRY == 6
    assert stdout == ""
    assert "flowship login" in stderr
    assert "Traceback" not in stderr
    env = {"FLOWSHIP_REGISTRY_USER": "ada", "FLOWSHIP_REGISTRY_PASSWORD": "not-the-word"}
    code, stdout, stderr = cli("push", "--repo", repo, "--json", cwd=built, env=env)
    assert code == one_object(stdout)["error"]["exit_code"] == ExitCode.REGISTRY
    assert "not-the-word" not in stdout + stderr


@pytest.mark.engine
def test_6_a_wrong_password_is_not_stored(cli, project, private_registry, home):
    where = private_registry.address
    arguments = ["login", where, "--username", "ada", "--password-stdin"]
    code, stdout, stderr = cli(*arguments, stdin="not-the-word\n")
    assert (code, stdout) == (ExitCode.REGISTRY, "")
    assert "Traceback" not in stderr
    kept = home / ".docker" / "config.json"
    assert not kept.exists() or where not in kept.read_text()


@pytest.mark.server
@pytest.mark.engine
def test_parameters_and_schedules_are_validated_before_anything_changes(cli, built, prefect_server):
    env = {"PREFECT_API_URL": prefect_server, "FLOWSHIP_WORK_POOL": built.name}
    for arguments, words in (
        (["--param", "mnths=[1]"], 'no parameter "mnths"'),
        (["--param", "months=soon"], "months"),
        (["--cron", "0 0 31 2 *"], "--cron"),
    ):
        code, stdout, stderr = cli("deploy", *arguments, cwd=built, env=env)
        assert code in (ExitCode.USAGE, ExitCode.CONFIG), stderr
        assert stdout == ""
        assert words in stderr
        assert "Traceback" not in stderr
    pools = ask(prefect_server, "/work_pools/filter", {})
    assert built.name not in [pool["name"] for pool in pools]


@pytest.mark.server
@pytest.mark.engine
def test_7_an_api_that_rejects_the_credentials(cli, built, tmp_path_factory):
    process, url = start_server(
        tmp_path_factory.mktemp("guarded"), PREFECT_SERVER_API_AUTH_STRING="ada:right"
    )
    try:
        env = {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": "ada:not-the-word"}
        code, stdout, stderr = cli("deploy", cwd=built, env=env)
    finally:
        stop(process)
    assert code == ExitCode.API == 7
    assert stdout == ""
    assert "PREFECT_API_AUTH_STRING" in stderr
    assert "not-the-word" not in stderr


@pytest.mark.server
@pytest.mark.engine
def test_8_a_watched_run_that_does_not_complete(cli, built, prefect_server):
    env = {"PREFECT_API_URL": prefect_server, "FLOWSHIP_WORK_POOL": built.name}
    assert cli("deploy", cwd=built, env=env).code == 0
    for state in ("FAILED", "CRASHED"):
        with Running("run", "--watch", cwd=built, env=env) as watching:
            watching.until("page")
            body = {"state": {"type": state, "message": "as it is"}, "force": True}
            for run in scheduled(prefect_server, built.name):
                ask(prefect_server, f"/flow_runs/{run['id']}/set_state", body)
            ended = watching.ended()
        assert ended.code == ExitCode.RUN == 8
        assert ended.stdout == f"{state}\n"
        assert "as it is" in ended.stderr
        assert "Traceback" not in ended.stderr


def scheduled(api_url, pool):
    """The runs that are waiting for a worker of `pool`."""
    wanted = {
        "work_pools": {"name": {"any_": [pool]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    return until(lambda: ask(api_url, "/flow_runs/filter", wanted))


def test_the_table_of_codes_is_complete():
    """Exit code 10 is tested in test_plan.py, 130 in test_interrupts.py."""
    assert {code.value for code in ExitCode} == {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 130}
