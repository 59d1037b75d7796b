"""The one error boundary: what a command raises leaves as a message and an exit code."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import typer

from flowship.errors import FlowshipError, UsageError

# What Typer's parser raises; its Click is its own, and this is the way to the class.
CLICK_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")


def register(app: typer.Typer, name: str, body: Callable[..., None]) -> None:
    """Register a command; expected failures leave as one message and their exit code."""

    @functools.wraps(body)
    def run(*args: Any, **options: Any) -> None:  # noqa: ANN401 - whatever the body takes
        from flowship.output.console import Screen

        screen = Screen(as_json=bool(options.get("as_json")))
        try:
            body(*args, **options)
        except FlowshipError as exc:
            screen.error(exc)
            raise typer.Exit(int(exc.exit_code)) from exc
        except KeyboardInterrupt as exc:
            raise typer.Exit(screen.interrupted()) from exc
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as exc:
            raise typer.Exit(screen.bug(exc)) from exc

    app.command(name)(run)


def run(app: typer.Typer) -> int:
    """Run the command of the command line; its exit code."""
    as_json = "--json" in sys.argv
    try:
        return int(app(standalone_mode=not as_json) or 0)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 0
    except CLICK_ERROR as exc:  # an option that there is not: the parser's own words, as JSON
        from flowship.output.console import Screen

        command = exc.ctx.command_path if exc.ctx else "flowship"
        error = UsageError(exc.format_message(), hint=f"`{command} --help` lists what it takes")
        Screen(as_json=True).error(error)
        return int(error.exit_code)
