"""Comments that turn rules off."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import check
from support.dockerfiles import PREFECT, underlined


@pytest.mark.parametrize(
    ("names", "place", "help"),
    [
        ("relativ-destination", "relativ-destination", 'did you mean "relative-destination"?'),
        ("Relative-Destination", "Relative-Destination", "relative-destination"),
        ("missing-source, sekret", "sekret", 'did you mean "secret"?'),
        ("DL3006", "DL3006", "# hadolint ignore=…"),
    ],
)
def test_a_comment_with_an_unknown_rule_is_reported_with_the_nearest_name(names, place, help):
    text = f"{PREFECT}# flowship: ignore={names}\nCOPY a /x/\n"
    (finding,) = check(text)
    assert (finding.rule, finding.severity) == ("unknown-rule", "warning")
    assert underlined(text, finding) == place
    assert help in finding.help


def test_text_after_the_rules_is_not_a_rule():
    text = PREFECT + "  # flowship: ignore=relative-destination, secret as we said\nCOPY a x/\n"
    assert check(text) == []
