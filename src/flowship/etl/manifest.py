"""Stores what is known about a month in a small file next to it.

Reading these few hundred bytes is enough to decide whether the month must be loaded again, in a
folder or in any bucket. The file is written after the month itself, so a run that is interrupted
between the two loads the month again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal

from flowship.etl.destination import Destination, sidecar_key
from flowship.etl.source import Fingerprint

Outcome = Literal["written", "unchanged", "failed"]


@dataclass(frozen=True)
class MonthResult:
    """The result of loading a month.

    Attributes:
        colour: Which taxis.
        year: The year.
        month: The month, 1 to 12.
        outcome: Written now, unchanged since an earlier run, or failed.
        where: The location of its Parquet file.
        reason: Why it failed, or why it was skipped.
        code: The stable name of the failure; empty if the month did not fail.
        rows_read: Rows of the published file.
        rows: Trips written. A cleaning step that drops rows makes the sum of `rows` and `rejected`
            smaller than `rows_read`.
        rejected: Rows that could not be read.
        rejects: The location of the file with these rows.
        nulls: Missing values in each column.
        first_pickup: The earliest pickup, New York time, ISO 8601.
        last_pickup: The latest pickup.
        missing: Columns of the schema that the source does not have; they are empty.
        unknown: Columns of the source that the schema does not have; they are dropped.
        source: The published file's address, without secrets.
        source_bytes: Bytes of the published file.
        size: Bytes of the Parquet file.
        row_groups: Row groups of the Parquet file.
        seconds: The duration.
    """

    colour: str
    year: int
    month: int
    outcome: Outcome
    where: str = ""
    reason: str = ""
    code: str = ""
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
    """A month that was written, with the state of its source and of the code."""

    fingerprint: Fingerprint
    code: str
    result: MonthResult


@cache
def code_version() -> str:
    """A hash of this package's source code: an edited cleaning step is another version."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def read_manifest(destination: Destination, key: str) -> Manifest | None:
    """What is known about the month under `key`; None if nothing usable is stored."""
    content = destination.read(sidecar_key(key, "json"))
    if content is None:
        return None
    try:
        stored = json.loads(content)
        return Manifest(
            fingerprint=Fingerprint(**stored["fingerprint"]),
            code=str(stored["code"]),
            result=_result(stored["result"]),
        )
    except (ValueError, TypeError, KeyError):  # written by another version or program: load again
        return None


def write_manifest(destination: Destination, key: str, manifest: Manifest) -> None:
    """Store what is known about the month under `key`."""
    write_text(destination, sidecar_key(key, "json"), json.dumps(asdict(manifest), indent=1) + "\n")


def write_text(destination: Destination, key: str, text: str) -> str:
    """Store a small text, and return its location."""
    with destination.staging(key) as path:
        path.write_text(text, encoding="utf-8")
        return destination.write(path, key)


def _result(stored: dict[str, Any]) -> MonthResult:
    known = {field.name for field in fields(MonthResult)}
    values: dict[str, Any] = {name: value for name, value in stored.items() if name in known}
    for name in ("missing", "unknown"):
        values[name] = tuple(values.get(name, ()))
    return MonthResult(**values)
