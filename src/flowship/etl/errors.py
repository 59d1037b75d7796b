"""What can go wrong with a month, worded for the reader of the run's log."""

from __future__ import annotations


class EtlError(Exception):
    """An expected failure.

    Args:
        message: What failed and why.
        code: A stable name for this failure, for scripts: ``month-not-published``.
        hint: The one thing to do next.
    """

    code: str = "etl-failed"

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(f"{message}. {hint[0].upper()}{hint[1:]}" if hint else message)
        self.code = code or self.code
        self.message = message
        self.hint = hint


class SourceError(EtlError):
    """The source cannot be read: a wrong address, a refusal, or not a file of trips."""

    code = "source-invalid"


class NotPublishedError(SourceError):
    """The source answers, but does not have this month."""

    code = "month-not-published"


class UnavailableError(SourceError):
    """The source cannot be reached or the connection broke; a later request may succeed."""

    code = "source-unavailable"


class TooManyRejectsError(SourceError):
    """More rows than allowed cannot be read, or no row can."""

    code = "too-many-rejects"


class DestinationError(EtlError):
    """The destination cannot store the file, or would lose it."""

    code = "destination-invalid"


class ParameterError(EtlError):
    """A parameter with which no month can be loaded."""


class StoppedError(EtlError):
    """The run was stopped before the month was complete; nothing of it was written."""

    code = "month-stopped"


class MonthsFailedError(EtlError):
    """Some months of a run failed; the others were written."""

    code = "months-failed"
