"""Tries a push again for a limited time. A refusal is not tried again.

Only time limits it, not the number of attempts: a registry may need minutes to restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from flowship.errors import RegistryError
from flowship.events import Event, Output, Report, Transfer
from flowship.registry.errors import RegistryFailure
from flowship.registry.reference import Reference

SHORTEST_WAIT = 1.0
"""Seconds between two attempts, at least."""

RETRY_SECONDS = 60
"""How long a failing push is tried, unless ``push-retry-seconds`` says otherwise."""


@dataclass
class Retries:
    """Tries a push again for a limited time, and says what it waits for.

    Attributes:
        target: What is pushed.
        report: Receives the progress.
        retry_for: Seconds after the first failure; then nothing is tried again.
        sleep: Waits.
    """

    target: Reference
    report: Report
    retry_for: float
    sleep: Callable[[float], None]
    _failing_since: float | None = field(default=None, init=False)
    _accepted: set[str] = field(default_factory=set, init=False)

    def watch(self, event: Event) -> None:
        """Pass on an event of the push, and limit the time in which the engine tries again.

        The engine itself tries a broken layer five times, and does not say why before the end.

        Raises:
            RegistryError: It has tried for too long.
        """
        self.report(event)
        if not isinstance(event, Transfer):
            return
        if event.status == "Pushed" and event.layer not in self._accepted:
            # Not for a layer that a failing registry accepts and loses repeatedly.
            self._accepted.add(event.layer)
            self._failing_since = None
        elif event.status.startswith("Retrying"):
            if self._failing_since is None:
                self.report(
                    Output(
                        f"{self.target.registry} did not accept a layer; the engine tries again,"
                        f" for at most {self.retry_for:.0f} s"
                    )
                )
            if self._left() <= 0:
                raise RegistryError(
                    f"{self.target.registry} did not accept a layer for {self.retry_for:.0f} s",
                    code="registry-not-accepting",
                    hint="its log or status page says why (a full disk, an internal error); to"
                    " wait longer, set push-retry-seconds in the configuration",
                    where=str(self.target),
                )

    def call(
        self, attempt_once: Callable[[], str], worth_another: Callable[[RegistryFailure], bool]
    ) -> str:
        """Call `attempt_once` until it works or the time is up."""
        for attempt in count(1):
            started = time.monotonic()
            try:
                return attempt_once()
            except RegistryFailure as exc:
                left = self._left()
                # Another attempt takes as long as this one did: the engine's own take a minute.
                wait = min(backoff(attempt), left - (time.monotonic() - started))
                if wait < SHORTEST_WAIT or not worth_another(exc):
                    raise
                self.report(
                    Output(f"{exc.message}; retrying in {wait:.0f} s, for at most {left:.0f} s")
                )
                self.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _left(self) -> float:
        """The seconds that are left for tries, which begin with the first failure: an upload
        that works may take hours."""
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        return self._failing_since + self.retry_for - now


def backoff(attempt: int) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): 1, 2, 4, … at most 30."""
    return float(min(30, 2 ** (max(1, attempt) - 1)))
