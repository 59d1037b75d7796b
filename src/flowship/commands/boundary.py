"""The error boundary: turns what a command raises into a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from flowship.errors import FlowshipError, UsageError
from flowship.prefect import waiting

if TYPE_CHECKING:
    from flowship.output.console import Screen

# The base class of the parser's errors. Typer has its own copy of Click, so this finds it there.
CLICK_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")

NO_SUCH_OPTION: Any = next(c for c in CLICK_ERROR.__subclasses__() if c.__name__ == "NoSuchOption")

_after_failure: ContextVar[Callable[[BaseException], None] | None] = ContextVar(
    "after_failure", default=None
)


class Command(TyperCommand):
    """A command whose parser knows that other commands take a deployment as ``--name``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own Click
        """Parse the command line; see `TyperCommand`."""
        try:
            return super().parse_args(ctx, args)
        except NO_SUCH_OPTION as exc:
            words = [p.metavar or "" for p in self.params if p.param_type_name == "argument"]
            if exc.option_name == "--name" and "DEPLOYMENT" in " ".join(words):
                exc.possibilities = None
                exc.message += f"; the deployment is an argument: {ctx.command_path} DEPLOYMENT"
            raise


def after_failure(call: Callable[[BaseException], None]) -> None:
    """Have `call` receive what the command that is running ends with, if it fails."""
    _after_failure.set(call)


def register(
    app: typer.Typer,
    name: str,
    body: Callable[..., None],
    examples: Sequence[str],
    panel: str | None = None,
) -> None:
    """Register a command; an expected failure ends with one message and its exit code.

    Args:
        app: The group that gets the command.
        name: What the user types.
        body: The command.
        examples: Command lines for the end of the command's help.
        panel: The heading under which `flowship --help` lists it.
    """

    @wraps(body)
    def run(*args: Any, **options: Any) -> None:  # noqa: ANN401 - the arguments of the body
        from flowship.output import next_steps
        from flowship.output.console import Screen

        with next_steps.of_environment(options.get("env")):
            _run(partial(body, *args, **options), Screen(as_json=bool(options.get("as_json"))))

    epilog = examples_text(examples)
    app.command(name, cls=Command, epilog=epilog, rich_help_panel=panel)(run)


def _run(body: Callable[[], None], screen: Screen) -> None:
    """Run a command; a failure is shown, and becomes an exit code."""
    failure: BaseException | None = None
    try:
        with waiting.announcing(partial(_waiting, screen)):
            body()
    except FlowshipError as exc:
        screen.error(exc)
        failure = exc
        raise typer.Exit(int(exc.exit_code)) from exc
    except KeyboardInterrupt as exc:
        failure = exc
        raise typer.Exit(screen.interrupted(exc=exc)) from exc
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Exception as exc:
        failure = exc
        raise typer.Exit(screen.bug(exc)) from exc
    finally:
        call = _after_failure.get()
        _after_failure.set(None)
        if call and failure:
            call(failure)


def _waiting(screen: Screen, url: str) -> None:
    screen.interject(f"waiting for an answer from the Prefect API at {url}")


def examples_text(examples: Sequence[str]) -> str:
    """The end of a help text. The newline at the start makes Typer keep the indentation."""
    return "\n".join(["", "Examples:", *(f"  {example}" for example in examples)])


def run(app: typer.Typer) -> int:
    """Run the command line; returns the exit code."""
    as_json = "--json" in sys.argv
    try:
        return int(app(standalone_mode=not as_json) or 0)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 0
    except CLICK_ERROR as exc:  # such as an unknown option: the parser's message, as JSON
        from flowship.output.console import Screen

        command = exc.ctx.command_path if exc.ctx else "flowship"
        error = UsageError(exc.format_message(), hint=f"run `{command} --help`")
        Screen(as_json=True).error(error)
        return int(error.exit_code)
