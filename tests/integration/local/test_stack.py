"""The local stack: real servers and workers, in homes, state folders and on ports of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from parts.ports import free_port

from flowship.errors import ApiError, ConfigError, EngineError, UsageError
from flowship.local import processes, stack
from flowship.output.console import plain
from flowship.prefect.profiles import resolution

PATIENCE = 180  # seconds until something that will surely happen


def environment(home, **extra):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "FLOWSHIP_"))}
    (home / "home" / ".prefect").mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        "HOME": str(home / "home"),
        "FLOWSHIP_STATE_DIR": str(home / "state"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **extra,
    }


class Machine:
    """A home, a state folder and a port, and `up` and `down` on them."""

    def __init__(self, root, port=None, **extra):
        self.root, self.port = root, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.environ = environment(root, **extra)
        self.state = root / "state"

    def up(self, **options):
        options = {"folder": self.root, "environ": self.environ, "port": self.port, **options}
        return stack.up("flowship", **options)

    def down(self):
        return stack.down(environ=self.environ)

    def profiles(self):
        path = self.root / "home" / ".prefect" / "profiles.toml"
        return path.read_text() if path.exists() else None


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    made.down()


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def processes_with(text):
    """The command lines of living processes that hold `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, UnicodeDecodeError):
            continue
        if text in line and state != "Z" and int(entry.name) != os.getpid():
            found.append(line)
    return found


def until(happened):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "this did not happen"
        time.sleep(0.05)


def known(machine):
    """What is remembered there, and whether it still lives."""
    return [(r.name, processes.lives(r)) for r in processes.records(machine.state)[0]]


# --- a server and a worker ---------------------------------------------------------------------


@pytest.mark.server
@pytest.mark.engine
def test_up_starts_what_is_missing_once_and_down_stops_it(machine):
    asked = []
    first = machine.up(ensure_pool=lambda target, pool: asked.append((target.url, pool)))
    server, worker = first.services
    assert (server.state, worker.state) == ("started", "started")
    assert first.scheduler == "schedules"
    assert asked == [(machine.url, "flowship")]
    workers = ask(f"{machine.url}/work_pools/flowship/workers/filter", {})
    assert [(w["name"], w["status"]) for w in workers] == [(worker.detail, "ONLINE")]

    # Nothing of the scheduler's test is left.
    assert ask(f"{machine.url}/flows/filter", {}) == []
    assert ask(f"{machine.url}/deployments/filter", {}) == []
    assert ask(f"{machine.url}/flow_runs/filter", {}) == []

    # On a fresh home the local profile now names this server, and that was said.
    assert (first.profile.profile, first.profile.switched_from) == ("local", "ephemeral")
    assert resolution.resolve(machine.root, machine.environ).url == machine.url

    again = machine.up()
    assert [s.state for s in again.services] == ["already running", "already running"]
    assert [s.pid for s in again.services] == [server.pid, worker.pid]
    assert again.profile is None

    # A worker that died is replaced, at once and not when the server notices.
    os.killpg(worker.pid, signal.SIGKILL)
    until(lambda: known(machine) == [("server", True), ("worker", False)])
    third = machine.up()
    assert [s.state for s in third.services] == ["already running", "started"]
    assert "worker started earlier had died" in third.warnings[0]

    json.dumps(plain(third))
    stopped = machine.down()
    assert [(s.name, s.state) for s in stopped.services] == [
        ("worker", "stopped"),
        ("server", "stopped"),
    ]
    assert machine.down().services == ()
    assert processes_with(str(machine.port)) == []
    assert processes_with(worker.detail) == []


@pytest.mark.server
@pytest.mark.engine
def test_a_server_that_is_not_ours_is_used_and_left_alone(tmp_path, prefect_server):
    port = int(prefect_server.rpartition(":")[2].partition("/")[0])
    machine = Machine(tmp_path, port)
    try:
        report = machine.up()
        assert [s.state for s in report.services] == ["not ours", "started"]
        assert report.services[0].pid is None
        neighbour = Machine(tmp_path / "neighbour", port)
        worker = neighbour.up().services[1]
        assert (worker.state, worker.detail) == ("not ours", report.services[1].detail)
        assert neighbour.down().services == ()
        assert known(machine) == [("worker", True)]
    finally:
        assert [s.name for s in machine.down().services] == ["worker"]
    assert ask(f"{prefect_server}/health") is True


DRIVER = """
import os, sys
from pathlib import Path
from flowship import stack
def report(event):
    print(event.text, flush=True)
try:
    stack.up("ctrl-c", port=int(sys.argv[1]), folder=Path(sys.argv[2]), report=report)
except KeyboardInterrupt:
    sys.exit(130)
"""


def interrupted_while(machine, doing):
    """Run `up` in a process of its own, press Ctrl-C once it says it is `doing` that."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(machine.port), str(machine.root)],
        env=machine.environ,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: doing in process.stdout.readline())
    until(lambda: known(machine))  # it has been started
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()
    return process.wait(PATIENCE)


@pytest.mark.server
def test_ctrl_c_while_the_server_starts_leaves_nothing(machine):
    assert interrupted_while(machine, "starting a Prefect server") == 130
    assert processes_with(f"--port {machine.port}") == []
    assert known(machine) == []
    assert machine.profiles() is None


@pytest.mark.server
@pytest.mark.engine
def test_ctrl_c_while_the_worker_starts_switches_the_profile_back(tmp_path, prefect_server):
    machine = Machine(tmp_path, int(prefect_server.rpartition(":")[2].partition("/")[0]))
    before = '# mine\nactive = "ephemeral"\n'
    (tmp_path / "home" / ".prefect" / "profiles.toml").write_text(before)
    assert interrupted_while(machine, "starting a docker worker") == 130
    assert processes_with("--pool ctrl-c") == []
    assert known(machine) == []
    assert machine.profiles() == before
    assert ask(f"{prefect_server}/health") is True
    flows = ask(f"{prefect_server}/flows/filter", {"flows": {"name": {"like_": stack.CANARY}}})
    assert flows == []


@pytest.mark.server
def test_a_server_that_dies_shows_its_log_and_leaves_nothing(tmp_path):
    machine = Machine(tmp_path, PREFECT_SERVER_DATABASE_CONNECTION_URL="sqlite+aiosqlite:////no/x")
    with pytest.raises(ApiError, match="ended while it was starting") as error:
        machine.up()
    assert "unable to open database file" in error.value.details
    assert error.value.where == str(machine.state / f"server-{machine.port}.log")
    assert "PREFECT_HOME" in error.value.message
    assert known(machine) == []
    assert machine.profiles() is None


# --- without a server --------------------------------------------------------------------------


@pytest.mark.parametrize("polite", [True, False])
def test_a_port_taken_by_something_else_is_an_error_with_a_free_one(machine, polite):
    with socket.socket() as other:
        other.bind(("127.0.0.1", machine.port))
        other.listen()
        if polite:  # it takes connections and ends them at once
            other.settimeout(PATIENCE)
            code = "import socket,sys; s=socket.socket(fileno=int(sys.argv[1]));\n"
            code += "while True: s.accept()[0].close()"
            other.setblocking(True)
            helper = subprocess.Popen(
                [sys.executable, "-c", code, str(other.fileno())], pass_fds=[other.fileno()]
            )
        try:
            with pytest.raises(ApiError, match=f"port {machine.port} is taken") as error:
                machine.up()
        finally:
            if polite:
                helper.kill()
                helper.wait()
    suggested = int(error.value.hint.rpartition(" ")[2])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", suggested))
    assert known(machine) == []


def test_no_engine_is_said_before_anything_is_started(machine):
    def missing():
        raise EngineError("no container engine answers")

    with pytest.raises(EngineError):
        machine.up(check_engine=missing)
    assert not machine.state.exists()


def test_an_api_elsewhere_that_is_silent_is_no_reason_to_start_one(tmp_path):
    machine = Machine(tmp_path, PREFECT_API_URL="https://prefect.invalid/api")
    with pytest.raises(ApiError, match=r"no Prefect server answers at https://prefect\.invalid"):
        machine.up(port=stack.DEFAULT_PORT)
    assert known(machine) == []


@pytest.mark.parametrize("url", ["http://[::1/api", "http://127.0.0.1:99999/api", "nonsense"])
def test_an_address_that_is_none_is_told_with_its_place(tmp_path, url):
    machine = Machine(tmp_path, PREFECT_API_URL=url)
    with pytest.raises(ApiError, match="is not an address") as error:
        machine.up(port=stack.DEFAULT_PORT)
    assert error.value.where == "environment variable PREFECT_API_URL"
    assert known(machine) == []


def test_a_password_in_the_apis_address_is_told_nowhere(tmp_path):
    port = free_port()
    address = f"http://ada:p@hunter2@127.0.0.1:{port}/team/api"
    machine = Machine(tmp_path, PREFECT_API_URL=address)
    said = []
    with pytest.raises(ApiError, match="no Prefect server answers") as error:
        machine.up(port=stack.DEFAULT_PORT, report=said.append)
    with pytest.raises(UsageError, match="already set to") as refused:
        machine.up(port=port - 1)
    told = f"{said} {vars(error.value)} {vars(refused.value)}"
    assert f"http://ada:********@127.0.0.1:{port}/team/api" in told
    assert "hunter2" not in told


@pytest.mark.server
@pytest.mark.engine
def test_a_password_in_the_apis_address_is_neither_remembered_nor_reported(
    tmp_path, prefect_server
):
    address = prefect_server.replace("http://", "http://ada:hunter2@")
    machine = Machine(tmp_path, PREFECT_API_URL=address)
    try:
        done = stack.up("with-login", folder=tmp_path, environ=machine.environ)
        assert known(machine) == [("worker", True)]
        kept = "".join(path.read_text() for path in machine.state.glob("*.json"))
    finally:
        stopped = machine.down()
    assert [s.state for s in stopped.services] == ["stopped"]
    assert "ada:********@127.0.0.1" in str(done)
    assert "hunter2" not in f"{done} {stopped} {kept}"


def test_a_port_that_nobody_would_talk_to_is_refused(tmp_path):
    machine = Machine(tmp_path, PREFECT_API_URL="http://127.0.0.1:4300/api")
    with pytest.raises(UsageError, match="already set to http://127") as error:
        machine.up(port=4301)
    assert error.value.hint.endswith("http://127.0.0.1:4301/api")
    with pytest.raises(UsageError, match="not a port"):
        machine.up(port=70_000)


def record(machine, pid, identity):
    machine.state.mkdir(exist_ok=True)
    log = machine.state / "server.log"
    made = processes.Record("server", pid, identity, machine.url, str(log))
    processes.save(machine.state, made)
    return made


@pytest.fixture
def sleeper():
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def spawned(monkeypatch):
    """Notes what is started in the background."""
    started = []
    spawn = processes.spawn

    def noted(*arguments):
        started.append(spawn(*arguments))
        return started[-1]

    monkeypatch.setattr(processes, "spawn", noted)
    return started


def test_a_process_that_cannot_be_remembered_does_not_stay(machine, spawned):
    (machine.state / f"server-{machine.port}.new").mkdir(parents=True)  # nothing can be written
    with pytest.raises(ConfigError, match=r"state folder .* cannot be written") as error:
        machine.up()
    assert error.value.where == str(machine.state)
    assert "FLOWSHIP_STATE_DIR" in error.value.hint
    assert [process.wait(PATIENCE) is not None for process in spawned] == [True]
    assert processes_with(f"--port {machine.port}") == []
    assert machine.profiles() is None


def test_a_log_that_cannot_be_written_names_the_folder(machine):
    (machine.state / f"server-{machine.port}.log").mkdir(parents=True)
    (machine.state / f"server-{machine.port}.previous.log").write_text("")
    with pytest.raises(ConfigError, match=r"state folder .* cannot be written"):
        machine.up()


def test_a_record_that_cannot_be_removed_names_the_folder(machine):
    made = record(machine, 0, "")
    processes.record_path(machine.state, made).unlink()
    processes.record_path(machine.state, made).mkdir()
    with pytest.raises(ConfigError, match=r"state folder .* cannot be written"):
        processes.forget(machine.state, made)


API = "http://127.0.0.1:4200/api"


def test_a_worker_is_remembered_by_a_readable_name():
    assert processes.worker_key(API, "flowship") == "worker-127.0.0.1-4200-flowship"
    assert processes.worker_key(API, "a/b é") == "worker-127.0.0.1-4200-a%2Fb%20%C3%A9"
    assert processes.worker_key(API, "p" * 200).endswith("p" * 200)


def test_a_pool_of_any_name_has_files_of_its_own(machine):
    machine.state.mkdir()
    keys = set()
    for pool in ("數" * 60, "數" * 61, "數" * 60 + "a", "p" * 255):
        made = processes.Record("worker", 1, "x", API, "log", pool, "w")
        processes.save(machine.state, made)
        key = processes.worker_key(API, pool)
        assert processes.load(machine.state, key) == made
        log = machine.state / f"{key}.log"
        log.write_text("")
        processes.previous_log(log).write_text("")
        keys.add(key)
    assert len(keys) == 4


def test_a_recycled_pid_is_not_killed(machine, sleeper):
    record(machine, sleeper.pid, "another boot 12345")
    assert known(machine) == [("server", False)]
    assert [s.state for s in machine.down().services] == ["was not running"]
    assert sleeper.poll() is None


def test_a_process_that_is_ours_is_killed_with_its_children(machine):
    code = (
        "import signal, subprocess, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit());"
        "subprocess.Popen([sys.executable, '-c', 'import signal, time;"
        " signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(601)']);"
        "time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    process.stdout.readline()  # the child is there, and deaf to SIGTERM
    group = process.pid
    record(machine, group, processes.identity(group))
    assert [s.state for s in machine.down().services] == ["stopped"]
    process.stdout.close()
    until(lambda: not processes.signal_group(group, 0))


def test_a_process_started_later_has_another_identity(sleeper):
    mine = processes.identity(sleeper.pid)
    assert mine == processes.identity(sleeper.pid)
    assert mine != processes.identity(os.getpid())
    sleeper.kill()
    until(lambda: processes.identity(sleeper.pid) is None)


def test_a_broken_record_is_nobodys(machine):
    machine.state.mkdir()
    (machine.state / "server-1.json").write_text("{")
    (machine.state / "server-2.json").write_text('{"surprise": 1}')
    assert known(machine) == []
    assert machine.down().services == ()


def test_a_local_profile_that_points_elsewhere_is_left_alone(machine):
    path = machine.root / "home" / ".prefect" / "profiles.toml"
    path.write_text('[profiles.local]\nPREFECT_API_URL = "http://10.0.0.5:4200/api"\n')
    found = resolution.resolve(machine.root, machine.environ)
    with stack._Undo() as undo:
        target = replace(found, url=machine.url)
        session = stack._Session(target, machine.environ, machine.root, print, undo)
        change = stack._switch_profile(session)
    assert change.profile == "flowship"
    assert resolution.resolve(machine.root, machine.environ).url == machine.url
    assert "http://10.0.0.5:4200/api" in path.read_text()
    assert "was left as it is" in session.warnings[0]


def test_what_is_known_to_end_a_start_is_explained(tmp_path):
    log = tmp_path / "server.log"
    for line, advice in (
        ("TypeError: Body() got an unexpected keyword argument 'min_items'", "fastapi<0.151"),
        ("InvalidRequestError: Can't evaluate bulk DML statement; please", "sqlalchemy<2.1"),
    ):
        log.write_text(f"Traceback\n{line}\n")
        error = stack._explained("the server ended", log, "read the log")
        assert advice in error.hint
        assert line in error.details
    log.write_text("something new\n")
    assert stack._explained("the server ended", log, "read the log").hint == "read the log"


def test_the_state_folder_follows_the_environment(tmp_path):
    home = {"HOME": "/home/ann"}
    assert processes.state_dir(home) == Path("/home/ann/.local/state/flowship")
    assert processes.state_dir({**home, "XDG_STATE_HOME": "/x"}) == Path("/x/flowship")
    assert processes.state_dir({**home, "FLOWSHIP_STATE_DIR": "/y"}) == Path("/y")


def test_a_state_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        stack.down(environ={"FLOWSHIP_STATE_DIR": str(tmp_path / "file" / "state")})


def test_a_second_up_waits_for_the_first(machine):
    said = []
    with processes.lock(machine.environ, said.append):
        waiting = subprocess.Popen(
            [sys.executable, "-c", "from flowship.local import stack; stack.down(print)"],
            env=machine.environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert "waiting for another" in waiting.stdout.readline()
        assert waiting.poll() is None
    assert waiting.wait(PATIENCE) == 0
    waiting.stdout.close()


def test_credentials_reach_the_worker_and_project_files_do_not(tmp_path):
    machine = Machine(tmp_path, prefect_api_url="http://old/api", PREFECT_HOME="relative")
    (tmp_path / ".env").write_text("PREFECT_API_AUTH_STRING=admin:pass\n")
    target = replace(resolution.resolve(tmp_path, machine.environ), url=machine.url)
    session = stack._Session(target, machine.environ, tmp_path, print, stack._Undo())
    given = session._child_environment()
    assert given["PREFECT_API_URL"] == machine.url
    assert "prefect_api_url" not in given
    assert given["PREFECT_API_AUTH_STRING"] == "admin:pass"
    assert given["PREFECT_HOME"] == str(tmp_path / "relative")
    assert "PREFECT_API_KEY" not in given


def test_the_stack_imports_nothing_heavy():
    code = (
        "import sys, flowship.local.stack;"
        "heavy = ('prefect', 'pandas', 'docker', 'typer', 'rich');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_damaged_record_is_told_by_down_and_kept(machine):
    damaged = machine.state / "worker-127.0.0.1-4200-flowship.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    stopped = machine.down()
    assert stopped.services == ()
    (warning,) = stopped.warnings
    assert str(damaged) in warning
    assert damaged.exists()
