"""What every part is to a `with` statement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

P = TypeVar("P", bound="Part")


class Part(ABC):
    """Something that is started, and stopped at the end of the block."""

    @abstractmethod
    def start(self) -> None:
        """Start, and return when it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it; leave nothing behind."""

    def __enter__(self: P) -> P:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
