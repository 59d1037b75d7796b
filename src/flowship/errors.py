"""Expected failures: each has a stable code, a message, a hint and an exit code.

The module that understands a failure raises one of these errors, including the advice for the
user; `commands.boundary` prints it. Nothing here prints, and nothing here imports from the rest of
the package. Every code has a row in docs/errors.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ExitCode(IntEnum):
    """The exit codes of every flowship command."""

    DONE = 0
    BUG = 1
    USAGE = 2
    CONFIG = 3
    ENGINE = 4
    BUILD = 5
    REGISTRY = 6
    API = 7
    RUN = 8
    CHANGES = 10
    INTERRUPTED = 130


class FlowshipError(Exception):
    """An expected failure, in the user's terms.

    Args:
        message: What failed and why, in one sentence without a period at the end.
        code: A stable name for scripts, such as ``image-not-found``. It stays the same when the
            message changes.
        hint: What to do next; a command if there is one.
        where: The place, if known: ``file:line:column``, an option or a variable.
        details: More text to show below the message, such as a traceback or the end of a log.
    """

    exit_code: ExitCode = ExitCode.BUG
    code: str = "bug"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        where: str = "",
        details: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.message = message
        self.hint = hint
        self.where = where
        self.details = details


class UsageError(FlowshipError):
    """Options that cannot be combined, or an invalid value of an option."""

    exit_code = ExitCode.USAGE
    code = "invalid-usage"


class ConfigError(FlowshipError):
    """The project's configuration, its files or its Dockerfile are invalid."""

    exit_code = ExitCode.CONFIG
    code = "invalid-configuration"


class EngineError(FlowshipError):
    """No container engine is reachable, or the engine reports a failure."""

    exit_code = ExitCode.ENGINE
    code = "engine-failed"


class BuildError(FlowshipError):
    """The image could not be built, or the flow does not load inside it."""

    exit_code = ExitCode.BUILD
    code = "build-failed"


class RegistryError(FlowshipError):
    """The registry refused, cannot be reached, or has a different image than the one pushed."""

    exit_code = ExitCode.REGISTRY
    code = "registry-failed"


class ApiError(FlowshipError):
    """The Prefect API is not configured, does not respond, or refused a request."""

    exit_code = ExitCode.API
    code = "api-failed"


class RunFailedError(FlowshipError):
    """A flow run ended in a state other than Completed."""

    exit_code = ExitCode.RUN
    code = "run-failed"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in work that leaves something behind.

    Args:
        done: What was done until then.
        hint: What to do next.
    """

    def __init__(self, done: str, hint: str) -> None:
        super().__init__(f"interrupted: {done}")
        self.done = done
        self.hint = hint


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The hint for a name that does not exist: the nearest one that does, or else `otherwise`."""
    names = list(known)
    longer = [each for each in names if len(name) > 1 and each.startswith(name)]
    close = longer[0] if len(longer) == 1 else nearest(name, names)
    return f'did you mean "{close}"?' if close else otherwise


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name that is most like another one.

    Args:
        name: What the user wrote.
        known: The names that exist.
        cutoff: How like they have to be, from 0 to 1 (the same).

    Returns:
        The name; empty if none is like it.
    """
    import difflib

    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)), "")


def place_in_toml(path: Path, text: str, reason: str) -> str:
    """The file, line and column of a TOML parser's error.

    Args:
        path: The file.
        text: Its content.
        reason: What the parser says; of an error "at end of document", the place is the end of the
            last line that is not blank.
    """
    import re

    found = re.search(r"line (\d+), column (\d+)", reason)
    if found:
        return f"{path}:{found[1]}:{found[2]}"
    if "end of document" not in reason:
        return str(path)
    lines = text.rstrip().split("\n")
    return f"{path}:{len(lines)}:{len(lines[-1]) + 1}"
