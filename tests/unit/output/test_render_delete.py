"""What `delete` and `prune` remove, in words."""

from __future__ import annotations

from dataclasses import replace

from rich.text import Text

from flowship.deployment.plan import Action, Operation, Plan, Resource
from flowship.operate.delete import Deleted, Deletion
from flowship.operate.prune import PrunedImage
from flowship.output import render_delete
from support.releases import RELEASE

DELETION = Deletion(
    project="taxi",
    last=replace(RELEASE, number=4, environment=None),
    lock="taxi-docker",
    deployments=("taxi/[x]",),
    plan=Plan((Operation(Action.DELETE, Resource.DEPLOYMENT, "taxi/[x]", "flowship delete"),)),
    kept={"taxi-docker": "nightly"},
    configured={"taxi/[x]": "flowship.toml:7:1"},
)
NOTE = (
    "note: the configuration still has taxi/[x], so the next deploy creates it again:"
    " remove it at flowship.toml:7:1"
)
OLD = PrunedImage("sha256:1", ("taxi:old",), 1_000_000, "")
KEPT = PrunedImage("sha256:2", ("taxi:new",), 1_000_000, "release 3")


def plain(lines) -> str:
    return "\n".join(Text.from_markup(str(line)).plain for line in lines)


def test_a_plan_says_what_goes_and_what_stays():
    text = plain(render_delete.planned(DELETION))
    assert "- delete deployment taxi/[x] (flowship delete)" in text
    assert "the block taxi-docker stays: the deployment nightly uses it" in text
    assert "runs, images, Secret blocks and the work pool stay" in text


def test_a_plan_that_is_carried_out_at_once_is_shown_only_then():
    text = plain(render_delete.planned(DELETION, follows=True))
    assert "delete deployment" not in text
    assert "the block taxi-docker stays" in text


def test_what_was_deleted_can_come_back():
    text = plain(render_delete.done(DELETION, Deleted(6), dry_run=False))
    assert "✓ deleted taxi/[x]" in text
    assert "`flowship rollback 4 --project taxi`" in text
    staging = replace(DELETION, last=replace(RELEASE, number=4))
    text = plain(render_delete.done(staging, Deleted(6), dry_run=False))
    assert "`flowship rollback 4 --env staging`" in text
    assert "nothing was recorded" in plain(render_delete.done(DELETION, Deleted(), dry_run=False))
    text = plain(render_delete.done(DELETION, Deleted(warnings=("not [1]",)), dry_run=False))
    assert text.endswith("warning: not [1]")
    assert "nothing was recorded" not in text
    text = plain(render_delete.done(DELETION, Deleted(), dry_run=True))
    assert text == "nothing was changed (--dry-run)"


def test_what_the_configuration_still_has_is_a_note_before_the_question_and_at_the_end():
    assert plain(render_delete.planned(DELETION)).endswith(NOTE)
    assert NOTE not in plain(render_delete.planned(DELETION, follows=True))
    assert plain(render_delete.done(DELETION, Deleted(6), dry_run=False)).endswith(NOTE)
    many = replace(DELETION, configured={f"taxi/{n}": f"flowship.toml:{n}" for n in range(30)})
    assert plain(render_delete.planned(many)).endswith("note: and 27 more that it still has")


def test_pruned_images_are_listed_with_their_reason():
    text = plain(render_delete.pruned([OLD, KEPT], 500_000))
    assert "remove taxi:old" in text
    assert "taxi:new" in text
    assert "(release 3)" in text
    assert "removed 1 of 2" in text
    assert "would be removed" in plain(render_delete.pruned([OLD], None))
    assert plain(render_delete.pruned([KEPT], 0)).endswith("nothing to remove")
