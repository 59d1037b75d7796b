"""A deploy or a deletion that breaks off: how much of it was done, and the next step. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flowship.errors import FlowshipError, Interrupted

AGAIN = "run the command again"


class Progress:
    """How many of a deploy's changes were made.

    Args:
        images: How many images the deploy has: of several, the changes of a later one are not
            known yet.
        what: What breaks off, in words.
    """

    def __init__(self, images: int = 1, what: str = "deploy") -> None:
        self._images = images
        self._complete = f"{AGAIN} to complete the {what}"
        self._confirm = f"{AGAIN} to confirm the {what}"
        self._total = 0
        self.done = 0

    def planned(self, changes: int) -> None:
        """So many changes follow those that were made."""
        self._total = self.done + changes

    def made(self) -> None:
        """The server accepted a change."""
        self.done += 1

    @property
    def is_complete(self) -> bool:
        """Whether all changes were made; of several images, that is not known."""
        return self._images == 1 and 0 < self._total == self.done

    def __str__(self) -> str:
        of = f" of {self._total}" if self._images == 1 else ""
        plural = (self._total if of else self.done) != 1
        ends = "were made, and they stay" if self.done != 1 else "was made, and it stays"
        if self.is_complete:
            ends = f"{'was' if self.done == 1 else 'were'} made: nothing is missing"
        return f"{self.done}{of} {'changes' if plural else 'change'} {ends}"

    def _explain(self, exc: FlowshipError) -> None:
        if self._images > 1 or self.done < self._total:
            exc.details = "\n".join(filter(None, (exc.details, str(self))))
        if AGAIN not in exc.hint:
            exc.hint = f"{exc.hint}; then {self._complete}" if exc.hint else self._complete

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Add to what breaks it off how far it got, if it changed something.

        Raises:
            FlowshipError, Interrupted: What the block raised.
        """
        try:
            yield
        except FlowshipError as exc:
            if self.done:
                self._explain(exc)
            raise
        except KeyboardInterrupt as exc:
            if not self.done:
                raise
            hint = self._confirm if self.is_complete else self._complete
            raise Interrupted(str(self), hint) from exc
