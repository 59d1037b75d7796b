"""`flowship logs`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowship.commands.options import Env, Json, Project, RunName, not_empty
from flowship.commands.outcome import exit_on
from flowship.commands.project import choose_scope, require_known
from flowship.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.output.console import Screen
    from flowship.runs.log import Listener
    from flowship.runs.records import LogRecord, Selection

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class _ReaderLeft(Exception):
    """The reader of stdout has left, as after `| head`."""


def logs(
    run: RunName = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Go on until the run ends; exit with code 8 if it fails.",
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            callback=not_empty,
            help="Only what is newer: 30m, 1h30m, 1d, or a time like 2026-11-26T05:00.",
        ),
    ] = None,
    tail: Annotated[
        int | None,
        typer.Option("--tail", "-n", min=1, help="Only this number of lines at the end."),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            callback=not_empty,
            help="Only records of this level and above: WARNING, ERROR, …",
        ),
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option("--grep", help="Only what contains this regular expression."),
    ] = None,
    failed: Annotated[
        bool,
        typer.Option("--failed", help="The last run of the deployment that failed or crashed."),
    ] = False,
    container: Annotated[
        bool,
        typer.Option(
            "--container", help="What the run's container printed, instead of Prefect's records."
        ),
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Print complete tracebacks, with the frames of Prefect.")
    ] = False,
    project: Project = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Print the log of a run: one that is going on, or the last one.

    If the run crashed, also print what its container printed, as far as the engine
    or the worker's log still has it.
    """
    from flowship import scope
    from flowship.output import render_logs
    from flowship.output.console import Screen
    from flowship.runs import log
    from flowship.runs.chosen import Which
    from flowship.runs.containers import lazy_engine

    screen = Screen(as_json=as_json)
    wanted = _selection(since, tail, level, grep)
    if container and (follow or level):
        raise _not_with_container("--follow" if follow else "--level")
    chosen = choose_scope(screen, run, project, env)
    with chosen.open_api() as api:
        require_known(screen, api, chosen)
        found = scope.run(api, chosen, Which.FAILED if failed else Which.LATEST)
        screen.info(render_logs.head(found))
        printer = _Printer(screen, full=full)
        read = log.read_container if container else log.follow if follow else log.read
        try:
            done = read(api, found, wanted, lazy_engine(), printer.listener)
        except _ReaderLeft:
            return
        except KeyboardInterrupt:
            if not follow:
                raise
            raise typer.Exit(
                screen.interrupted({"run": found.to_json(), **printer.to_json()})
            ) from None
    if not (container or done.records):
        screen.note("no records of this run" + _that_match(wanted))
    if not done.error:
        screen.info(*render_logs.end(done.run))
    screen.result({**done.to_json(), **printer.to_json()})
    exit_on(done.error, screen)


def _not_with_container(option: str) -> UsageError:
    hints = {
        "--follow": "`flowship ps` prints the container's name; use `docker logs --follow NAME`",
        "--level": "what a container prints has no levels; use --grep",
    }
    message = f"--container cannot be combined with {option}"
    return UsageError(message, hint=hints[option], where=option)


class _Printer:
    """Prints a log line by line, and collects it for ``--json``."""

    def __init__(self, screen: Screen, *, full: bool) -> None:
        from flowship.output.render_logs import LogLines

        self._screen = screen
        self._lines = LogLines(full=full)
        self._records: list[LogRecord] = []
        self._warnings: list[str] = []

    @property
    def listener(self) -> Listener:
        """What receives the log."""
        from flowship.output import render_logs
        from flowship.runs.log import Listener

        return Listener(
            record=self._record,
            container=lambda said: self._screen.info(*render_logs.container(said)),
            line=lambda text: self._print(render_logs.container_line(text)),
            warn=self._warn,
            state=lambda name: self._screen.info(render_logs.state(name)),
        )

    def to_json(self) -> dict[str, Any]:
        """The part of the result that was collected."""
        return {"records": self._records, "warnings": self._warnings}

    def _record(self, record: LogRecord) -> None:
        if self._screen.as_json:
            self._records.append(record)
        else:
            self._print(self._lines.line(record))

    def _warn(self, text: str) -> None:
        self._warnings.append(text)
        self._screen.warn(text)

    def _print(self, line: RenderableType) -> None:
        if not self._screen.line(line):
            raise _ReaderLeft


def _selection(
    since: str | None, tail: int | None, level: str | None, grep: str | None
) -> Selection:
    import logging

    from flowship.runs.records import Selection

    if level and level.upper() not in LEVELS:
        hint = f"use one of: {', '.join(LEVELS)}"
        raise UsageError(
            f'"{level}" is not a log level', code="log-level-unknown", hint=hint, where="--level"
        )
    number = int(logging.getLevelName(level.upper())) if level else 0
    return Selection(number, _moment(since) if since else None, tail, _pattern(grep))


def _moment(since: str) -> datetime:
    """A moment, or a length of time before now."""
    from flowship.deployment.schedule_rules import written_interval

    seconds = written_interval(since.strip())
    if seconds is not None:
        with suppress(OverflowError):
            return datetime.now(timezone.utc) - timedelta(seconds=seconds)
    with suppress(ValueError):
        return datetime.fromisoformat(since.strip().replace("Z", "+00:00")).astimezone()
    raise UsageError(
        f'"{since}" is not a time',
        code="since-invalid",
        hint="write how long ago: 30m, 1h30m, 1d; or when: 2026-11-26T05:00, in this machine's"
        " timezone, or with a Z for UTC",
        where="--since",
    )


def _pattern(grep: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(grep) if grep else None
    except re.error as exc:
        raise UsageError(
            f"{grep!r} is not a regular expression: {exc}",
            code="pattern-invalid",
            hint="put a backslash before a character that stands for itself, such as \\(",
            where="--grep",
        ) from exc


def _that_match(wanted: Selection) -> str:
    from flowship.runs.records import EVERYTHING

    return "" if wanted == EVERYTHING else " that match the options"
