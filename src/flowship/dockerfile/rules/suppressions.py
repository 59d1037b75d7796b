"""Rule `unknown-rule`: a comment that names a rule that does not exist, and so has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from flowship.dockerfile.rules.findings import RULES, Finding, View, span
from flowship.errors import did_you_mean


def unknown_rules(view: View) -> Iterator[Finding]:
    """Find unknown names in ``# flowship: ignore=…``."""
    for word in view.dockerfile.suppressions:
        if word.raw in RULES:
            continue
        advice = "docs/check.md lists the rules; for hadolint's rules use: # hadolint ignore=…"
        yield from view.finding(
            "unknown-rule",
            span(word),
            f'unknown rule "{word.raw}" in this comment',
            did_you_mean(word.raw.lower(), RULES, advice),
        )
