"""The rules of ``flowship check``: the text of a Dockerfile in, findings out.

Pure: no engine, no network, no console. What the check knows besides the text is in `Facts`, and
every part of it is optional. Each module contains the rules of one subject; docs/check.md explains
every rule to the user.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flowship.dockerfile.rules.destinations import destinations, workdirs
from flowship.dockerfile.rules.entrypoint import entrypoint
from flowship.dockerfile.rules.findings import (
    RULES,
    Edit,
    Facts,
    Finding,
    Linter,
    Rule,
    Severity,
    View,
)
from flowship.dockerfile.rules.flags import flags
from flowship.dockerfile.rules.flow import flow_in_place
from flowship.dockerfile.rules.image_names import image_names
from flowship.dockerfile.rules.layers import code_before_dependencies, unpinned_bases
from flowship.dockerfile.rules.multiple_sources import multiple_sources
from flowship.dockerfile.rules.one_per_word import one_per_word
from flowship.dockerfile.rules.prefect_2_requirements import prefect_2_requirements
from flowship.dockerfile.rules.prefect_bases import prefect_2_bases
from flowship.dockerfile.rules.secrets import secret_files, secret_texts, secret_variables
from flowship.dockerfile.rules.sources import missing_sources
from flowship.dockerfile.rules.suppressions import unknown_rules
from flowship.dockerfile.rules.syntax import syntax

__all__ = ["RULES", "Edit", "Facts", "Finding", "Linter", "Rule", "Severity", "check", "fix"]

_INDEPENDENT = (
    syntax,
    flags,
    image_names,
    unknown_rules,
    destinations,
    workdirs,
    missing_sources,
    secret_files,
    secret_variables,
    secret_texts,
    code_before_dependencies,
    unpinned_bases,
    prefect_2_bases,
    prefect_2_requirements,
    entrypoint,
    multiple_sources,
)


def check(text: str, facts: Facts | None = None) -> list[Finding]:
    """Check a Dockerfile.

    Args:
        text: The Dockerfile; any text is accepted.
        facts: What is known about the context, the base images and the flow.

    Returns:
        Findings by position. Never raises because of `text`.
    """
    view = View.of(text, facts or Facts())
    found: list[Finding] = []
    for rule in _INDEPENDENT:
        found += rule(view)
    found += flow_in_place(view, found)  # silent if the fixes found so far put the flow in place
    merged = one_per_word(dict.fromkeys(found))
    return sorted(_lasting(view, merged), key=lambda f: (f.line, f.column, f.rule, f.message))


def _lasting(view: View, found: list[Finding]) -> list[Finding]:
    """Without the fixes of a copy that would still take the flow to the wrong place.

    Without one of them, another copy can be the one that takes the flow there.
    """
    while view.facts.entrypoints and (edited := {f.line for f in found if f.edit}):
        fixed = View.of(fix(view.text, found), view.facts)
        misplaced = {f.line for f in flow_in_place(fixed, [])} & edited
        if not misplaced:
            break
        found = [replace(f, edit=None) if f.line in misplaced else f for f in found]
    return found


def fix(text: str, findings: Iterable[Finding]) -> str:
    """Apply the edits of `findings`; if two overlap, only the first."""
    edits = {f.edit for f in findings if f.edit is not None}
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end, e.replacement)):
        if edit.start < position or edit.end > len(text):
            continue
        pieces += [text[position : edit.start], edit.replacement]
        position = max(edit.end, edit.start)
    return "".join(pieces) + text[position:]
