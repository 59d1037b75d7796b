"""A plan as Markdown: complete, and nothing in it that a name or a value put there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from flowship.deployment.plan import Edit, Editor, Kept, Resource
from flowship.output import markdown_plan
from flowship.planning.project_plan import ImagePlan
from support.planning import LEFT, OPERATIONS, project_plan, report

TEXT = """\
### flowship plan: `de-taxi` for `production`

**1 image to build, 1 to create, 2 to update, 1 to delete; 2 kept; \
1 no longer in the configuration**

Image: would be built and pushed; `flows/taxi.py changed`

- **create work-pool** `flowship` (it does not exist)
- **update block** `taxi-docker` (the configuration differs)
  - `mem_limit`: `"8g"` → `"1g"` (`edited on the server 2026-05-01 04:12 UTC by ada`)
  - `env.B`: `"2"` → `"3"`
- **update schedule** `taxi/nightly: every day at 05:00 UTC` (configuration)
  - `schedule`: `"every hour"` → `"every day at 05:00 UTC"`
- **delete deployment** `taxi/old` (no longer configured)

Kept as it is on the server:

- `schedule taxi/nightly: every day at 05:00 UTC` \
(`paused on the server, 2026-05-01 04:12 UTC by ada`)
- `block taxi-docker: privileged = true` (the configuration does not set it)

No longer in the configuration:

- `taxi/weekly`: `still runs every Monday at 06:00 UTC; --prune deletes it`

Compared with `http://127.0.0.1:4200/api`.
"""

HOSTILE = [
    "`` ` ``` x",
    "`",
    "a\n\n# heading\n- [x](http://evil.example)",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/x.png)",
    "@everyone please look",
    "` @ada `",
    "a | b \\",
    "\\`x\\`",
    "a\u2028b\x1b[2J\r\nc",
    "$x$ ```suggestion\nrm\n```",
]


def hostile(text):
    """A plan in which this text stands everywhere that something from outside can stand."""
    change = replace(OPERATIONS[1].changes[0], field=text, before=text, after={text: text})
    operations = tuple(
        replace(o, name=text, reason=text, changes=(change,), edited=Edit(None, text))
        for o in OPERATIONS
    )
    kept = (Kept(Resource.BLOCK, text, text, text, text, Edit(None, text)),)
    left = (replace(LEFT[0], name=text, runs=(text,), renamed_to=text),)
    found = report(operations=operations, kept=kept, left=left)
    images = (ImagePlan(text, "build", found, (text,)), ImagePlan(text, "push", found))
    return project_plan(*images, environment=text, api_url=text)


def tokens(text):
    """Every token of the rendered document, the inline ones too."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        yield token
        yield from token.children or ()


def test_a_plan_as_markdown():
    assert markdown_plan.document(project_plan()) == TEXT


def shape(text):
    """The document without what its code and text say."""
    return [(t.type, t.tag, t.level) for t in tokens(text)]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_stays_inside_its_code(text):
    document = markdown_plan.document(hostile(text))
    assert shape(document) == shape(markdown_plan.document(hostile("x.y")))
    outside = "".join(t.content for t in tokens(document) if t.type == "text")
    assert "@" not in outside
    assert "evil" not in outside


@given(st.text(alphabet=st.sampled_from("`@[]()<>!|\\*_#\n\t ax&;:~$-="), max_size=12))
def test_no_name_changes_the_form_of_the_document(text):
    assert shape(markdown_plan.document(hostile(text + "."))) == shape(
        markdown_plan.document(hostile("x.y"))
    )


def test_code_keeps_what_it_shows():
    for text in ("a", "`", "a `` b", "x\\"):
        [paragraph] = [t for t in MarkdownIt().parse(markdown_plan.code(text)) if t.children]
        assert [t.content for t in paragraph.children] == [text]


def test_a_plan_without_changes_says_so():
    nothing = ImagePlan("a", "nothing", report(operations=(), kept=(), left=()))
    assert "**no changes**" in markdown_plan.document(project_plan(nothing, environment=None))


def test_a_very_long_plan_fits_into_a_comment():
    change = replace(OPERATIONS[1].changes[0], edited_by=Editor.FLOWSHIP, before="x" * 100)
    many = (replace(OPERATIONS[1], changes=(change,)),) * 2000
    text = markdown_plan.document(project_plan(ImagePlan("a", "nothing", report(operations=many))))
    assert len(text) < 65_000
    assert text.endswith(markdown_plan.CUT)
