"""The artifact of a release: a page for people, and the release itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from flowship.releases import page
from support.releases import COMMIT, NIGHTLY, OWN, RELEASE


def shown(release) -> str:
    """What the UI shows: all but the comment."""
    before, _, rest = page.write(release).partition("<!--")
    assert rest.rstrip().endswith("-->")
    assert rest.count("-->") == 1
    return before


def test_the_page_says_what_was_deployed():
    text = shown(RELEASE)
    assert text.startswith("# Release 7 of taxi\n")
    assert "`flowship ship` in staging by `ada@laptop`." in text
    assert f"| taxi | {COMMIT[:12]}, with changes | `{OWN.reference}` |" in text
    assert "| taxi/nightly | every day at 05:00 Pacific/Auckland | `year=2022` |" in text
    assert "- update block `taxi-docker`: new image" in text
    assert "`flowship rollback 7 --env staging` deploys this release again." in text
    assert "`flowship rollback 7` deploys" in shown(replace(RELEASE, environment=""))


def test_the_page_has_the_alerts_and_what_changed_of_them():
    name = "flowship: taxi: failed → a/b"
    image = replace(OWN, alerts={"automations": [{"name": name}, {}]})
    done = {"action": "create", "resource": "automation", "name": name, "reason": "it's new"}
    text = shown(replace(RELEASE, images=(image,), operations=(*RELEASE.operations, done)))
    assert f"## Alerts\n\n- `{name}`\n" in text
    assert "\n\\+ alert failed → a/b\n" in text
    assert f"- create automation `{name}`: it's new" in text
    assert "## Alerts" not in shown(RELEASE)


def test_a_name_with_underscores_is_shown_as_it_is_in_the_ui():
    text = shown(replace(RELEASE, deployments=(replace(NIGHTLY, name="every_night (old)"),)))
    assert r"| taxi/every\_night \(old\) |" in text


def test_of_many_changes_the_first_are_summed_up():
    many = tuple(
        {"action": "create", "resource": "deployment", "name": f"taxi/{n}"} for n in range(30)
    )
    assert "taxi/19; and 10 more\n" in shown(replace(RELEASE, operations=many))


def test_the_release_is_read_back_from_the_page():
    assert page.read(page.write(RELEASE)) == json.loads(json.dumps(RELEASE.to_json()))


@pytest.mark.parametrize(
    "name", ["-->", "<!-- flowship-release\n{}\n-->", "a|b`c", "<script>alert(1)</script>", "\n# x"]
)
def test_a_name_cannot_end_the_comment_or_the_page(name):
    hostile = replace(NIGHTLY, name=name, parameters={name: name})
    release = replace(RELEASE, who=name, deployments=(hostile,))
    text = shown(release)
    outside_of_code = re.sub(r"`[^`\n]*`", "", text)
    assert not re.search(r"(?<!\\)<(?:script|!)", outside_of_code)
    rows = [line for line in text.splitlines() if line.startswith("| taxi/")]
    assert len(rows) == 1
    assert "\n# x" not in text
    assert page.read(page.write(release))["who"] == name


def test_of_many_operations_the_first_are_shown():
    release = replace(RELEASE, operations=RELEASE.operations * 60)
    assert "- and 10 more" in shown(release)


def test_an_incomplete_release_says_so():
    text = shown(replace(RELEASE, incomplete="image heavy: it was refused"))
    assert "**Not everything was deployed:** image heavy: it was refused" in text


@pytest.mark.parametrize(
    "text", ["", "a page", page.BEGIN, page.BEGIN + "{" + page.END, page.BEGIN + "[" * 99999]
)  # fmt: skip
def test_a_page_without_a_release_gives_nothing(text):
    assert page.read(text) is None


def test_the_data_of_format_1_is_the_artifact_itself():
    assert page.read({"format": 1}) == {"format": 1}
