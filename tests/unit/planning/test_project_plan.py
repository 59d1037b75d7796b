"""The plan of a whole project as a value."""

from __future__ import annotations

import json
from dataclasses import replace

from flowship.planning.project_plan import ImagePlan, without_repeated
from support.planning import OPERATIONS, project_plan, report


def test_a_plan_as_json_has_everything_that_changes_and_that_stays():
    document = project_plan().to_json()
    assert json.loads(json.dumps(document)) == document
    (image,) = document["images"]
    assert (document["changes"], document["release"], image["action"]) == (True, 3, "build")
    assert [o["resource"] for o in image["operations"]] == [o.resource.value for o in OPERATIONS]
    assert image["operations"][1]["edited"] == {"at": "2026-05-01T04:12:30.5Z", "by": "ada"}
    assert image["kept"][0]["field"] == "paused"
    assert image["left"][0]["name"] == "taxi/weekly"


def test_what_is_kept_or_left_is_not_a_change():
    assert not project_plan(ImagePlan("a", "nothing", report(operations=()))).changes
    assert project_plan(ImagePlan("a", "push", report(operations=()))).changes
    assert project_plan(ImagePlan("a", "nothing", report())).changes


def test_what_several_images_share_is_changed_once():
    first, second = without_repeated([report(), report()])
    assert first.operations[0].resource.value == "work-pool"
    assert second.operations[0].resource.value == "block"
    assert replace(first, operations=()) == replace(second, operations=())
