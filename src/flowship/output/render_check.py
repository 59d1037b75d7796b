"""Render the findings of a check, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from flowship.output.console import error_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.check import Checked
    from flowship.config.every_environment import Failure
    from flowship.dockerfile.rules import Finding


COLOURS = {"error": "red", "warning": "yellow"}


def findings(checked: Checked) -> list[RenderableType]:
    """Findings as compilers show them: the position, the underlined text, the reason, the fix."""
    lines: list[RenderableType] = []
    if checked.fixed:
        problems = _counted(checked.fixed, "problem")
        lines.append(f"[green]✓[/] fixed {problems} in {escape(checked.name)}")
    for finding in checked.findings:
        lines += [*_finding(checked, finding), ""]
    return [*lines, _summary(checked)]


def _finding(checked: Checked, finding: Finding) -> Iterable[RenderableType]:
    from rich.text import Text

    from flowship.dockerfile import line_of
    from flowship.dockerfile.rules import Linter
    from flowship.dockerfile.secrets_scan import masked

    severity, source = finding.severity.value, finding.source.value
    colour = COLOURS[severity]
    number = str(finding.line)
    gutter = " " * len(number)
    text = line_of(checked.text, finding.line)
    length = max(1, min(finding.end_column, len(text) + 1) - finding.column)
    indent = "".join("\t" if c == "\t" else " " for c in text[: finding.column - 1])
    rule = finding.rule if finding.source is Linter.FLOWSHIP else f"{source} {finding.rule}"
    yield (
        f"[bold {colour}]{severity}[/][bold]: {escape(finding.message)}[/] "
        f"[dim]{escape(f'[{rule}]')}[/]"
    )
    yield f"{gutter}[blue]-->[/] {escape(checked.name)}:{finding.line}:{finding.column}"
    yield f"{gutter} [blue]|[/]"
    # As Text, because rich markup would double the backslash at the end of a line.
    yield Text.assemble((f"{number} |", "blue"), f" {masked(text)}")
    yield f"{gutter} [blue]|[/] {indent}[bold {colour}]{'^' * length}[/]"
    if finding.help:
        yield f"{gutter} [blue]=[/] [cyan]help:[/] {escape(finding.help)}"


def _summary(checked: Checked) -> str:
    if not checked.findings:
        return f"[green]✓[/] {escape(checked.name)}: no problems found"
    errors = len(checked.errors)
    counts = {"error": errors, "warning": len(checked.findings) - errors}
    found = " and ".join(_counted(count, word) for word, count in counts.items() if count)
    fixable = len(checked.fixable)
    hint = f"; {fixable} fixable with `flowship check --fix`" if fixable else ""
    return f"{escape(checked.name)}: {found}{hint}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def findings_json(checked: Checked) -> dict[str, Any]:
    """The same as data."""
    fixable = checked.fixable
    return {
        "dockerfile": checked.name,
        "findings": [
            {
                "rule": f.rule,
                "severity": f.severity.value,
                "line": f.line,
                "column": f.column,
                "end_column": f.end_column,
                "message": f.message,
                "help": f.help,
                "fixable": f in fixable,
                "source": f.source.value,
            }
            for f in checked.findings
        ],
        "errors": len(checked.errors),
        "warnings": len(checked.findings) - len(checked.errors),
        "fixed": checked.fixed,
    }


def environments_json(failures: Sequence[Failure]) -> list[dict[str, Any]]:
    """The errors of environments that are not chosen, as data."""
    return [{"environment": each.environment, **error_json(each.error)} for each in failures]
