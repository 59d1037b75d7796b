"""What can go wrong with a month, told to the person who reads the run's log."""

from __future__ import annotations


class EtlError(Exception):
    """An expected failure.

    Args:
        message: What failed and why.
        hint: The one thing to do next.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}. {hint[0].upper()}{hint[1:]}" if hint else message)
        self.message = message
        self.hint = hint


class SourceError(EtlError):
    """The source cannot be read: a wrong address, a refusal, something that is no trip file."""


class NotPublishedError(SourceError):
    """The source answers, and has no such month."""


class UnavailableError(SourceError):
    """The source could not be reached or broke off; the same request may work later."""


class TooManyRejectsError(SourceError):
    """More rows than allowed could not be read, or none could."""


class DestinationError(EtlError):
    """The destination cannot take the file, or would lose it."""


class ParameterError(EtlError):
    """A value that no month can be loaded with."""


class StoppedError(EtlError):
    """Somebody stopped the run before the month was through; nothing of it was written."""


class MonthsFailedError(EtlError):
    """Some months of a run failed; the others were written."""
