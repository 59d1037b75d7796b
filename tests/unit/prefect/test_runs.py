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


def test_the_signs_of_life_of_a_run_come_with_one_request():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json={"events": [{"occurred": "2026-01-01T00:03:00Z"}]})

    since = "2026-01-01T00:00:00Z"
    [event] = api(answer).heartbeats("r", since, limit=2)
    assert event["occurred"] == "2026-01-01T00:03:00Z"
    [(path, body)] = seen
    assert path.endswith("/events/filter")
    assert body["limit"] == 2
    assert body["filter"]["resource"] == {"id": ["prefect.flow-run.r"]}
    assert body["filter"]["occurred"] == {"since": since}


def test_runs_are_listed_in_one_request():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, json=[])

    assert api(answer).runs({"name": {"any_": ["x"]}}, sort="NAME_ASC", limit=3) == []
    assert seen == [{"flow_runs": {"name": {"any_": ["x"]}}, "sort": "NAME_ASC", "limit": 3}]
