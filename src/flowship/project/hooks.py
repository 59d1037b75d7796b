"""Runs the commands of ``[hooks]``: the project's own, at fixed points of a `flowship` command.

A hook that calls `flowship` starts no hooks, or it would call itself for ever.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from flowship.config.environment import HOOK
from flowship.errors import ConfigError, ExitCode, FlowshipError

if TYPE_CHECKING:
    from flowship.config.settings import Settings


class Point(str, Enum):
    """When a hook runs."""

    PRE_BUILD = "pre-build"
    POST_BUILD = "post-build"
    POST_PUSH = "post-push"
    POST_DEPLOY = "post-deploy"
    ON_FAILURE = "on-failure"


@dataclass(frozen=True)
class Hooks:
    """The hooks of one command.

    Attributes:
        settings: The project's.
        command: Such as ``ship``.
        starts: Receives the point and the command line of each hook before it runs.
        on_line: Receives each line that a hook prints.
        environ: The environment of this process.
    """

    settings: Settings
    command: str
    starts: Callable[[Point, str], None]
    on_line: Callable[[str], None]
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def run(self, point: Point, **facts: str) -> None:
        """Run the hook of this point, if there is one.

        Args:
            point: When.
            facts: ``image="user/de-repo:tag"`` becomes ``FLOWSHIP_HOOK_IMAGE``.

        Raises:
            ConfigError: It failed, or could not be started.
        """
        project = self.settings.project
        command = getattr(project.hooks, point.name.lower())
        if command is None or self.environ.get(HOOK):
            return
        shown = command if isinstance(command, str) else " ".join(command)
        self.starts(point, shown)
        code = self._ended(point, command, self._variables(point, facts))
        if code:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise ConfigError(
                f"the {point.value} hook failed with {how}: {shown}",
                code="hook-failed",
                hint="its output is above; what was done before it stays",
                where=project.place("hooks", point.value),
            )

    def _variables(self, point: Point, facts: Mapping[str, str]) -> dict[str, str]:
        known = {
            "command": self.command,
            "project": self.settings.project.name,
            "env": self.settings.environment or "",
            **facts,
        }
        return {HOOK: point.value} | {
            f"{HOOK}_{name.upper()}": value for name, value in known.items()
        }

    def _ended(self, point: Point, command: str | Sequence[str], given: Mapping[str, str]) -> int:
        """The exit code, negative for a signal."""
        try:
            process = subprocess.Popen(
                command,
                shell=isinstance(command, str),
                cwd=self.settings.root,
                env={**self.environ, **given},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as exc:
            raise ConfigError(
                f"the {point.value} hook failed to start: {exc.strerror}: {command[0]}",
                code="hook-failed",
                hint="a list is a program and its arguments; a text is run by the shell",
                where=self.settings.project.place("hooks", point.value),
            ) from exc
        with process:
            for line in process.stdout or ():
                self.on_line(line.rstrip("\n"))
        return process.returncode

    def failed(self, exc: BaseException, warn: Callable[[str], None]) -> None:
        """Run the ``on-failure`` hook.

        Args:
            exc: What the command ends with.
            warn: Receives the message if this hook fails too: the command keeps its exit code.
        """
        try:
            self.run(Point.ON_FAILURE, **failure(exc))
        except ConfigError as second:
            warn(second.message)


def failure(exc: BaseException) -> dict[str, str]:
    """The variables of the ``on-failure`` hook."""
    if isinstance(exc, FlowshipError):
        return {
            "error": exc.message,
            "error_code": exc.code,
            "exit_code": str(int(exc.exit_code)),
        }
    interrupted = isinstance(exc, KeyboardInterrupt)
    name, code = ("interrupted", ExitCode.INTERRUPTED) if interrupted else ("bug", ExitCode.BUG)
    message = str(exc) or name if interrupted else f"{type(exc).__name__}: {exc}"
    return {"error": message, "error_code": name, "exit_code": str(int(code))}
