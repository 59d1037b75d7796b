"""The two streams: stdout carries the result, stderr tells the story.

Everything a command shows passes here. Colour and live progress appear only on a terminal;
``NO_COLOR`` and ``CI`` are respected. With ``--json`` stdout carries one JSON object.
"""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from flowship.errors import ExitCode, FlowshipError, UsageError

if TYPE_CHECKING:
    from pydantic import SecretStr
    from rich.console import Console, RenderableType

    from flowship.events import Event, Report, Transfer


JSON_VERSION = 1
"""Of the objects that ``--json`` prints; raised when a script that reads them would break."""

REPORT = (
    "This is a bug in flowship. Please report it, with the lines above, on the issue tracker of\n"
    "the repository that you installed flowship from."
)


def _console() -> Console:
    from rich.console import Console

    ci = bool(os.environ.get("CI")) and not os.environ.get("FORCE_COLOR")
    # Without colours the rest goes too: what is bold, and lines that are written over.
    plain = ci or bool(os.environ.get("NO_COLOR"))
    return Console(
        stderr=True,
        highlight=False,
        emoji=False,  # names and logs are told as they are, `:x:` too
        soft_wrap=True,
        no_color=plain or None,
        force_terminal=False if plain else None,
    )


class Lasting:
    """stdout or stderr, whose loss stops no work: a pipe's reader may have left, a disk be full.

    Attributes:
        lost: Why it takes nothing any more; None while it does.
    """

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream: IO[str] = stream or io.StringIO()
        self._closed = stream is None  # by the shell: `>&-`
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write, or forget `text` where that is no longer possible."""
        if self._closed:
            self.lost = OSError(errno.EBADF, "it is closed")
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Pass on what is held back."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self.lost:
            return
        try:
            act()
        except OSError as exc:
            self.lost = exc
            # Python writes what the stream holds once more at its end, and must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Within this, no command is stopped by a stream that is lost.

    Raises:
        UsageError: At the end: what was written to stdout did not get there. A reader that has
            seen enough, as `head`, is no loss.
    """
    stdout = Lasting(sys.stdout)
    sys.stdout, sys.stderr = cast("TextIO", stdout), cast("TextIO", Lasting(sys.stderr))
    yield
    stdout.flush()
    if stdout.lost and not isinstance(stdout.lost, BrokenPipeError):
        raise UsageError(
            f"the result cannot be written to stdout: {stdout.lost.strerror}",
            hint="the work is done; only its result is not shown",
            where="stdout",
        )


class Screen:
    """What one command writes, and how.

    Args:
        as_json: The result is one JSON object on stdout, errors too.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._story: Console | None = None

    @property
    def story(self) -> Console:
        """stderr, made when first used: rich costs a command only what it draws."""
        if self._story is None:
            self._story = _console()
        return self._story

    def info(self, *lines: RenderableType) -> None:
        """Write lines to stderr."""
        for line in lines:
            self.story.print(line)

    def warn(self, text: str) -> None:
        """Write a warning to stderr."""
        self.story.print(f"[yellow]warning:[/] {_escape(text)}")

    def result(self, value: object, text: str = "") -> None:
        """Write the command's result to stdout: `value` as JSON, or else `text`."""
        if self.as_json:
            document = {"version": JSON_VERSION, **plain(value)}
            text = json.dumps(document)  # ASCII: any terminal and any pipe takes it
        if text:
            sys.stdout.write(text.rstrip("\n") + "\n")
            sys.stdout.flush()

    def error(self, exc: FlowshipError) -> None:
        """Show an expected failure, as the result too where that is JSON."""
        self.show_error(exc)
        if self.as_json:
            self.result({"error": failure(exc)})

    def interrupted(self, result: Mapping[str, object] | None = None) -> int:
        """Say that somebody pressed Ctrl-C; `result` is what was done until then."""
        self.info("interrupted")
        if self.as_json:
            self.result(
                {
                    **(result or {}),
                    "error": _error("interrupted", ExitCode.INTERRUPTED, code="interrupted"),
                }
            )
        return ExitCode.INTERRUPTED

    def bug(self, exc: BaseException) -> int:
        """Show a failure nobody expected, with its traceback and where to report it."""
        import traceback

        from rich.text import Text

        told = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
        self.info(Text(f"{told}\n{REPORT}"))
        if self.as_json:
            told = f"a bug in flowship: {type(exc).__name__}: {exc}"
            self.result({"error": _error(told, ExitCode.BUG, code="bug", hint=REPORT)})
        return ExitCode.BUG

    def show_error(self, exc: FlowshipError) -> None:
        """Write a failure to stderr: what, where, why, and the next step."""
        place = f"[bold]{_escape(exc.where)}:[/] " if exc.where else ""
        self.story.print(f"{place}[bold red]error:[/] {_escape(exc.message)}")
        if exc.details:
            self.story.print(_escape(_indented(exc.details)), style="dim")
        if exc.hint:
            self.story.print(f"  [cyan]→[/] {_escape(exc.hint)}")

    @contextmanager
    def progress(self) -> Iterator[Report]:
        """A report that draws what long work says while it goes on."""
        if self.story.is_terminal and not self.as_json:
            with _Live(self.story) as live:
                yield live
        else:
            yield _Lines(self.story)


def failure(exc: FlowshipError) -> dict[str, object]:
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
        "message": message,
        "hint": hint,
        "where": where,
        "details": details,
        "exit_code": int(exit_code),
    }


def plain(value: object) -> Any:  # noqa: ANN401 - JSON is any of its six types
    """`value` as JSON's own types: dataclasses to objects, paths to text."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())


# --- progress ------------------------------------------------------------------------------------

ENDED = ("Pushed", "Layer already exists", "Already exists", "Pull complete", "Mounted from")


class _Lines:
    """Progress as plain lines: for logs, CI and pipes."""

    def __init__(self, story: Console) -> None:
        self._story = story

    def __call__(self, event: Event) -> None:
        from flowship.events import Output, Phase, Step, Transfer

        if isinstance(event, Phase):
            self._print(f"• {event.text}")
        elif isinstance(event, Step):
            cached = "  (cached)" if event.cached else ""
            self._print(f"  [{event.number}/{event.total}] {event.text}{cached}")
        elif isinstance(event, Output):
            self._print(f"      {event.text}")
        elif isinstance(event, Transfer) and event.status.startswith(ENDED):
            self._print(f"  {event.layer}: {event.status}")

    def _print(self, text: str) -> None:
        self._story.print(text, markup=False)


class _Live:
    """Progress on a terminal: the present step, its last lines, a bar for each layer, the time."""

    def __init__(self, story: Console) -> None:
        from rich.live import Live
        from rich.spinner import Spinner

        self._story = story
        self._since = time.monotonic()
        self._spinner = Spinner("dots", style="cyan")
        self._step = ""
        self._output: deque[str] = deque(maxlen=5)
        self._layers: dict[str, Transfer] = {}
        self._live = Live(
            console=story, get_renderable=self._drawing, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> _Live:
        self._live.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:  # noqa: ANN401 - the context manager protocol
        self._live.__exit__(*details)

    def __call__(self, event: Event) -> None:
        from flowship.events import Output, Phase, Step

        if isinstance(event, Phase):
            self._step, self._since = "", time.monotonic()
            self._output.clear()
            self._layers.clear()
            self._story.print(f"• {event.text}", markup=False)
        elif isinstance(event, Step):
            self._step = f"[{event.number}/{event.total}] {event.text}"
            self._output.clear()
            if event.cached:
                self._story.print(f"  {self._step}  (cached)", markup=False, style="dim")
        elif isinstance(event, Output):
            self._output.append(event.text)
        else:
            self._layers[event.layer] = event

    def _drawing(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        width = max(20, self._story.width - 4)
        lines: list[RenderableType] = (
            [Text(f"  {self._step[:width]}", style="bold")] if self._step else []
        )
        lines += [Text(f"    {text[: width - 2]}", style="dim") for text in self._output]
        lines += [Text("  " + _bar(layer)[:width]) for layer in self._layers.values()]
        self._spinner.update(text=Text(f"{time.monotonic() - self._since:.0f} s", style="dim"))
        return Group(*lines, self._spinner)


def _bar(layer: Transfer) -> str:
    if not layer.total:
        return f"{layer.layer}  {layer.status}"
    done = min(1.0, layer.current / layer.total)
    bar = "━" * round(done * 24)
    return f"{layer.layer}  {layer.status:<12} {bar:<24} {layer.current / 1e6:.1f} MB"


def ask_credentials(username: str | None, *, from_stdin: bool) -> tuple[str, SecretStr]:
    """A user name and a password: given, piped in, or asked for on a terminal.

    Raises:
        UsageError: Something is missing and there is no terminal to ask on.
    """
    import getpass

    from pydantic import SecretStr

    terminal = sys.stdin is not None and sys.stdin.isatty()  # `<&-` leaves no stdin at all
    if not username and (from_stdin or not terminal):
        raise UsageError("no user name is given", hint="add --username", where="--username")
    if not from_stdin and not terminal:
        raise UsageError(
            "there is no terminal to ask for the password on",
            hint="pipe it in: `flowship login --username NAME --password-stdin < token`",
            where="--password-stdin",
        )
    try:
        if not username:
            sys.stderr.write("username: ")
            sys.stderr.flush()
            username = sys.stdin.readline().strip()
        secret = _piped() if from_stdin else getpass.getpass("password: ")
    except EOFError:  # Ctrl-D
        secret = ""
    if not username or not secret:
        missing = "password" if username else "user name"
        raise UsageError(f"no {missing} is given", where="--password-stdin" if from_stdin else "")
    return username, SecretStr(secret)


def _piped() -> str:
    """The password on stdin, without the line end that `echo` puts behind it."""
    try:
        text = sys.stdin.read() if sys.stdin else ""
        text.encode()  # bytes that are no text may also come as lone surrogates
    except UnicodeError as exc:
        raise UsageError(
            "what stands on stdin is no UTF-8 text, so it is no password",
            where="--password-stdin",
        ) from exc
    return text.rstrip("\r\n")
