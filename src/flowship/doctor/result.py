"""What a check found: how bad it is, what it means, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowship.errors import FlowshipError


class Severity(str, Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"
    """There was nothing to check, or another check failed that this one needs."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        severity: How bad it is.
        found: What was found, in one sentence.
        meaning: What it means for builds, deploys and runs; empty if it is ok.
        remedy: What to do, with the exact command if there is one.
        details: More text, such as the end of a log.
        fixed: What ``--fix`` did, a line each.
    """

    severity: Severity
    found: str
    meaning: str = ""
    remedy: str = ""
    details: str = ""
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """A finding with the code of its check."""

    code: str
    finding: Finding

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.finding.severity


@dataclass(frozen=True)
class Examination:
    """What all checks found.

    Attributes:
        project: The project's name; None for the machine alone.
        api_url: The Prefect API; None if none is set.
        results: One per check, in the order of the catalog.
    """

    project: str | None
    api_url: str | None
    results: tuple[Result, ...]

    def count(self, severity: Severity) -> int:
        """How many checks ended like this."""
        return sum(each.severity is severity for each in self.results)

    @property
    def healthy(self) -> bool:
        """Whether no check found an error."""
        return not self.count(Severity.ERROR)

    @property
    def fixed(self) -> tuple[str, ...]:
        """What ``--fix`` did."""
        return tuple(line for each in self.results for line in each.finding.fixed)

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        return {
            "healthy": self.healthy,
            "errors": self.count(Severity.ERROR),
            "warnings": self.count(Severity.WARNING),
            "project": self.project,
            "api_url": self.api_url,
            "fixed": list(self.fixed),
            "checks": [
                {
                    "code": each.code,
                    "severity": each.severity.value,
                    "found": each.finding.found,
                    "meaning": each.finding.meaning,
                    "remedy": each.finding.remedy,
                    "details": each.finding.details,
                }
                for each in self.results
            ],
        }


def ok(found: str, fixed: Sequence[str] = ()) -> Finding:
    """Everything is as it should be."""
    return Finding(Severity.OK, found, fixed=tuple(fixed))


def warning(found: str, meaning: str, remedy: str = "", details: str = "") -> Finding:
    """Something works, and should be looked at."""
    return Finding(Severity.WARNING, found, meaning, remedy, details)


def error(found: str, meaning: str, remedy: str = "", details: str = "") -> Finding:
    """Something does not work."""
    return Finding(Severity.ERROR, found, meaning, remedy, details)


def skipped(why: str) -> Finding:
    """There was nothing to check, or it could not be checked."""
    return Finding(Severity.SKIPPED, why)


def of_error(exc: FlowshipError, meaning: str) -> Finding:
    """The error that a step of flowship would end with for the same reason."""
    place = f"{exc.where}: " if exc.where else ""
    return error(f"{place}{exc.message}", meaning, exc.hint, exc.details)
