"""Finding the server, where none has to be started."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace

import pytest
from parts.ports import free_port

from flowship.errors import ApiError, UsageError
from flowship.local import records, stack
from flowship.local import server as server_module
from flowship.local.processes import identity
from flowship.local.records import Record
from flowship.local.session import Session, Undo
from flowship.prefect.profiles import resolution
from support.commands import PATIENCE
from support.stack import Machine


@pytest.mark.parametrize("polite", [True, False])
def test_a_port_in_use_by_another_program_is_an_error_with_a_free_one(machine, polite):
    with socket.socket() as other:
        other.bind(("127.0.0.1", machine.port))
        other.listen()
        if polite:  # It accepts connections and closes them at once.
            other.settimeout(PATIENCE)
            code = "import socket,sys; s=socket.socket(fileno=int(sys.argv[1]));\n"
            code += "while True: s.accept()[0].close()"
            other.setblocking(True)
            helper = subprocess.Popen(
                [sys.executable, "-c", code, str(other.fileno())], pass_fds=[other.fileno()]
            )
        try:
            with pytest.raises(ApiError, match=f"port {machine.port} is in use") as error:
                machine.up()
        finally:
            if polite:
                helper.kill()
                helper.wait()
    assert error.value.code == "port-in-use"
    suggested = int(error.value.hint.rpartition(" ")[2].rstrip("`"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", suggested))
    assert machine.known() == []


def test_no_server_is_started_for_an_api_on_another_machine(tmp_path):
    machine = Machine(tmp_path, PREFECT_API_URL="https://prefect.invalid/api")
    with pytest.raises(ApiError, match=r"https://prefect\.invalid/api is not responding"):
        machine.up(port=stack.DEFAULT_PORT)
    assert machine.known() == []


def test_a_password_in_the_address_is_never_shown(tmp_path):
    port = free_port()
    address = f"http://ada:p@hunter2@127.0.0.1:{port}/team/api"
    machine = Machine(tmp_path, PREFECT_API_URL=address)
    events = []
    with pytest.raises(ApiError, match="is not responding") as error:
        machine.up(port=stack.DEFAULT_PORT, report=events.append)
    with pytest.raises(UsageError, match="already set to") as refused:
        machine.up(port=port - 1)
    shown = f"{events} {vars(error.value)} {vars(refused.value)}"
    assert f"http://ada:********@127.0.0.1:{port}/team/api" in shown
    assert "hunter2" not in shown


def test_the_hint_for_a_silent_address_that_up_cannot_serve_does_not_suggest_up(tmp_path):
    machine = Machine(tmp_path, PREFECT_API_URL=f"http://127.0.0.1:{free_port()}/team/api")
    with pytest.raises(ApiError) as error:
        machine.up(port=stack.DEFAULT_PORT)
    assert error.value.code == "api-unreachable"
    assert "start this one yourself" in error.value.hint
    assert "environment variable PREFECT_API_URL" in error.value.hint


def test_a_port_in_use_at_a_configured_address_names_the_place_to_change(tmp_path, server):
    machine = Machine(tmp_path, PREFECT_API_URL=server({}) + "/api")
    with pytest.raises(ApiError, match="is in use") as error:
        machine.up(port=stack.DEFAULT_PORT)
    assert "environment variable PREFECT_API_URL" in error.value.hint


def running_server(machine, sleeper, **environ):
    """A record of a living server at another port, with the database that `up` notes for it."""
    machine.state.mkdir(exist_ok=True)
    other = Machine(machine.root, **environ)
    target = replace(resolution.resolve(other.root, other.environ), url=other.url)
    database = server_module.database_of(Session(target, other.environ, other.root, print, Undo()))
    record = Record("server", sleeper.pid, identity(sleeper.pid), other.url, "log",
                    database=database)  # fmt: skip
    records.save(machine.state, record)
    return other


@pytest.mark.parametrize("home", ["", "prefect-home", "linked"])
def test_a_second_server_on_the_same_database_is_refused(tmp_path, sleeper, home):
    (tmp_path / "prefect-home").mkdir()
    (tmp_path / "linked").symlink_to("prefect-home")
    extra = {"PREFECT_HOME": str(tmp_path / home)} if home else {}
    machine = Machine(tmp_path, **extra)
    same = {"PREFECT_HOME": str(tmp_path / "prefect-home")} if home else {}
    other = running_server(machine, sleeper, **same)
    with pytest.raises(ApiError) as error:
        machine.up()
    assert error.value.code == "database-in-use"
    assert f"the server at {other.url} uses the same database, {tmp_path}" in error.value.message
    assert "flowship down" in error.value.hint
    assert machine.known() == [("server", True)]  # the other one, untouched
    records.remove(machine.state, records.load_all(machine.state)[0][0])


@pytest.mark.parametrize(
    "extra",
    [
        {"PREFECT_HOME": "another"},
        {"PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////x/other.db"},
        {"PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://ada:hunter2@db/prefect"},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_a_server_with_a_database_of_its_own_is_not_refused(tmp_path, sleeper, extra):
    machine = Machine(tmp_path, **extra)
    running_server(machine, sleeper)
    target = replace(resolution.resolve(machine.root, machine.environ), url=machine.url)
    session = Session(target, machine.environ, machine.root, print, Undo())
    database = server_module.database_of(session)
    assert "hunter2" not in database
    server_module.refuse_shared(session, database)
    assert len(records.load_all(machine.state)[0]) == 1
    records.remove(machine.state, records.load_all(machine.state)[0][0])
