"""How the findings of a check look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.check import Checked
    from flowship.dockerfile import Finding


COLOURS = {"error": "red", "warning": "yellow"}


def findings(checked: Checked, fixed: int = 0) -> list[RenderableType]:
    """Findings as good compilers show them: the place, the text underlined, the reason, the fix."""
    shown: list[RenderableType] = []
    if fixed:
        shown.append(
            f"[green]✓[/] mended {fixed} place{'s' * (fixed > 1)} in {escape(checked.name)}"
        )
    for finding in checked.findings:
        shown += [*_finding(checked, finding), ""]
    return [*shown, _count(checked)]


def _finding(checked: Checked, finding: Finding) -> Iterable[RenderableType]:
    from rich.text import Text

    from flowship.dockerfile import line_of, masked

    colour = COLOURS[finding.severity]
    number = str(finding.line)
    gutter = " " * len(number)
    text = line_of(checked.text, finding.line)
    length = max(1, min(finding.end_column, len(text) + 1) - finding.column)
    lead = "".join("\t" if c == "\t" else " " for c in text[: finding.column - 1])
    rule = finding.rule if finding.source == "flowship" else f"{finding.source} {finding.rule}"
    yield (
        f"[bold {colour}]{finding.severity}[/][bold]: {escape(finding.message)}[/] "
        f"[dim]{escape(f'[{rule}]')}[/]"
    )
    yield f"{gutter}[blue]-->[/] {escape(checked.name)}:{finding.line}:{finding.column}"
    yield f"{gutter} [blue]|[/]"
    # Not as markup: a line that ends in a backslash, as a RUN does, would be shown with two.
    yield Text.assemble((f"{number} |", "blue"), f" {masked(text)}")
    yield f"{gutter} [blue]|[/] {lead}[bold {colour}]{'^' * length}[/]"
    if finding.help:
        yield f"{gutter} [blue]=[/] [cyan]help:[/] {escape(finding.help)}"


def _count(checked: Checked) -> str:
    errors = len(checked.errors)
    warnings = len(checked.findings) - errors
    if not checked.findings:
        return f"[green]✓[/] {escape(checked.name)}: nothing to complain about"
    parts = [f"{n} {word}{'s' * (n > 1)}" for n, word in ((errors, "error"), (warnings, "warning"))]
    told = " and ".join(p for p in parts if not p.startswith("0"))
    fixable = sum(1 for f in checked.findings if f.edit) if checked.path else 0
    hint = f"; {fixable} can be mended with `flowship check --fix`" if fixable else ""
    return f"{escape(checked.name)}: {told}{hint}"


def findings_json(checked: Checked, fixed: int) -> dict[str, Any]:
    """The same as data."""
    return {
        "dockerfile": checked.name,
        "findings": [
            {
                "rule": f.rule,
                "severity": f.severity,
                "line": f.line,
                "column": f.column,
                "end_column": f.end_column,
                "message": f.message,
                "help": f.help,
                "fixable": f.edit is not None and checked.path is not None,
                "source": f.source,
            }
            for f in checked.findings
        ],
        "errors": len(checked.errors),
        "warnings": len(checked.findings) - len(checked.errors),
        "fixed": fixed,
    }
