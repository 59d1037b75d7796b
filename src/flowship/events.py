"""What long work says while it goes on: plain values, drawn by the console."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """A new part of the work began: "sending 12 files (3 kB)", "asking the image for its flow"."""

    text: str


@dataclass(frozen=True)
class Step:
    """A step of the Dockerfile began, or was found in the cache."""

    text: str
    number: int = 0
    total: int = 0
    cached: bool = False


@dataclass(frozen=True)
class Output:
    """A line that a step printed."""

    text: str


@dataclass(frozen=True)
class Transfer:
    """A layer on its way to or from a registry; sizes in bytes, 0 when not known."""

    layer: str
    status: str
    current: int = 0
    total: int = 0


Event = Phase | Step | Output | Transfer
Report = Callable[[Event], None]


def silent(event: Event) -> None:
    """A report for callers that draw nothing."""


def readable_size(size: float) -> str:
    """Bytes for people: ``302 MB``."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
