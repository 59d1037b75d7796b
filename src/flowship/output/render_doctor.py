"""Renders an examination: one line per check, with details only where something is not ok."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.doctor.result import Severity
from flowship.output.next_steps import followed
from flowship.output.terminal import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.doctor.result import Examination, Result

WIDTH = 80
INDENT = 4
MARKS = {
    Severity.OK: ("✓", "ok", "green"),
    Severity.WARNING: ("!", "!", "yellow"),
    Severity.ERROR: ("✗", "X", "red"),
    Severity.SKIPPED: ("-", "-", "dim"),
}
"""The mark, the same in ASCII, and the color."""


def examination(found: Examination, *, unicode: bool) -> list[RenderableType]:
    """Return the report.

    Args:
        found: What the checks found.
        unicode: Whether the output can show other characters than those of ASCII.
    """
    column = max(len(each.code) for each in found.results) + 2
    lines: list[RenderableType] = []
    for each in found.results:
        lines += _result(each, column, unicode=unicode)
    for done in found.fixed:
        lines.append(f"[green]{MARKS[Severity.OK][not unicode]}[/] {escape(printable(done))}")
    return [*lines, "", _summary(found)]


def can_show_marks() -> bool:
    """Whether stdout has the characters of `MARKS`."""
    try:
        "✓✗→".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def _result(result: Result, column: int, *, unicode: bool) -> Iterator[str]:
    sign, plain, color = MARKS[result.severity]
    mark = sign if unicode else plain
    head = f"{mark:<2} {result.code:<{column}}"
    first, *rest = _wrapped(result.finding.found, WIDTH - len(head)) or [""]
    dim = result.severity is Severity.SKIPPED
    code = escape(printable(f"{result.code:<{column}}"))
    yield f"[{color}]{mark:<2}[/] {code}{_styled(first, dim=dim)}"
    yield from (" " * len(head) + _styled(line, dim=dim) for line in rest)
    if result.severity in (Severity.WARNING, Severity.ERROR):
        yield from _more(result, unicode=unicode)


def _more(result: Result, *, unicode: bool) -> Iterator[str]:
    finding, indent = result.finding, " " * INDENT
    for line in _wrapped(finding.meaning, WIDTH - INDENT):
        yield f"{indent}{escape(line)}"
    for line in printable(finding.details).splitlines()[-8:]:
        for number, part in enumerate(_wrapped(line, WIDTH - INDENT - 2)):
            yield f"{indent}{'  ' if number else ''}[dim]{escape(part)}[/]"
    arrow = "→" if unicode else "->"
    lines = _wrapped(finding.remedy, WIDTH - INDENT - len(arrow) - 1)
    for number, line in enumerate(lines):
        start = f"[cyan]{arrow}[/] " if not number else " " * (len(arrow) + 1)
        yield f"{indent}{start}{escape(line)}"


def _wrapped(text: str, width: int) -> list[str]:
    """The lines of a text; a long address or command is not broken, so that it can be copied."""
    return textwrap.wrap(
        printable(followed(text)).replace("\n", " "),
        width,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _styled(text: str, *, dim: bool) -> str:
    return f"[dim]{escape(text)}[/]" if dim and text else escape(text)


def _summary(found: Examination) -> str:
    counts = [(found.count(Severity.ERROR), "error"), (found.count(Severity.WARNING), "warning")]
    problems = " and ".join(f"{n} {word}{'s' * (n != 1)}" for n, word in counts if n)
    good = f"{found.count(Severity.OK)} of {len(found.results)} checks are ok"
    return f"{problems or 'no problems found'} ({good}{_skipped(found)})"


def _skipped(found: Examination) -> str:
    count = found.count(Severity.SKIPPED)
    if not count:
        return ""
    if found.healthy:  # none was skipped because another one failed
        return f", {count} {'does' if count == 1 else 'do'} not apply"
    return f", {count} {'was' if count == 1 else 'were'} skipped"
