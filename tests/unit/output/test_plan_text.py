"""The words of a plan."""

from __future__ import annotations

import pytest

from flowship.deployment.plan import Action, Edit, Editor, FieldChange, Kept, Operation, Resource
from flowship.output import plan_text
from flowship.planning.project_plan import ImagePlan
from support.planning import project_plan, report

DIGEST = "sha256:" + "ab" * 32


def rows(*changes, edited=None):
    operation = Operation(
        Action.UPDATE, Resource.BLOCK, "b", "configuration", changes=changes, edited=edited
    )
    return [(r.field, r.before, r.after, r.note) for r in plan_text.rows(operation)]


def change(field, before, after, editor=Editor.FLOWSHIP):
    return FieldChange(field, before, after, "configuration", edited_by=editor)


def test_only_the_entries_of_an_object_that_differ_are_shown():
    assert rows(change("env", {"A": "1", "B": "2"}, {"A": "1", "C": "3"})) == [
        ("env.B", '"2"', "nothing", ""),
        ("env.C", "nothing", '"3"', ""),
    ]
    assert rows(change("env", None, {"A": "1"})) == [("env.A", "nothing", '"1"', "")]
    assert rows(change("env", {"A": "1"}, "{{ x }}")) == [("env", '{"A": "1"}', '"{{ x }}"', "")]


def test_digests_and_long_values_are_short():
    [(_, before, after, _)] = rows(change("image", f"user/a:1@{DIGEST}", "x" * 500))
    assert before == '"user/a:1@sha256:abababababab…"'
    assert len(after) < 200
    assert " … " in after


def test_several_references_that_move_to_another_block_are_one_row():
    names = ("image", "volumes", "env")
    changes = (
        change(f"job_variables.{name}", *(f"{{{{ prefect.blocks.docker-container.{b}.{name} }}}}"
                                          for b in ("old", "new")))
        for name in names
    )  # fmt: skip
    [(field, _, after, note)] = rows(*changes)
    assert (field, after) == (
        "job_variables.image", '"{{ prefect.blocks.docker-container.new.image }}"',
    )  # fmt: skip
    assert note == "and 2 more references, to the same block"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit(), "edited on the server"),
        (Edit("2026-05-01T04:12:30Z"), "edited on the server 2026-05-01 04:12 UTC"),
        (Edit("2026-05-01T04:12:30Z", "ada"), "edited on the server 2026-05-01 04:12 UTC by ada"),
    ],
    ids=["nothing", "when", "who"],
)
def test_an_edit_has_what_is_known(edit, words):
    [(*_, note)] = rows(change("mem_limit", "8g", "1g", Editor.PERSON), edited=edit)
    assert note == words


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (Kept(Resource.DEPLOYMENT, "a/b", "paused", True, "x"), "deployment a/b"),
        (Kept(Resource.DEPLOYMENT, "a/b", "paused", False, "x"), "deployment a/b"),
        (Kept(Resource.BLOCK, "b", "volumes", ["a"], "x"), 'block b: volumes = ["a"]'),
        (Kept(Resource.AUTOMATION, "a: late", "enabled", False, "x"), "automation a: late"),
        (Kept(Resource.SCHEDULE, "a/b: daily", "", None, "x"), "schedule a/b: daily"),
        (Kept(Resource.SCHEDULE, "a/b: daily", "", "paused", "x"), "schedule a/b: daily (paused)"),
    ],
    ids=["paused", "resumed", "field", "disabled", "added", "added and paused"],
)
def test_what_is_kept_is_named(kept, words):
    assert plan_text.kept_words(kept) == words


def test_the_last_line_counts():
    assert plan_text.totals(project_plan()) == (
        "plan: 1 image to build, 1 to create, 2 to update, 1 to delete; 2 kept;"
        " 1 no longer in the configuration"
    )
    empty = ImagePlan("a", "nothing", report(operations=(), kept=(), left=()))
    assert plan_text.totals(project_plan(empty)) == "plan: no changes"
    assert plan_text.listed("abcde") == "a, b, c and 2 more"
