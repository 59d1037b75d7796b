"""Events of long work, as plain values; `output.progress` shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Phase:
    """A new part of the work has started, such as "sending 12 files (3 kB)"."""

    text: str


@dataclass(frozen=True)
class Step:
    """A step of the Dockerfile has started, or was found in the cache."""

    text: str
    number: int = 0
    total: int = 0
    cached: bool = False


@dataclass(frozen=True)
class Output:
    """A line of a step's output."""

    text: str


@dataclass(frozen=True)
class Transfer:
    """The transfer of a layer to or from a registry; sizes in bytes, 0 if unknown."""

    layer: str
    status: str
    current: int = 0
    total: int = 0


@dataclass(frozen=True)
class Applying:
    """An operation of a plan is carried out now: a `flowship.deployment.plan.Operation`.

    Attributes:
        operation: The operation.
        total: How many the plan has.
    """

    operation: Any
    total: int = 1


Event = Phase | Step | Output | Transfer | Applying
Report = Callable[[Event], None]


def silent(event: Event) -> None:
    """Ignore the event: for callers that show no progress."""


def readable_size(size: float) -> str:
    """A number of bytes for people: ``302 MB``."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def readable_span(seconds: float) -> str:
    """A length of time as people read it, in its two largest units: ``2 d 3 h``, ``8 s``."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if parts and not number:
            break
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])
