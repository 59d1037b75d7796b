"""Finding a worker, with canned answers of a server."""

from __future__ import annotations

import httpx
import pytest

from flowship.errors import ConfigError
from flowship.local import records, worker
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


def test_no_worker_is_started_that_the_server_is_too_old_for(tmp_path, monkeypatch):
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/admin/version"):
            return httpx.Response(200, json="3.6.13")
        return httpx.Response(404, json={"detail": "no such work pool"})

    target = api_target()
    monkeypatch.setattr(client, "PrefectApi", lambda _: api(answer, target))
    session = Session(target, {"FLOWSHIP_STATE_DIR": str(tmp_path)}, tmp_path, print, Undo())
    with pytest.raises(ConfigError) as caught:
        worker.ensure_worker(session, "pool")
    assert caught.value.code == "worker-version-incompatible"
    assert "the server has 3.6.13" in caught.value.message
    assert records.load_all(session.state) == ([], [])


def test_a_user_has_one_worker_name_for_each_state_folder(tmp_path):
    name = worker.worker_name(tmp_path)
    assert name.startswith("flowship-")
    assert worker.worker_name(tmp_path) == name
    assert worker.worker_name(tmp_path / "other") != name
