"""Finding a worker, with canned answers of a server."""

from __future__ import annotations

import httpx
import pytest

from flowship.local import worker
from flowship.local.services import State
from flowship.local.session import Session, Undo
from flowship.prefect import client
from support.targets import api, api_target


def test_a_worker_that_was_started_elsewhere_is_used(tmp_path, monkeypatch):
    known = [{"name": "gone", "status": "OFFLINE"}, {"name": "theirs", "status": "ONLINE"}]

    def answer(request: httpx.Request) -> httpx.Response:
        workers = request.url.path.endswith("/workers/filter")
        return httpx.Response(200, json=known if workers else {"id": "1", "name": "pool"})

    target = api_target()
    monkeypatch.setattr(client, "PrefectApi", lambda _: api(answer, target))
    environ = {"FLOWSHIP_STATE_DIR": str(tmp_path)}
    session = Session(target, environ, tmp_path, lambda event: None, Undo())
    found = worker.ensure_worker(session, "pool")
    assert (found.state, found.detail, found.pid) == (State.EXTERNAL, "theirs", None)


def test_a_worker_is_started_with_a_warning_if_the_server_does_not_take_its_events(
    tmp_path, monkeypatch
):
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/admin/version"):
            return httpx.Response(200, json="3.6.13")
        return httpx.Response(404, json={"detail": "no such work pool"})

    def no_process(*arguments: object) -> None:
        raise OSError("no process in a unit test")

    target = api_target()
    monkeypatch.setattr(client, "PrefectApi", lambda _: api(answer, target))
    session = Session(target, {"FLOWSHIP_STATE_DIR": str(tmp_path)}, tmp_path, print, Undo())
    monkeypatch.setattr(Session, "start", no_process)
    with pytest.raises(OSError, match="unit test"):
        worker.ensure_worker(session, "pool")
    assert ["the server has 3.6.13" in each for each in session.warnings] == [True]


def test_a_user_has_one_worker_name_for_each_state_folder(tmp_path):
    name = worker.worker_name(tmp_path)
    assert name.startswith("flowship-")
    assert worker.worker_name(tmp_path) == name
    assert worker.worker_name(tmp_path / "other") != name
