"""The requests about runs."""

from __future__ import annotations

import json

import httpx

from support.targets import api


def test_runs_are_asked_for_by_id_and_their_logs_from_a_moment_on():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=[])

    client = api(answer)
    assert client.child_runs(("a", "b")) == []
    assert client.logs(("a",), "2026-01-01T00:00:00+00:00") == []
    (children, which), (logs, since) = seen
    assert children.endswith("/flow_runs/filter")
    assert which["flow_runs"] == {"parent_flow_run_id": {"any_": ["a", "b"]}}
    assert logs.endswith("/logs/filter")
    assert since["logs"]["timestamp"] == {"after_": "2026-01-01T00:00:00+00:00"}
    assert since["sort"] == "TIMESTAMP_ASC"
