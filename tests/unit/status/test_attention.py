"""What needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flowship.status import attention
from flowship.status.record import LateRuns, Problem, StuckRun
from support.statuses import IMAGE, NIGHTLY, NOW, POOL


def problems(
    deployment: Any = NIGHTLY, absent: Sequence[str] = (), image: Any = IMAGE, pool: Any = POOL
) -> dict[Problem, str]:
    found = attention.of([deployment], absent, [image], [pool])
    return {each.problem: each.message for each in found}


def test_a_healthy_project_needs_no_attention():
    assert problems() == {}
    assert problems(deployment=replace(NIGHTLY, paused=True, next_run=None)) == {}
    assert problems(image=replace(IMAGE, released=None)) == {}


def test_late_runs_come_after_their_causes():
    pool = replace(POOL, paused=True, workers=())
    late = replace(NIGHTLY, late=LateRuns(2, NOW - timedelta(hours=1)))
    found = problems(late, pool=pool)
    assert list(found) == [Problem.POOL_PAUSED, Problem.NO_WORKER, Problem.LATE_RUNS]
    assert found[Problem.LATE_RUNS].startswith("taxi/nightly: 2 runs are late, since ")
    assert "`flowship up`" in found[Problem.NO_WORKER]
    one = replace(NIGHTLY, late=LateRuns(1, NOW))
    assert problems(one)[Problem.LATE_RUNS].startswith("taxi/nightly: 1 run is late")


def test_a_stuck_run_is_named_with_the_reason():
    run = StuckRun("r", "amber-fox", "Running", NOW, "no heartbeat for 12 min")
    assert problems(replace(NIGHTLY, stuck=(run,))) == {
        Problem.STUCK_RUN: "taxi/nightly: amber-fox is probably stuck: no heartbeat for 12 min"
    }


def test_a_run_that_only_the_schedule_knows_points_at_the_scheduler():
    following = NIGHTLY.next_run
    assert following is not None
    found = problems(replace(NIGHTLY, next_run=replace(following, planned=False)))
    assert "is its scheduler running?" in found[Problem.NOT_PLANNED]


def test_what_is_gone_or_was_changed_by_hand():
    found = problems(
        absent=["taxi/hourly"],
        image=replace(IMAGE, released=False),
        pool=replace(POOL, exists=False),
    )
    assert list(found) == [
        Problem.POOL_MISSING,
        Problem.DEPLOYMENT_MISSING,
        Problem.IMAGE_CHANGED,
    ]
    assert "taxi/hourly is no longer on the server" in found[Problem.DEPLOYMENT_MISSING]
    assert "another image than the last release" in found[Problem.IMAGE_CHANGED]
