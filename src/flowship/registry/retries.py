"""Tries a push again for a limited time. A refusal is not tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flowship.errors import RegistryError
from flowship.events import Event, Output, Report, Transfer
from flowship.registry.errors import RegistryFailure
from flowship.registry.reference import Reference

ATTEMPTS = 5
"""How often flowship tries a push to a registry that does not answer."""

RETRY_SECONDS = 60
"""How long a failing push is tried, unless ``push-retry-seconds`` says otherwise."""


@dataclass
class Retries:
    """Tries a push again for a limited time, and says what it waits for.

    Attributes:
        target: What is pushed.
        report: Receives the progress.
        retry_for: Seconds after which nothing is tried again.
        sleep: Waits.
    """

    target: Reference
    report: Report
    retry_for: float
    sleep: Callable[[float], None]
    _began: float = field(default_factory=lambda: time.monotonic(), init=False)
    _engine_since: float | None = field(default=None, init=False)

    def watch(self, event: Event) -> None:
        """Pass on an event of the push, and limit the time in which the engine tries again.

        The engine itself tries a broken layer five times, and does not say why before the end.

        Raises:
            RegistryError: It has tried for too long.
        """
        self.report(event)
        if not isinstance(event, Transfer) or not event.status.startswith("Retrying"):
            return
        now = time.monotonic()
        if self._engine_since is None:
            self._engine_since = now
            self.report(
                Output(
                    f"{self.target.registry} did not accept a layer; the engine tries again, for"
                    f" at most {self._left(now):.0f} s"
                )
            )
        if self._left(now) <= 0:
            raise RegistryError(
                f"{self.target.registry} did not accept a layer for {self.retry_for:.0f} s",
                code="registry-not-accepting",
                hint="its log or status page says why (a full disk, an internal error); to wait"
                " longer, set push-retry-seconds in the configuration",
                where=str(self.target),
            )

    def call(
        self, attempt_once: Callable[[], str], worth_another: Callable[[RegistryFailure], bool]
    ) -> str:
        """Call `attempt_once` until it works, at most `ATTEMPTS` times."""
        for attempt in range(1, ATTEMPTS + 1):
            started = time.monotonic()
            try:
                return attempt_once()
            except RegistryFailure as exc:
                now, wait = time.monotonic(), backoff(attempt)
                # Another attempt takes as long as this one did: the engine's own take a minute.
                enough = self._left(now) > wait + (now - started)
                if attempt == ATTEMPTS or not enough or not worth_another(exc):
                    raise
                left = f"for at most {self._left(now):.0f} s"
                self.report(Output(f"{exc.message}; retrying in {wait:.0f} s, {left}"))
                self.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _left(self, now: float) -> float:
        return self._began + self.retry_for - now


def backoff(attempt: int) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): 1, 2, 4, … at most 30."""
    return float(min(30, 2 ** (max(1, attempt) - 1)))
