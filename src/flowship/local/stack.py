"""`up` and `down`: a Prefect server and a docker worker in the background.

Both processes are Prefect's own commands. They run in the state folder, because they outlive the
folder that `up` was called in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from flowship.errors import ConfigError, UsageError
from flowship.events import Phase, Report, silent
from flowship.local import previous_profile, processes, records
from flowship.local.scheduler import check_scheduler
from flowship.local.server import ensure_server
from flowship.local.services import SchedulerState, Service, State, service
from flowship.local.session import Session, Undo
from flowship.local.worker import ensure_worker
from flowship.prefect.address import is_loopback, require_address
from flowship.prefect.command import prefect_command
from flowship.prefect.containers import container_warnings
from flowship.prefect.profiles import editing, showing
from flowship.prefect.profiles.editing import ProfileChange
from flowship.prefect.profiles.files import LOCAL_PROFILE, open_profiles
from flowship.prefect.profiles.resolution import ApiTarget, resolve
from flowship.redaction import mask_addresses

DEFAULT_PORT = 4200
OWN_PROFILE = "flowship"
"""The profile that `up` uses if ``local`` belongs to another server."""


@dataclass(frozen=True)
class StackReport:
    """What `up` or `down` found and did.

    Attributes:
        api_url: The API that deployments in this folder use.
        services: The server first, then the worker.
        profile: The profile that `up` switched to, if no API was set.
        scheduler: Whether the server's scheduler works.
        warnings: One sentence each.
        restored_profile: The profile that `down` made active again.
    """

    api_url: str | None
    services: tuple[Service, ...]
    profile: ProfileChange | None = None
    scheduler: SchedulerState = SchedulerState.NOT_CHECKED
    warnings: tuple[str, ...] = ()
    restored_profile: str | None = None


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
    """Start the Prefect server and docker worker that are missing, and wait until they work.

    If this fails or is interrupted, everything that it started is stopped again.

    Args:
        pool: The work pool that the worker serves.
        port: The local server's port, if no API is set.
        report: Receives the progress.
        ensure_pool: Creates the work pool; by default, the worker creates a plain docker pool.
        check_engine: Raises if no container engine is reachable; called before anything is started.
        folder: The folder with Prefect's files, see `resolve`.
        environ: The environment, `os.environ` unless testing.

    Raises:
        ApiError: The server or worker cannot be used or does not start.
        UsageError: The port is wrong, or this is not a POSIX system.
    """
    _require_posix()
    if check_engine is not None:
        check_engine()
    found = resolve(folder, environ)
    target = replace(found, url=_wanted_url(found, port))
    with records.lock(environ, report), Undo() as undo:
        session = Session(target, environ, folder, report, undo)
        server = ensure_server(session)
        change = None if found.url else switch_profile(session)
        if ensure_pool is not None:
            ensure_pool(target, pool)
        scheduler = check_scheduler(session, server)
        worker = ensure_worker(session, pool)
    warnings = found.warnings if change is None else change.warnings
    warnings += (*session.warnings, *container_warnings(session.url, environ))
    return StackReport(session.shown, (server, worker), change, scheduler, warnings)


def _require_posix() -> None:
    if os.name != "posix":
        raise UsageError(
            "flowship up and down work only on Linux and macOS",
            code="platform-unsupported",
            hint=f"run `{prefect_command('server start')}` and `{prefect_command('worker start')}`"
            " yourself",
        )


def _wanted_url(found: ApiTarget, port: int) -> str:
    """Return the API's address: the one that is set, else this machine's at `port`."""
    if not 0 < port < 65536:
        raise UsageError(
            f"{port} is not a valid port",
            code="port-invalid",
            hint="use a port between 1 and 65535",
        )
    if not found.url:
        return f"http://127.0.0.1:{port}/api"
    require_address(found.url, found.source)
    if port not in (DEFAULT_PORT, records.port(found.url)) and is_loopback(found.url):
        raise UsageError(
            f"the API address is already set to {mask_addresses(found.url)} ({found.source}), so "
            f"nothing would use a server at port {port}",
            code="port-conflicts-with-api",
            hint=f"run `flowship profile set-api --no-check http://127.0.0.1:{port}/api`",
        )
    return found.url


def switch_profile(session: Session) -> ProfileChange:
    """Make the new server the API that every Prefect command here uses.

    Prefect's ``local`` profile is made for this. If it belongs to a server on another machine, it
    is left as it is and the profile ``flowship`` is used.
    """
    folder, environ = session.folder, session.environ
    local = showing.show(LOCAL_PROFILE, folder, environ).url
    name = LOCAL_PROFILE
    if local and not is_loopback(local):
        name = OWN_PROFILE
        session.warnings.append(
            f'the profile "{LOCAL_PROFILE}" was not changed, because it uses {local}'
        )
    with processes.uninterrupted():
        path = open_profiles(folder, environ).path
        before = path.read_bytes() if path.exists() else None
        session.undo.steps.append(lambda: _restore(path, before))
        written = editing.set_api(session.url, name, check=False, folder=folder, environ=environ)
        switched = editing.use(name, folder, environ)
        session.undo.steps.append(lambda: previous_profile.forget(session.state))
        previous_profile.remember(session.state, switched)
    return replace(switched, previous_url=written.previous_url)


def _restore(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(before)


# --- down --------------------------------------------------------------------------------------


def down(report: Report = silent, *, environ: Mapping[str, str] = os.environ) -> StackReport:
    """Stop what `up` started, the workers first, and undo its switch of the profile.

    The server's data stays.

    Returns:
        One service for each process that had a record.
    """
    _require_posix()
    with records.lock(environ, report):
        state = records.state_dir(environ)
        services = []
        known, damaged = records.load_all(state)
        for record in sorted(known, key=lambda r: r.name, reverse=True):
            report(Phase(f"stopping the {record.name} ({record.pid})"))
            stopped = processes.stop(record)
            records.remove(state, record)
            services.append(service(record, State.STOPPED if stopped else State.NOT_RUNNING))
        warnings = [
            f"{path} is not a record of this flowship: stop its process yourself"
            " (`pgrep -fa prefect`), then delete the file"
            for path in damaged
        ]
        try:
            restored = previous_profile.restore(state)
        except ConfigError as exc:
            restored = None
            warnings.append(f"the active Prefect profile was not switched back: {exc.message}")
    return StackReport(
        api_url=None,
        services=tuple(services),
        warnings=tuple(warnings),
        restored_profile=restored.name if restored else None,
    )
