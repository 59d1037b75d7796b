"""The rules and their documentation, and positions of findings."""

from __future__ import annotations

from flowship.dockerfile.rules import RULES
from support.paths import ROOT


def test_every_rule_is_documented():
    page = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    for name, rule in RULES.items():
        assert f"### `{name}`" in page, name
        assert rule.summary
        assert rule.severity in {"error", "warning"}
