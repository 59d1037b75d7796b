"""The status of a project as plain values."""

from __future__ import annotations

import json
from dataclasses import replace

from flowship.output.console import to_json
from support.statuses import HEALTHY, POOL


def test_a_status_becomes_json():
    found = json.loads(json.dumps(to_json(HEALTHY)))
    assert found["checked"] == "2026-11-26T05:00:00+00:00"
    assert found["images"][0]["source"] == "same"
    assert found["deployments"][0]["next_run"]["planned"] is True


def test_a_pool_is_online_if_one_of_its_workers_is():
    [worker] = POOL.workers
    assert replace(POOL, workers=(replace(worker, online=False), worker)).online
    assert not replace(POOL, workers=(replace(worker, online=False),)).online
    assert not replace(POOL, workers=()).online
