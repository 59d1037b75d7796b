"""Rule `unknown-rule`: a comment that allows what is no rule, and so allows nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from flowship.dockerfile.rules.findings import RULES, Finding, View, span


def allowances(view: View) -> Iterator[Finding]:
    """The names in ``# flowship: ignore=…`` that are no rule's."""
    for word in view.dockerfile.allowances:
        if word.raw in RULES:
            continue
        close = difflib.get_close_matches(word.raw.lower(), RULES, n=1)
        advice = "docs/check.md lists the rules; one of hadolint's takes: # hadolint ignore=…"
        yield from view.finding(
            "unknown-rule",
            span(word),
            f'there is no rule "{word.raw}": this comment allows nothing by that name',
            f'did you mean "{close[0]}"?' if close else advice,
        )
