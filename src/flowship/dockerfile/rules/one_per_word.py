"""One finding per destination: the reasons of several rules, with one piece of advice.

A destination can be relative, need a slash for several sources, and take the flow to the wrong
place. Each rule alone would advise something else, and the next check would reject it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flowship.dockerfile.rules.findings import Edit, Finding, Severity

# The rules about destinations; the first one that applies knows best what to write.
_BY_WEIGHT = ("flow-not-in-place", "syntax", "relative-destination")


def one_per_word(findings: Iterable[Finding]) -> list[Finding]:
    """Merge the findings about one destination into one."""
    kept: list[Finding] = []
    relative = {}
    for finding in findings:
        if finding.rule == "relative-destination":
            relative[finding.line, finding.column] = [finding]
        else:
            kept.append(finding)
    for finding in list(kept):
        place = finding.line, finding.column
        if finding.rule in _BY_WEIGHT and place in relative:
            relative[place].append(finding)
            kept.remove(finding)
    placed = {(f.line, f.column) for f in kept if f.rule == "flow-not-in-place"}
    # The right place of the flow ends with a slash, so that the slash needs no advice of its own.
    kept = [f for f in kept if f.rule != "syntax" or (f.line, f.column) not in placed]
    return kept + [_merged(group) for group in relative.values()]


def _merged(group: list[Finding]) -> Finding:
    """The weightiest finding, with the reasons of all, and a fix that settles all of them."""
    ordered = sorted(group, key=lambda f: _BY_WEIGHT.index(f.rule))
    first, last = ordered[0], ordered[-1]
    if first is last:
        return first
    worst = Severity.ERROR if any(f.is_blocking for f in group) else Severity.WARNING
    return replace(
        first,
        severity=worst,
        message="; ".join(f.message for f in ordered),
        help=_help(first, last),
        edit=_edit(first, last),
    )


def _edit(first: Finding, relative: Finding) -> Edit | None:
    """The fix: one that moves the flow is complete, one that only adds a slash is not."""
    adds_slash = first.edit is not None and first.edit.start == first.edit.end
    moves = first.rule == "flow-not-in-place" and not adds_slash
    return first.edit if moves else relative.edit


def _help(first: Finding, relative: Finding) -> str:
    if first.rule == "syntax":
        whole = "use the full path in the image, starting and ending with a slash"
        return relative.help if relative.edit else whole
    return first.help
