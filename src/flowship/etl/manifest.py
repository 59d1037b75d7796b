"""What is known about a month that was written: kept as a small file beside it.

One read of a few hundred bytes tells whether the month must be loaded again, from a folder as
from any bucket. It is written after the month itself: a run that is cut between the two loads
the month again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from flowship.etl.destination import Destination, beside
from flowship.etl.source import Fingerprint

Outcome = Literal["written", "unchanged", "failed"]


@dataclass(frozen=True)
class MonthResult:
    """What became of a month.

    Attributes:
        colour: Which taxis.
        year: The year.
        month: The month, 1 to 12.
        outcome: Written now, unchanged since it was written before, or failed.
        where: Where its Parquet file is.
        reason: Why it failed, or why nothing was to be done.
        rows_read: Rows of the published file.
        rows: Trips written; with the rejected ones fewer than were read where a cleaning step
            of one's own leaves some out.
        rejected: Rows set aside.
        rejects: Where those rows are.
        nulls: Missing values in each column.
        first_pickup: The earliest pickup, New York time, ISO 8601.
        last_pickup: The latest.
        missing: Columns of the schema that the source does not have; they are empty.
        unknown: Columns of the source that the schema does not have; they are left out.
        source: The published file's address, without secrets.
        source_bytes: Bytes of the published file.
        size: Bytes of the Parquet file.
        row_groups: Row groups of the Parquet file.
        seconds: How long it took.
    """

    colour: str
    year: int
    month: int
    outcome: Outcome
    where: str = ""
    reason: str = ""
    rows_read: int = 0
    rows: int = 0
    rejected: int = 0
    rejects: str = ""
    nulls: dict[str, int] | None = None
    first_pickup: str = ""
    last_pickup: str = ""
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    source: str = ""
    source_bytes: int = 0
    size: int = 0
    row_groups: int = 0
    seconds: float = 0.0

    @property
    def label(self) -> str:
        """``green 2021-02``."""
        return f"{self.colour} {self.year}-{self.month:02}"


@dataclass(frozen=True)
class Manifest:
    """A month as it was written, from what, and by which code."""

    fingerprint: Fingerprint
    code: str
    result: MonthResult


@cache
def code_version() -> str:
    """A hash of this package's source: another cleaning step is another version."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def read_manifest(destination: Destination, key: str) -> Manifest | None:
    """What is known about the month under `key`; None if nothing that can be relied upon."""
    content = destination.read(beside(key, "json"))
    if content is None:
        return None
    try:
        stored = json.loads(content)
        return Manifest(
            fingerprint=Fingerprint(**stored["fingerprint"]),
            code=str(stored["code"]),
            result=_result(stored["result"]),
        )
    except (ValueError, TypeError, KeyError):  # another version's, or not ours: load again
        return None


def write_manifest(destination: Destination, key: str, manifest: Manifest) -> None:
    """Keep what is known about the month under `key`."""
    write_text(destination, beside(key, "json"), json.dumps(asdict(manifest), indent=1) + "\n")


def write_text(destination: Destination, key: str, text: str) -> str:
    """Store a small text; the answer says where it is."""
    with destination.staging(key) as path:
        path.write_text(text, encoding="utf-8")
        return destination.write(path, key)


def _result(stored: dict[str, Any]) -> MonthResult:
    known = {field.name for field in fields(MonthResult)}
    values: dict[str, Any] = {name: value for name, value in stored.items() if name in known}
    for name in ("missing", "unknown"):
        values[name] = tuple(values.get(name, ()))
    return MonthResult(**values)
