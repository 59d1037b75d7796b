"""Find the Prefect server, or start one on this machine."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from flowship.errors import ApiError
from flowship.events import Phase
from flowship.local import failures, processes, records
from flowship.local.database_users import servers_with
from flowship.local.services import Service, State, service
from flowship.local.session import Session
from flowship.local.waiting import START_SECONDS, wait_for_start
from flowship.prefect import health
from flowship.prefect.address import is_loopback
from flowship.prefect.health import AnswerKind, ServerAnswer
from flowship.prefect.profiles.files import home_folder, open_profiles
from flowship.prefect.source import SourceKind
from flowship.redaction import mask_addresses

_DATABASE_SETTINGS = (
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
)


def ensure_server(session: Session) -> Service:
    """Find the server at the session's address, or start one there.

    Raises:
        ApiError: A server elsewhere cannot be used, or the one here does not start.
    """
    session.report(Phase(f"checking for a Prefect server at {session.shown}"))
    record = records.load(session.state, records.server_key(session.url))
    alive = record is not None and processes.lives(record)
    answer = health.ask_server(session.target)
    if record is not None and alive and not answer.usable:
        answer = _wait_for_answer(session, record, None)
    if answer.usable:
        if record is not None and alive:
            return service(record, State.RUNNING, answer.version or "")
        detail = answer.version or answer.kind.value
        return Service("server", State.EXTERNAL, session.shown, detail=detail)
    if not _can_start(session.url):
        raise _unusable(session, answer)
    _check_port(session, answer)
    if record is not None:
        session.warnings.append(failures.died_warning(record))
    return _start(session)


def _can_start(url: str) -> bool:
    """Whether a plain local server would answer at `url`."""
    parts = urlsplit(url)
    return is_loopback(url) and parts.scheme == "http" and parts.path == "/api"


def _unusable(session: Session, answer: ServerAnswer) -> ApiError:
    error = health.unusable(session.url, answer, session.target.source)
    if answer.silent and is_loopback(session.url):
        error.hint = (
            f"`flowship up` starts servers only at http://127.0.0.1:PORT/api; start this one "
            f"yourself, or change the address ({session.target.source})"
        )
    return error


def _check_port(session: Session, answer: ServerAnswer) -> None:
    """Raise if something that is not a Prefect 3 server uses the local port."""
    if not answer.silent and answer.kind is not AnswerKind.OTHER:
        raise _unusable(session, answer)
    host, port = _bind_host(session.url), records.port(session.url)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(2.0)
        if answer.silent and probe.connect_ex((host, port)) != 0:
            return
    source = session.target.source
    raise ApiError(
        f"port {port} is in use by a program that is not a Prefect server",
        code="port-in-use",
        hint=f"run `flowship up --port {_free_port_after(port)}`"
        if source.kind is SourceKind.NONE
        else f"stop the program, or change the API address ({source})",
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


def _start(session: Session) -> Service:
    session.report(Phase(f"starting a Prefect server at {session.shown}"))
    database = database_of(session)
    refuse_shared(session, database)
    log = session.state / f"{records.server_key(session.url)}.log"
    host, port = _bind_host(session.url), str(records.port(session.url))
    record, process = session.start(
        records.Record("server", 0, "", session.shown, str(log), database=database),
        ["server", "start", "--host", host, "--port", port],
    )
    answer = _wait_for_answer(session, record, process)
    return service(record, State.STARTED, answer.version or "")


def database_of(session: Session) -> str:
    """The SQLite database that a server of this session uses; empty if it uses another kind."""
    folder, environ = session.folder or Path(), session.environ
    profile = open_profiles(folder, environ)
    settings = {**profile.profiles.get(profile.active, {}), **environ}
    url = next((str(settings[name]) for name in _DATABASE_SETTINGS if settings.get(name)), "")
    if url:
        return mask_addresses(url) if url.startswith("sqlite") and ":memory:" not in url else ""
    home = environ.get("PREFECT_HOME") or str(home_folder(environ) / ".prefect")
    return str((folder / home).resolve() / "prefect.db")


def refuse_shared(session: Session, database: str) -> None:
    """Make sure that no server at another port uses this database, however it was started.

    Both would have the same deployments, so that a deploy to one changes the other, and both
    would schedule them.

    Raises:
        ApiError: One does.
    """
    for other in records.load_all(session.state)[0]:
        if database and other.database == database and processes.lives(other):
            raise ApiError(
                f"the server at {mask_addresses(other.url)} uses the same database, {database}",
                code="database-in-use",
                hint="stop it with `flowship down`, or set PREFECT_HOME to another folder for the "
                "second server",
                where=session.shown,
            )
    for user in servers_with(database):
        raise ApiError(
            f"{user} uses the same database, {database}",
            code="database-in-use",
            hint="stop it, or set PREFECT_HOME to another folder for the second server",
            where=session.shown,
        )


def _wait_for_answer(
    session: Session, record: records.Record, process: subprocess.Popen[bytes] | None
) -> ServerAnswer:
    def ready() -> ServerAnswer | None:
        answer = health.ask_server(session.target)
        return answer if answer.usable else None

    return wait_for_start(
        ready,
        record,
        process,
        failed=f"the Prefect server at {session.shown} did not respond within "
        f"{START_SECONDS:.0f} s",
        code="server-start-timeout",
        hint="restart it: `flowship down`, then `flowship up`",
    )
