"""What can go wrong with a month, worded for the reader of the run's log."""

from __future__ import annotations

from pathlib import Path

_KEPT = "\n\t"


def printable(text: str) -> str:
    """The text without control characters: ``ESC`` becomes ``\\x1b``.

    Files and servers can contain sequences that clear a terminal, or hide and replace text on it.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _KEPT else c.encode("unicode_escape").decode() for c in text
    )


class EtlError(Exception):
    """An expected failure.

    Args:
        message: What failed and why; control characters in it are made visible.
        code: A stable name for this failure, for scripts: ``month-not-published``.
        hint: The one thing to do next.
    """

    code: str = "etl-failed"

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        self.code = code or self.code
        self.message = printable(message)
        self.hint = printable(hint)
        end = f". {self.hint[0].upper()}{self.hint[1:]}" if hint else ""
        super().__init__(self.message + end)


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


class CrashedError(EtlError):
    """An unexpected failure of a month: a mistake in the code, such as a custom cleaning step."""

    code = "month-crashed"


def as_etl_error(exc: BaseException) -> EtlError:
    """The failure as an error of a month; an unexpected one with its type and place in the code."""
    if isinstance(exc, EtlError):
        return exc
    last = exc.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f" ({Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno})" if last else ""
    text = str(exc).strip()
    return CrashedError(f"unexpected {type(exc).__name__}{place}" + (f": {text}" if text else ""))
