"""What can go wrong, as one small family: a stable code, a message, a hint, an exit code.

The adapter that understands a failure raises one of these with the advice in it;
the command line's single boundary prints it. Nothing here prints, and nothing here
imports from the rest of the package. Every code has its row in docs/errors.md.
"""

from __future__ import annotations

from enum import IntEnum


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
    INTERRUPTED = 130


class FlowshipError(Exception):
    """An expected failure, in the user's terms.

    Args:
        message: What failed and why, one sentence, no trailing period needed.
        code: A stable name for this failure, for scripts: ``image-not-found``. A message may be
            reworded; its code stays.
        hint: The one thing to do next; a command where there is one.
        where: The place, as ``file:line:column`` or a configuration key, when known.
        details: Further text shown below the message as it is (a traceback, a log's tail).
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
    """Options that do not fit together or a value that no command accepts."""

    exit_code = ExitCode.USAGE
    code = "invalid-usage"


class ConfigError(FlowshipError):
    """The project's configuration, its files or its Dockerfile cannot work as they are."""

    exit_code = ExitCode.CONFIG
    code = "invalid-configuration"


class EngineError(FlowshipError):
    """No container engine answers, or it answers that it cannot do its work."""

    exit_code = ExitCode.ENGINE
    code = "engine-failed"


class BuildError(FlowshipError):
    """The image could not be built, or the flow does not load inside it."""

    exit_code = ExitCode.BUILD
    code = "build-failed"


class RegistryError(FlowshipError):
    """The registry refused, could not be reached, or holds something else than was sent."""

    exit_code = ExitCode.REGISTRY
    code = "registry-failed"


class ApiError(FlowshipError):
    """The Prefect API is not set, does not answer, or refused a request."""

    exit_code = ExitCode.API
    code = "api-failed"


class RunFailedError(FlowshipError):
    """A flow run ended in a state that is not Completed."""

    exit_code = ExitCode.RUN
    code = "run-failed"
