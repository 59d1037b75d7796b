"""A saved plan is refused after each kind of drift on a real server, and names it."""

from __future__ import annotations

import pytest

from flowship.errors import ApiError
from flowship.planning import reviewed
from flowship.planning.project_plan import ImagePlan, ProjectPlan
from flowship.planning.review import Review
from support.deploying import Project
from support.persons import (
    add_schedule,
    delete_schedule,
    edit_cron,
    edited,
    edited_block,
    pause_schedule,
    recreate,
    swap_pool,
)

pytestmark = pytest.mark.server

DAILY = "schedule flow/nightly: every day at 05:00 Pacific/Auckland"
DRIFT = {
    "a cron": (edit_cron, [f"new: update {DAILY}"]),
    "a paused schedule": (pause_schedule, [f"new on the server: {DAILY}: paused"]),
    "a schedule": (
        add_schedule,
        ["new on the server: schedule flow/nightly: every day at 12:00 UTC: added on the server"],
    ),
    "a deleted schedule": (delete_schedule, [f"new: create {DAILY}"]),
    "the block's image": (edited_block(image="other/x:1"), ["new: update block taxi-docker"]),
    "a parameter": (edited(parameters={"year": 1999}), ["new: update deployment flow/nightly"]),
    "a tag": (edited(tags=["urgent"]), ["new: update deployment flow/nightly"]),
    "created again by hand": (
        recreate,
        [f"new: create {DAILY}", "new: update deployment flow/nightly"],
    ),
    "another pool": (swap_pool, ["new: update deployment flow/nightly"]),
}


@pytest.mark.parametrize("name", DRIFT)
def test_a_saved_plan_is_refused_after_it(prefect_server, tmp_path, name):
    act, expected = DRIFT[name]
    project = Project(prefect_server)
    project.deploy()
    found = project.plan()
    image = ImagePlan("taxi", "nothing", found)
    path = tmp_path / "plan.json"
    reviewed.save(ProjectPlan("taxi", None, found.api_url, 1, (image,)), path)
    review = Review(reviewed.load(path))
    review.require_same_changes(["taxi"], [project.plan()], 1)
    act(project)
    with pytest.raises(ApiError) as caught:
        review.require_same_changes(["taxi"], [project.plan()], 1)
    details = caught.value.details.replace(f"-{project.tag}", "")
    assert (caught.value.code, sorted(details.splitlines())) == ("plan-outdated", expected)
