"""The requests about runs."""

from __future__ import annotations

import json

import httpx
import pytest

from flowship.errors import ApiError
from support.targets import api


def test_runs_are_asked_for_by_id_and_their_logs_from_a_moment_on():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=[])

    client = api(answer)
    assert client.child_runs(("a", "b")) == []
    assert list(client.logs(("a",), "2026-01-01T00:00:00+00:00")) == []
    (children, which), (logs, since) = seen
    assert children.endswith("/flow_runs/filter")
    assert which["flow_runs"] == {"parent_flow_run_id": {"any_": ["a", "b"]}}
    assert logs.endswith("/logs/filter")
    assert since["logs"]["timestamp"] == {"after_": "2026-01-01T00:00:00+00:00"}
    assert since["sort"] == "TIMESTAMP_ASC"
    assert since["limit"] == 200


def test_the_newest_records_of_a_level_are_one_small_request():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, json=[{"id": "1"}, {"id": "2"}])

    logs = api(answer).logs(("a",), level=30, newest_first=True, page=2)
    assert [next(logs)["id"], next(logs)["id"]] == ["1", "2"]
    (body,) = seen
    assert body["logs"]["level"] == {"ge_": 30}
    assert (body["sort"], body["limit"]) == ("TIMESTAMP_DESC", 2)


def test_an_unexpected_answer_to_a_proposed_state_is_an_error():
    with pytest.raises(ApiError):
        api(lambda request: httpx.Response(200, json=[])).set_run_state("a", "CANCELLING")


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
