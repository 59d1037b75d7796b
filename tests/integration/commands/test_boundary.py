"""Errors of the command line itself: a message, an exit code, and JSON if it was asked for."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import typer

from flowship.commands.boundary import after_failure, examples_text, register, run
from flowship.errors import ApiError, Interrupted
from support.commands import flowship, one_object, world


@pytest.mark.parametrize(
    "arguments", [["build", "--tga"], ["-C", "/nope", "build"], ["nonsense"], ["run", "a", "b"]]
)
def test_a_usage_error_is_one_json_object(cli, project, arguments):
    code, stdout, stderr = cli(*arguments, "--json")
    assert code == 2
    error = one_object(stdout)["error"]
    assert error["exit_code"] == 2
    assert error["message"] in stderr
    assert "--help" in error["hint"]


@pytest.mark.parametrize("command", ["status", "try", "logs", "pause"])
def test_a_deployment_that_is_an_argument_is_named_where_it_is_given_as_an_option(cli, command):
    code, _, stderr = cli(command, "--name", "nightly", "--json")
    assert code == 2
    wanted = f"No such option: --name; the deployment is an argument: flowship {command} DEPLOYMENT"
    assert wanted in stderr
    assert "(Possible" not in stderr
    assert "the deployment is an argument" not in cli(command, "--nmae", "x").stderr
    assert "the deployment is an argument" not in cli("check", "--name", "x").stderr


@pytest.fixture(params=["answers", "accepts"])
def silent_server(request):
    """The address of a server that never answers, or never even accepts a connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        address = listening.getsockname()
        fillers = []
        if request.param == "accepts":
            listening.listen(0)
            for _ in range(3):  # more than the system queues
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(address)
                fillers.append(filler)
        yield f"http://127.0.0.1:{address[1]}/api"
        for filler in fillers:
            filler.close()


def test_a_server_that_never_answers_is_named_while_a_command_waits(silent_server, tmp_path):
    def ended(*command: str):
        env = world(tmp_path, PREFECT_API_URL=silent_server)
        return command[0], flowship(*command, cwd=tmp_path, env=env), time.monotonic() - began

    began = time.monotonic()
    commands = [["status", "--project", "p"], ["logs", "nightly", "--json"], ["doctor"],
                ["history", "--project", "p"]]  # fmt: skip
    with ThreadPoolExecutor(len(commands)) as pool:
        for name, done, took in pool.map(lambda words: ended(*words), commands):
            assert done.code == (3 if name == "doctor" else 7), done
            note = f"note: waiting for an answer from the Prefect API at {silent_server}\n"
            assert done.stderr.count("waiting for") == 1, done.stderr
            assert done.stderr.startswith(note), done.stderr
            assert took < 28, name


# --- commands made for these tests ---------------------------------------------------------------


def application(body):
    app = typer.Typer()
    register(app, "work", body, ("flowship work",))
    register(app, "other", lambda: None, ("flowship other",))
    return app


def work(monkeypatch, body, *options):
    monkeypatch.setattr("sys.argv", ["flowship", "work", *options])
    return run(application(body))


def raising(exc):
    def body(as_json: bool = typer.Option(False, "--json")) -> None:
        raise exc

    return body


def test_an_expected_failure_ends_with_its_message_and_exit_code(monkeypatch, capsys):
    failure = ApiError("no answer", code="api-unreachable", hint="start it")
    assert work(monkeypatch, raising(failure)) == 7
    assert capsys.readouterr() == ("", "error: no answer\n  → start it\n")
    assert work(monkeypatch, raising(failure), "--json") == 7
    assert one_object(capsys.readouterr().out)["error"]["code"] == "api-unreachable"


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    assert work(monkeypatch, raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_an_interrupt_says_what_was_done_until_then(monkeypatch, capsys):
    exc = Interrupted("9 of 31 [changes]", "run it again")
    assert work(monkeypatch, raising(exc)) == 130
    said = "interrupted: 9 of 31 [changes]\n  → run it again\n"
    assert capsys.readouterr() == ("", said)
    assert work(monkeypatch, raising(exc), "--json") == 130
    error = one_object(capsys.readouterr().out)["error"]
    assert (error["code"], error["message"]) == ("interrupted", "interrupted: 9 of 31 [changes]")
    assert error["hint"] == "run it again"


def test_an_unexpected_failure_is_a_bug_with_its_traceback(monkeypatch, capsys):
    assert work(monkeypatch, raising(KeyError("name")), "--json") == 1
    stdout, stderr = capsys.readouterr()
    assert "Traceback (most recent call last)" in stderr
    assert one_object(stdout)["error"]["code"] == "bug"


def test_what_is_to_hear_of_the_failure_hears_of_it_once(monkeypatch):
    heard = []

    def body(fails: bool = typer.Option(False), listens: bool = typer.Option(False)) -> None:
        if listens:
            after_failure(heard.append)
        if fails:
            raise ApiError("no answer", code="api-unreachable")

    assert work(monkeypatch, body, "--listens") == 0
    assert work(monkeypatch, body, "--fails") == 7
    assert heard == []
    assert work(monkeypatch, body, "--fails", "--listens") == 7
    assert [error.message for error in heard] == ["no answer"]


def test_an_exit_of_the_command_keeps_its_code(monkeypatch):
    assert work(monkeypatch, raising(typer.Exit(5))) == 5


def test_a_command_that_returns_ends_with_0(monkeypatch):
    assert work(monkeypatch, lambda: None) == 0


def test_examples_are_indented_below_their_heading():
    assert examples_text(["a", "b"]) == "\nExamples:\n  a\n  b"


ENVIRONMENTS = """\
name = "trips"
entrypoint = "flow.py:hello"
block.secrets = ["API_TOKEN"]

[env.staging]
profile = "staging"

[env.production]
"""


@pytest.fixture
def staging(tmp_path, home):
    """A project whose profile for staging names a server that does not answer."""
    (home / ".prefect").mkdir(exist_ok=True)
    profile = '[profiles.staging]\nPREFECT_API_URL = "http://127.0.0.1:1/api"\n'
    (home / ".prefect" / "profiles.toml").write_text(f'active = "local"\n{profile}')
    folder = tmp_path / "trips"
    folder.mkdir()
    (folder / "flow.py").write_text("def hello(): ...\n")
    (folder / "flowship.toml").write_text(ENVIRONMENTS)
    return folder


UP = "PREFECT_PROFILE=staging flowship"


@pytest.mark.parametrize(
    ("arguments", "variable", "command"),
    [
        (("run", "--env", "staging"), "", f"{UP} up --env staging"),
        (("--env", "staging", "run"), "", f"{UP} up --env staging"),
        (("run",), "staging", f"{UP} up"),
        (("-C", ".", "--env", "staging", "run"), "", f"{UP} -C . up --env staging"),
        (("secret", "ls", "--env", "staging"), "", f"{UP} up --env staging"),
        (("--env", "staging", "secret", "ls"), "", f"{UP} up --env staging"),
        (("run", "--env", "production"), "", "flowship up --env production"),
    ],
)
def test_the_next_step_keeps_the_environment_of_the_command(
    cli, staging, arguments, variable, command
):
    env = {"FLOWSHIP_ENV": variable} if variable else {}
    done = cli(*arguments, "--json", cwd=staging, env=env)
    assert done.code == 7, done.stderr
    assert f"→ `{command}` starts a local server" in done.stderr
    assert one_object(done.stdout)["error"]["hint"].startswith(f"`{command}` starts")


@pytest.mark.parametrize("command", ["status", "history", "secret ls", "logs 6e5a4396", "ps"])
def test_without_a_server_and_an_environment_the_environments_are_named(cli, staging, command):
    done = cli(*command.split(), cwd=staging)
    assert (done.code, done.stdout) == (7, "")
    assert "use --env NAME or FLOWSHIP_ENV; environments: staging, production" in done.stderr


def test_doctor_names_the_environments_too(cli, staging):
    done = cli("doctor", cwd=staging)
    assert "use --env NAME or FLOWSHIP_ENV" in " ".join(done.stdout.split())


def test_up_says_that_the_server_is_not_that_of_the_environment(cli, staging):
    nowhere = {"DOCKER_HOST": "unix:///nowhere.sock"}  # so that nothing is started
    done = cli("up", "--env", "staging", cwd=staging, env=nowhere)
    assert done.code == 4
    assert done.stderr.splitlines()[0] == (
        "note: the server is that of the active profile, not that of the environment staging: for"
        " that, `PREFECT_PROFILE=staging flowship up --env staging`"
    )
    assert "note:" not in cli("up", "--env", "production", cwd=staging, env=nowhere).stderr
