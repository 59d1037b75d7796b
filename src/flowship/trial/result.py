"""How a run of `flowship try` ended."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from flowship.engine.attached import Ended
from flowship.errors import RunFailedError
from flowship.trial.script import RESULT, RUN

RUN_LINE = re.compile(re.escape(RUN) + r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

KILLED = 137
"""The exit code of a container that was killed."""


@dataclass(frozen=True)
class TrialResult:
    """One run.

    Attributes:
        entrypoint: The flow.
        state_type: ``COMPLETED``, ``FAILED``, …; ``CRASHED`` if the container ended without one.
        state_name: Its name.
        message: What Prefect says about it.
        exit_code: The container's.
        seconds: From the start of the container to its end.
        run: The id of the run on the server; empty without a server.
        url: The page of the run; empty without a server.
    """

    entrypoint: str
    state_type: str
    state_name: str
    message: str
    exit_code: int
    seconds: float
    run: str = ""
    url: str = ""

    @property
    def completed(self) -> bool:
        """Whether the flow ran to its end."""
        return self.state_type == "COMPLETED"

    def on_page(self, url: str) -> TrialResult:
        """The same, with the page of the run."""
        return replace(self, url=url)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "completed": self.completed}


@dataclass
class Answers:
    """What the script says itself.

    Attributes:
        run: The id of the run; empty until there is one.
        result: How the run ended, as JSON; empty if the script did not come so far.
    """

    run: str = ""
    result: str = ""

    def take(self, line: str) -> bool:
        """Keep a line if it is the script's; whether it is."""
        if RUN_LINE.fullmatch(line):
            self.run = self.run or line.removeprefix(RUN)
        elif line.startswith(RESULT):
            self.result = line.removeprefix(RESULT)
        else:
            return False
        return True


def result(entrypoint: str, answers: Answers, ended: Ended, seconds: float) -> TrialResult:
    """The result.

    Args:
        entrypoint: The flow.
        answers: What the script said.
        ended: How the container ended.
        seconds: How long it ran.
    """
    answered = json.loads(answers.result) if answers.result else {}
    return TrialResult(
        entrypoint=entrypoint,
        state_type=answered.get("type", "CRASHED"),
        state_name=answered.get("name", "Crashed"),
        message=answered["message"] if answered else _crash(ended),
        exit_code=ended.exit_code,
        seconds=round(seconds, 3),
        run=answered.get("run") or answers.run,
    )


def _crash(ended: Ended) -> str:
    if ended.out_of_memory:
        return "the container needed more memory than mem-limit allows"
    if ended.exit_code == KILLED:
        return "the container was killed (exit code 137): most likely it needed too much memory"
    return f"the container ended with exit code {ended.exit_code} before the flow had a state"


def failure(ended: TrialResult) -> RunFailedError | None:
    """The error (exit code 8) for a run that did not complete; None for one that did."""
    if ended.completed:
        return None
    crashed = ended.state_type == "CRASHED"
    return RunFailedError(
        f"{ended.entrypoint} ended in state {ended.state_name}",
        code="run-crashed" if crashed else "run-failed",
        hint=f"see {ended.url}" if ended.url else "its output is above",
        details=ended.message,
    )
