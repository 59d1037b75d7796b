"""The embedded default: a local Prefect server and a docker worker, in the background.

`up` starts what is missing and waits until it really answers; `down` stops what `up` started
and nothing else; `flowship.local.processes` remembers what that is.

Both processes are Prefect's own commands. They run in the state folder, not in the project's:
a service outlives the folder it was first started from. Whatever the project's files say about
the API (address, key, CA) is handed over in their environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from uuid import uuid4

from flowship.errors import ApiError, ConfigError, UsageError
from flowship.events import Phase, Report, silent
from flowship.local import processes
from flowship.prefect import address, health
from flowship.prefect.profiles import editing, files, resolution
from flowship.prefect.profiles.editing import ProfileChange
from flowship.prefect.profiles.resolution import ApiTarget
from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Worker

DEFAULT_PORT = 4200
START_SECONDS = 180.0  # a first start creates the database, on a slow machine
SCHEDULER_SECONDS = 90.0  # the scheduler looks every 5 s at new deployments, every 60 s at all
CANARY = "flowship-scheduler-check"

State = Literal["started", "already running", "not ours", "stopped", "was not running"]


@dataclass(frozen=True)
class Service:
    """One of the two processes, as it was found or left.

    Attributes:
        name: ``server`` or ``worker``.
        state: ``started`` by this call; ``already running``, started by an earlier one;
            ``not ours``: somebody else's, used as it is. From `down`: ``stopped``, ``was not
            running``.
        address: The API's address, which for a worker is the one it works for.
        pool: The worker's pool.
        pid: The process, None when it is not ours.
        log: Where it writes, None when it is not ours.
        detail: The server's version, the worker's name.
    """

    name: Literal["server", "worker"]
    state: State
    address: str
    pool: str | None = None
    pid: int | None = None
    log: Path | None = None
    detail: str = ""


@dataclass(frozen=True)
class StackReport:
    """What `up` or `down` found and did.

    Attributes:
        api_url: The API that deployments here go to.
        services: Server first, then the worker.
        profile: Set where no API was set anywhere and a profile was switched to.
        scheduler: Whether the server was seen to schedule; ``not checked`` for a remote one
            that did not happen to show it.
        warnings: What a person should know, one sentence each.
    """

    api_url: str | None
    services: tuple[Service, ...]
    profile: ProfileChange | None = None
    scheduler: Literal["schedules", "not checked"] = "not checked"
    warnings: tuple[str, ...] = ()


def _service(record: processes.Record, state: State, detail: str = "") -> Service:
    return Service(
        name=record.name,
        state=state,
        address=mask_addresses(record.url),  # an earlier flowship kept its login
        pool=record.pool,
        pid=record.pid,
        log=Path(record.log),
        detail=detail or record.worker,
    )


# --- up ----------------------------------------------------------------------------------------


def up(
    pool: str,
    *,
    port: int = DEFAULT_PORT,
    report: Report = silent,
    ensure_pool: Callable[[ApiTarget, str], object] | None = None,
    check_engine: Callable[[], object] | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> StackReport:
    """Make sure that a Prefect server and a docker worker run, and really work.

    Where an API is set, that one is used: started when it is this machine's and silent, and
    never when it is somewhere else. Where none is set, a server is started and a profile
    switched to. Whatever this call started is stopped again when it fails or is interrupted.

    Args:
        pool: The work pool the worker serves.
        port: The local server's port, where no API is set.
        report: Told what is being waited for.
        ensure_pool: Makes sure of the work pool once the server answers; without it the worker
            creates a plain docker pool.
        check_engine: Raises when no container engine answers; asked before anything is started.
        folder: Where Prefect's files are looked for, see `profiles.resolve`.
        environ: The environment, `os.environ` unless testing.

    Raises:
        ApiError: The server cannot be used, does not start, or does not schedule.
        UsageError: The port does not fit, or this is no POSIX system.
    """
    _require_posix()
    if check_engine is not None:
        check_engine()
    found = resolution.resolve(folder, environ)
    target = replace(found, url=_wanted_url(found, port))
    with processes.lock(environ, report), _Undo() as undo:
        session = _Session(target, environ, folder, report, undo)
        server = _server(session)
        change = None if found.url else _switch_profile(session)
        if ensure_pool is not None:
            ensure_pool(target, pool)
        schedules = _check_scheduler(session, server)
        worker = _worker(session, pool)
    return StackReport(
        api_url=session.shown,
        services=(server, worker),
        profile=change,
        scheduler="schedules" if schedules else "not checked",
        warnings=(
            *(found.warnings if change is None else change.warnings),
            *session.warnings,
            *address.container_warnings(session.url, environ),
        ),
    )


class _Undo:
    """What to take back, last thing first, when the block ends in any exception."""

    def __init__(self) -> None:
        self.steps: list[Callable[[], None]] = []

    def __enter__(self) -> _Undo:
        return self

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if exc is None:
            return
        with processes.uninterrupted(swallow=True):
            for step in reversed(self.steps):
                step()


class _Session:
    """One call of `up`: where to, with which environment, and what was noticed on the way."""

    def __init__(
        self,
        target: ApiTarget,
        environ: Mapping[str, str],
        folder: Path | None,
        report: Report,
        undo: _Undo,
    ) -> None:
        self.target = target
        self.url = target.url or ""
        self.shown = mask_addresses(self.url)
        self.environ = environ
        self.folder = folder
        self.report = report
        self.undo = undo
        self.state = processes.state_dir(environ)
        self.warnings: list[str] = []

    def start(self, record: processes.Record, arguments: list[str]) -> tuple[processes.Record, Any]:
        """Start a Prefect command in the background; it is stopped again when `up` fails."""
        with processes.uninterrupted():
            process = processes.spawn(
                arguments, Path(record.log), self._child_environment(), self.state
            )
            record = replace(
                record, pid=process.pid, identity=processes.identity(process.pid) or ""
            )
            self.undo.steps.append(lambda: self._take_back(record))
            processes.save(self.state, record)
        return record, process

    def _take_back(self, record: processes.Record) -> None:
        processes.stop(record)
        with suppress(ConfigError):  # what is stopped may be remembered
            processes.forget(self.state, record)

    def _child_environment(self) -> dict[str, str]:
        """The user's environment, with the API's address and credentials spelled out."""
        target = self.target
        given = {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_KEY": target.key and target.key.get_secret_value(),
            "PREFECT_API_AUTH_STRING": target.auth_string and target.auth_string.get_secret_value(),
            "PREFECT_API_SSL_CERT_FILE": target.ca_file and self._absolute(target.ca_file),
            "PREFECT_API_TLS_INSECURE_SKIP_VERIFY": "" if target.verify else "true",
            "PREFECT_CLIENT_CUSTOM_HEADERS": json.dumps(dict(target.headers))
            if target.headers
            else None,
            "PYTHONUNBUFFERED": "1",  # a log that is read while the process lives
        }
        for name in ("PREFECT_HOME", "PREFECT_PROFILES_PATH"):
            if self.environ.get(name):
                given[name] = self._absolute(self.environ[name])
        upper = {name.upper() for name, value in given.items() if value}
        kept = {k: v for k, v in self.environ.items() if k.upper() not in upper}
        return {**kept, **{name: value for name, value in given.items() if value}}

    def _absolute(self, path: str) -> str:
        return path if path.startswith("~") else str(Path(self.folder or Path()).resolve() / path)


def _require_posix() -> None:
    if os.name != "posix":
        raise UsageError(
            "flowship up works on Linux and macOS",
            hint="start `prefect server start` and `prefect worker start` yourself",
        )


def _wanted_url(found: ApiTarget, port: int) -> str:
    """The API's address: the one that is set, else this machine's at `port`."""
    if not 0 < port < 65536:
        raise UsageError(f"{port} is not a port", hint="a port is between 1 and 65535")
    if not found.url:
        return f"http://127.0.0.1:{port}/api"
    address.require_address(found.url, found.source)
    if port not in (DEFAULT_PORT, processes.port(found.url)) and address.is_loopback(found.url):
        raise UsageError(
            f"the API is already set to {mask_addresses(found.url)} ({found.source}); a server at "
            f"port {port} would be one that nobody talks to",
            hint=f"flowship profile set-api --no-check http://127.0.0.1:{port}/api",
        )
    return found.url


def _ours_to_start(url: str) -> bool:
    """Whether a plain local server would answer at `url`."""
    parts = urlsplit(url)
    return address.is_loopback(url) and parts.scheme == "http" and parts.path == "/api"


# --- the server --------------------------------------------------------------------------------


def _server(session: _Session) -> Service:
    """The server at the session's address: found, or started."""
    session.report(Phase(f"asking for a Prefect server at {session.shown}"))
    record = processes.load(session.state, processes.server_key(session.url))
    alive = record is not None and processes.lives(record)
    answer = health.ask_server(session.target)
    if record is not None and alive and not answer.usable:
        answer = _wait_for_answer(session, record, None)
    if answer.usable:
        if record is not None and alive:
            return _service(record, "already running", answer.version or "")
        return Service("server", "not ours", session.shown, detail=answer.version or answer.kind)
    if not _ours_to_start(session.url):
        raise health.unusable(session.url, answer)
    _check_port(session, answer)
    if record is not None:
        session.warnings.append(_had_died(record))
    return _start_server(session)


def _had_died(record: processes.Record) -> str:
    log = processes.previous_log(record.log)
    return f"the {record.name} started earlier had died; its log is {log}"


def _check_port(session: _Session, answer: health.ServerAnswer) -> None:
    """Raise when something that is no Prefect 3 server sits at the local port already."""
    if answer.kind in ("prefect-2", "refused"):
        raise health.unusable(session.url, answer)
    host, port = _bind_host(session.url), processes.port(session.url)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(2.0)
        if answer.kind == "silent" and probe.connect_ex((host, port)) != 0:
            return
    raise ApiError(
        f"port {port} is taken by something that is no Prefect server",
        hint=f"flowship up --port {_free_port_after(port)}"
        if session.target.source.startswith("nowhere")
        else f"stop it, or set another address ({session.target.source} gives this one)",
        where=session.shown,
    )


def _bind_host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return host if host == "::1" or host.startswith("127.") else "127.0.0.1"


def _free_port_after(port: int) -> int:
    for candidate in range(port + 1, min(port + 100, 65536)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", candidate))
            return candidate
    return 0


def _start_server(session: _Session) -> Service:
    session.report(Phase(f"starting a Prefect server at {session.shown}"))
    key = processes.server_key(session.url)
    log = session.state / f"{key}.log"
    host, port = _bind_host(session.url), str(processes.port(session.url))
    record, process = session.start(
        processes.Record("server", 0, "", session.shown, str(log)),
        ["server", "start", "--host", host, "--port", port],
    )
    answer = _wait_for_answer(session, record, process)
    return _service(record, "started", answer.version or "")


def _wait_for_answer(
    session: _Session, record: processes.Record, process: subprocess.Popen[bytes] | None
) -> health.ServerAnswer:
    deadline = time.monotonic() + START_SECONDS
    while True:
        answer = health.ask_server(session.target)
        if answer.usable:
            return answer
        _must_live(record, process)
        if time.monotonic() > deadline:
            raise _explained(
                f"the Prefect server does not answer at {session.shown} after "
                f"{START_SECONDS:.0f} s",
                Path(record.log),
                "`flowship down`, then `flowship up` starts it anew",
            )
        time.sleep(0.2)


def _must_live(record: processes.Record, process: subprocess.Popen[bytes] | None) -> None:
    if process.poll() is None if process is not None else processes.lives(record):
        return
    code = f" (exit code {process.returncode})" if process is not None else ""
    raise _explained(
        f"the Prefect {record.name} ended while it was starting{code}",
        Path(record.log),
        "its log says why",
    )


_SCHEDULER_BROKEN = "Can't evaluate bulk DML statement"

# What is known to end a start, by what the log then says: (pattern, reason, what to do).
_KNOWN_FAILURES = (
    (
        r"unexpected keyword argument 'min_items'",
        "this Prefect does not work with the installed fastapi (0.155 or later)",
        'pip install "fastapi<0.151"',
    ),
    (
        re.escape(_SCHEDULER_BROKEN),
        "this Prefect's scheduler does not work with the installed sqlalchemy (2.1 or later)",
        'pip install "sqlalchemy<2.1"',
    ),
    (
        r"ModuleNotFoundError",
        "a package that Prefect needs is missing or broken",
        "install flowship again, into a fresh environment",
    ),
    (
        r"(?i)address already in use|port \d+ is already in use",
        "the port is taken",
        "flowship up --port PORT",
    ),
    (
        r"(?i)database is locked|Can't locate revision",
        "the database is in use by another server, or was made by a later Prefect",
        "stop the other server, or set PREFECT_HOME to a folder of its own",
    ),
    (
        r"unable to open database file|attempt to write a readonly database",
        "the folder PREFECT_HOME (default ~/.prefect) does not exist or cannot be written",
        "make the folder, or set PREFECT_HOME to another",
    ),
    (
        r"(?i)Error while fetching server API version|Cannot connect to the Docker daemon",
        "the worker reaches no container engine",
        "start Docker, and check DOCKER_HOST",
    ),
)


def _explained(message: str, log: Path, hint: str) -> ApiError:
    """An error with the log's tail, and the reason where the log shows one that is known."""
    tail = _tail(log)
    for pattern, reason, advice in _KNOWN_FAILURES:
        if re.search(pattern, tail):
            message, hint = f"{message}: {reason}", advice
            break
    return ApiError(message, hint=hint, where=str(log), details="\n".join(tail.splitlines()[-25:]))


def _tail(log: Path) -> str:
    try:
        return log.read_bytes()[-20_000:].decode("utf-8", errors="replace")
    except OSError:
        return ""


# --- the profile -------------------------------------------------------------------------------


def _switch_profile(session: _Session) -> ProfileChange:
    """Make the new server the API that every Prefect command here uses, and say so.

    Prefect's ``local`` profile is made for this; where it points to another machine, it is left
    as it is, and a profile ``flowship`` takes its place.
    """
    folder, environ = session.folder, session.environ
    local = editing.show(files.LOCAL_PROFILE, folder, environ).url
    name = files.LOCAL_PROFILE
    if local and not address.is_loopback(local):
        name = "flowship"
        session.warnings.append(f'the profile "local" was left as it is: it points to {local}')
    with processes.uninterrupted():
        path = editing.file(folder, environ)
        before = path.read_bytes() if path.exists() else None
        session.undo.steps.append(lambda: _put_back(path, before))
        written = editing.set_api(session.url, name, check=False, folder=folder, environ=environ)
        switched = editing.use(name, folder, environ)
    return replace(switched, previous_url=written.previous_url)


def _put_back(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(before)


# --- the scheduler -----------------------------------------------------------------------------


def _recently_scheduled(api: PrefectApi, since: datetime) -> bool:
    """Whether the scheduler created a run after `since`."""
    runs = api.scheduled_runs()
    return any(r.get("auto_scheduled") and _time(r.get("created")) > since for r in runs)


def _time(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return datetime.min.replace(tzinfo=timezone.utc)


def _check_scheduler(session: _Session, server: Service) -> bool:
    """See the scheduler create a run: proof that a schedule would fire.

    A server may answer every request and still schedule nothing. Where no run was created of
    late, a deployment with a schedule far in the future is made, waited for, and deleted.

    Returns:
        Whether it was seen; a remote server is only looked at, never written to.
    """
    from flowship.prefect.client import PrefectApi  # brings httpx, which `down` need not pay for

    record = (
        processes.load(session.state, processes.server_key(session.url)) if server.pid else None
    )
    if record is not None and record.schedules:
        return True
    session.report(Phase("making sure that the scheduler schedules"))
    now = datetime.now(timezone.utc)
    with PrefectApi(session.target) as api:
        seen = _recently_scheduled(api, now - timedelta(minutes=10))
        if not seen and not address.is_loopback(session.url):
            return False
        if not seen and not _canary(api, now, server.log):
            raise _explained(
                "the Prefect server answers, but its scheduler creates no runs: no schedule would "
                "ever fire",
                server.log or Path("server.log"),
                "the server's log says why; `pip install` the versions flowship asks for",
            )
    if record is not None:
        processes.save(session.state, replace(record, schedules=True))
    return True


def _canary(api: PrefectApi, now: datetime, log: Path | None) -> bool:
    """Whether a deployment made for this gets its runs; nothing of it stays behind."""
    for old in api.flows_like(CANARY):  # of a call that was killed
        if _time(old.get("created")) < now - timedelta(minutes=10):
            api.delete_flow(old["id"])
    name = f"{CANARY}-{uuid4().hex[:8]}"
    try:
        flow = api.create_flow(name)
        tomorrow = (now + timedelta(days=1)).isoformat()
        schedule = {"interval": 86_400, "anchor_date": tomorrow, "timezone": "UTC"}
        body = {"name": name, "flow_id": flow["id"], "schedules": [{"schedule": schedule}]}
        deployment = api.create_deployment(body)["id"]
        deadline = time.monotonic() + SCHEDULER_SECONDS
        while time.monotonic() < deadline:
            if api.runs_of(deployment):
                return True
            if log is not None and _SCHEDULER_BROKEN in _tail(log):
                return False
            time.sleep(0.5)
        return False
    finally:
        with processes.uninterrupted():
            _forget_canary(api, name)


def _forget_canary(api: PrefectApi, name: str) -> None:
    flow = api.flow_by_name(name)
    if flow is None:
        return
    deployment = api.deployment_by_name(name, name)
    if deployment is not None:
        runs = api.runs_of(deployment["id"])
        api.delete_deployment(deployment["id"])
        for run in [*runs, *api.runs_of(deployment["id"])]:
            api.delete_run(run["id"])
    api.delete_flow(flow["id"])


# --- the worker --------------------------------------------------------------------------------


def _worker(session: _Session, pool: str) -> Service:
    """A docker worker that is online in `pool`: found, or started."""
    from flowship.prefect.client import PrefectApi

    session.report(Phase(f'asking for a worker in the pool "{pool}"'))
    own = _worker_name(session.state)
    record = processes.load(session.state, processes.worker_key(session.url, pool))
    with PrefectApi(session.target) as api:
        known = _workers(api, pool)
        if record is not None and processes.lives(record):
            _wait_until_online(session, api, record, "", None)
            return _service(record, "already running")
        # One of our name is an echo of a worker that ended a moment ago.
        for name, worker in known.items():
            if worker.get("status") == "ONLINE" and name != own:
                return Service("worker", "not ours", session.shown, pool, detail=name)
        if record is not None:
            session.warnings.append(_had_died(record))
        session.report(Phase(f'starting a docker worker for the pool "{pool}"'))
        log = session.state / f"{processes.worker_key(session.url, pool)}.log"
        arguments = ["worker", "start", "--type", "docker", "--pool", pool, "--name", own]
        record, process = session.start(
            processes.Record("worker", 0, "", session.shown, str(log), pool, own),
            [*arguments, "--install-policy", "never"],
        )
        seen = str(known.get(own, {}).get("last_heartbeat_time"))
        _wait_until_online(session, api, record, seen, process)
    return _service(record, "started")


def _worker_name(state: Path) -> str:
    """This user's worker here: always the same, or the pool's list of workers would grow."""
    digest = hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:6]
    return f"flowship-{socket.gethostname()}-{digest}"


def _workers(api: PrefectApi, pool: str) -> dict[str, Worker]:
    if api.work_pool(pool) is None:
        return {}
    return {str(worker["name"]): worker for worker in api.workers(pool)}


def _wait_until_online(
    session: _Session,
    api: PrefectApi,
    record: processes.Record,
    last_heartbeat: str,
    process: subprocess.Popen[bytes] | None,
) -> None:
    """Wait until the server calls the worker online, with a heartbeat newer than the last one."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        worker = _workers(api, record.pool or "").get(record.worker, {})
        if worker.get("status") == "ONLINE" and worker["last_heartbeat_time"] != last_heartbeat:
            return
        _must_live(record, process)
        if time.monotonic() > deadline:
            raise _explained(
                f"the worker does not come online in the pool {record.pool} after "
                f"{START_SECONDS:.0f} s",
                Path(record.log),
                "its log says why",
            )
        time.sleep(0.3)


# --- down --------------------------------------------------------------------------------------


def down(report: Report = silent, *, environ: Mapping[str, str] = os.environ) -> StackReport:
    """Stop what `up` started, workers first; the server's data stays.

    Returns:
        One service for each process that was known; none at all is fine.
    """
    _require_posix()
    with processes.lock(environ, report):
        state = processes.state_dir(environ)
        services = []
        records, damaged = processes.records(state)
        for record in sorted(records, key=lambda r: r.name, reverse=True):
            report(Phase(f"stopping the {record.name} ({record.pid})"))
            stopped = processes.stop(record)
            processes.forget(state, record)
            services.append(_service(record, "stopped" if stopped else "was not running"))
    warnings = tuple(
        f"{path} cannot be read, so nobody knows which process it was of: look for one"
        " (`pgrep -fa prefect`), end it, and delete the file"
        for path in damaged
    )
    return StackReport(api_url=None, services=tuple(services), warnings=warnings)
