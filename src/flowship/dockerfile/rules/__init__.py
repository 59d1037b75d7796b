"""The rules of ``flowship check``: a Dockerfile's text in, findings out.

Pure: no engine, no network, no console. What the check may know of the world comes in as
`Facts`, and each of them may be missing. Each module here holds the rules of one subject;
docs/check.md explains every rule to the user.
"""

from __future__ import annotations

from collections.abc import Iterable

from flowship.dockerfile.rules.destinations import destinations, workdirs
from flowship.dockerfile.rules.entrypoint import entrypoint
from flowship.dockerfile.rules.findings import RULES, Edit, Facts, Finding, Rule, View
from flowship.dockerfile.rules.flags import flags
from flowship.dockerfile.rules.flow import flow_in_place
from flowship.dockerfile.rules.image_names import origins
from flowship.dockerfile.rules.layers import code_before_dependencies, unpinned_bases
from flowship.dockerfile.rules.multiple_sources import several_sources
from flowship.dockerfile.rules.secrets import secrets, variables
from flowship.dockerfile.rules.sources import missing_sources
from flowship.dockerfile.rules.suppressions import allowances
from flowship.dockerfile.rules.syntax import syntax

__all__ = ["RULES", "Edit", "Facts", "Finding", "Rule", "check", "fix"]

_EACH_ALONE = (
    syntax,
    flags,
    origins,
    allowances,
    destinations,
    workdirs,
    missing_sources,
    secrets,
    variables,
    code_before_dependencies,
    unpinned_bases,
    entrypoint,
)


def check(text: str, facts: Facts | None = None) -> list[Finding]:
    """Judge a Dockerfile.

    Args:
        text: The Dockerfile; any text is accepted.
        facts: What is known of the context, the bases and the flow.

    Returns:
        Findings by position. Never raises on account of `text`.
    """
    view = View.of(text, facts or Facts())
    found: list[Finding] = []
    for rule in _EACH_ALONE:
        found += rule(view)
    found += several_sources(view, found)
    found += flow_in_place(view, found)  # where the others' advice would mend it, it says nothing
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda f: (f.line, f.column, f.rule, f.message))


def fix(text: str, findings: Iterable[Finding]) -> str:
    """Apply the edits of `findings`; of two that overlap, the first."""
    edits = {f.edit for f in findings if f.edit is not None}
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end, e.replacement)):
        if edit.start < position or edit.end > len(text):
            continue
        pieces += [text[position : edit.start], edit.replacement]
        position = max(edit.end, edit.start)
    return "".join(pieces) + text[position:]
