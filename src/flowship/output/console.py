"""The two streams: stdout carries the result, stderr everything else.

All output of a command goes through `Screen`, which completes the commands that messages name (see
`next_steps`). Colour and live progress appear only on a terminal;
``NO_COLOR`` and ``CI`` are respected. With ``--json`` stdout carries one JSON object.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowship.errors import ExitCode, FlowshipError, Interrupted
from flowship.output import terminal
from flowship.output.next_steps import followed, followed_json, followed_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from flowship.events import Report


JSON_VERSION = 1
"""Of the objects that ``--json`` prints; increased by a change that breaks scripts."""

REPORT = (
    "This is a bug in flowship. Please report it, with the lines above, on the issue tracker of\n"
    "the repository that you installed flowship from."
)


class Screen:
    """What one command prints, and how.

    Args:
        as_json: Print the result as one JSON object on stdout, and errors too.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._stderr: Console | None = None
        self._stdout: Console | None = None

    @property
    def stderr(self) -> Console:
        """The console for stderr, created on first use because importing Rich takes time."""
        if self._stderr is None:
            self._stderr = terminal.console()
        return self._stderr

    def line(self, text: RenderableType) -> bool:
        """Print one line of a result that arrives line by line to stdout; not with ``--json``.

        Returns:
            Whether the reader of stdout is still there.
        """
        if self.as_json:
            return True
        if self._stdout is None:
            self._stdout = terminal.console(stderr=False)
        self._stdout.print(text)
        return getattr(sys.stdout, "lost", None) is None

    @property
    def columns(self) -> int | None:
        """The width of the terminal that shows the result; None in a pipe or a file, which takes
        lines of any length."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def info(self, *lines: RenderableType) -> None:
        """Print lines to stderr. A text may have markup; one from outside is a `Text`, or is
        printed with `log`."""
        for line in lines:
            self.stderr.print(followed_line(line))

    def log(self, *lines: RenderableType) -> None:
        """Print lines that another program wrote to stderr, unchanged."""
        for line in lines:
            self.stderr.print(line)

    def note(self, *texts: str) -> None:
        """Print what is worth knowing and needs no action to stderr."""
        for text in texts:
            self.stderr.print(f"[dim]note:[/] {_advice(text)}")

    def interject(self, text: str) -> None:
        """Print a note from another thread, also while something is drawn in place: a live display
        that is at work replaces `sys.stderr`, and shows the line above itself."""
        sys.stderr.write(f"note: {terminal.one_line(text)}\n")
        sys.stderr.flush()

    def warn(self, text: str) -> None:
        """Print a warning to stderr."""
        self.stderr.print(f"[yellow]warning:[/] {_advice(text)}")

    def result(self, value: object, text: str = "", *, exact: bool = False) -> None:
        """Print the command's result to stdout: `value` as JSON, or otherwise `text`.

        Args:
            value: For ``--json``.
            text: Printed without ``--json``, with control characters made visible: what a pipe
                or a file carries is shown on a terminal later.
            exact: `text` is a file, which a pipe gets unchanged.
        """
        if self.as_json:
            document = followed_json({"version": JSON_VERSION, **to_json(value)})
            text = json.dumps(document)  # in ASCII, which every terminal and pipe accepts
        elif not exact or sys.stdout.isatty():
            text = terminal.without_blanks(terminal.printable(followed(text)))
        if text:
            sys.stdout.write(text.rstrip("\n") + "\n")
            sys.stdout.flush()

    def report(self, value: object, *lines: RenderableType) -> None:
        """Print a result that is read on a screen: `value` as JSON, or otherwise these lines, with
        colors on a terminal."""
        if self.as_json:
            self.result(value)
            return
        stdout = terminal.console(stderr=False)
        for line in lines:
            stdout.print(followed_line(line))

    def error(self, exc: FlowshipError) -> None:
        """Print an expected failure, with ``--json`` as the result too."""
        self.show_error(exc)
        if self.as_json:
            self.result({"error": error_json(exc)})

    def interrupted(
        self, result: Mapping[str, object] | None = None, exc: KeyboardInterrupt | None = None
    ) -> int:
        """Report Ctrl-C. Returns the exit code.

        Args:
            result: What was done until then, for ``--json``.
            exc: Says what was done in words, if it is an `Interrupted`.
        """
        message, hint = "interrupted", ""
        if isinstance(exc, Interrupted):
            message, hint = str(exc), exc.hint
        self.info(_escape(message))
        if hint:
            self.info(f"  [cyan]→[/] {_escape(hint)}")
        if self.as_json:
            error = _error(message, ExitCode.INTERRUPTED, code="interrupted", hint=hint)
            self.result({**(result or {}), "error": error})
        return ExitCode.INTERRUPTED

    def bug(self, exc: BaseException) -> int:
        """Print an unexpected failure with its traceback. Returns the exit code."""
        import traceback

        from rich.text import Text

        trace = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
        self.info(Text(f"{trace}\n{REPORT}"))
        if self.as_json:
            message = f"a bug in flowship: {type(exc).__name__}: {exc}"
            self.result({"error": _error(message, ExitCode.BUG, code="bug", hint=REPORT)})
        return ExitCode.BUG

    def show_error(self, exc: FlowshipError) -> None:
        """Print a failure to stderr: where, what, the details and the next step."""
        place = f"[bold]{_escape(exc.where)}:[/] " if exc.where else ""
        self.stderr.print(f"{place}[bold red]error:[/] {_advice(exc.message)}")
        if exc.details:
            self.stderr.print(_escape(_indented(exc.details)), style="dim")
        if exc.hint:
            self.stderr.print(f"  [cyan]→[/] {_advice(exc.hint)}")

    @contextmanager
    def progress(self) -> Iterator[Report]:
        """A function that shows the events of long work."""
        from flowship.output.progress import Lines, Live

        if self.stderr.is_terminal and not self.as_json:
            with Live(self.stderr) as live:
                yield live
        else:
            lines = Lines(self.stderr)
            try:
                yield lines
            finally:
                lines.close()


def error_json(exc: FlowshipError) -> dict[str, object]:
    """An error as ``--json`` shows it."""
    return _error(
        exc.message,
        exc.exit_code,
        code=exc.code,
        hint=exc.hint,
        where=exc.where,
        details=exc.details,
    )


def _error(
    message: str,
    exit_code: ExitCode,
    *,
    code: str,
    hint: str = "",
    where: str = "",
    details: str = "",
) -> dict[str, object]:
    return {
        "code": code,
        "message": followed(message),
        "hint": followed(hint),
        "where": where,
        "details": details,
        "exit_code": int(exit_code),
    }


def to_json(value: object) -> Any:  # noqa: ANN401 - any of JSON's types
    """`value` in JSON's own types: dataclasses as objects, paths and times as text."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _advice(text: str) -> str:
    """A message for the user, escaped."""
    return _escape(followed(text))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())
