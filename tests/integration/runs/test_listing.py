"""The runs that are going on and their containers, on a real server and engine."""

from __future__ import annotations

import pytest

from flowship.engine.client import connect
from flowship.local import records
from flowship.runs import listing
from flowship.runs.containers import of_runs
from flowship.runs.find import find
from support.deploying import Project

pytestmark = [pytest.mark.engine, pytest.mark.server]


def own(started_run):
    return [find(started_run.api, f"flow-{started_run.project.tag}/nightly")]


def rows(started_run, *, running: bool = True):
    found = of_runs(connect(), running=running)
    return listing.rows(started_run.api, own(started_run), found)


def test_a_run_has_its_container_with_what_it_uses(started_run, containers):
    started_run.state("RUNNING")
    made = containers(["sh", "-c", "while true; do :; done"], mem_limit="100m")
    (row,) = listing.with_usage(rows(started_run), connect)
    assert (row.id, row.run.state_name) == (started_run.run_id, "Running")
    assert row.container.container.name == made.name
    assert row.usage.cpu > 5
    assert 0 < row.usage.memory < 100 * 2**20
    assert row.to_json()["container"]["shell"] == f"docker exec -it {made.name} sh"


def test_a_container_that_ended_counts_only_with_all(started_run, containers):
    started_run.state("CRASHED")
    containers(["sh", "-c", "exit 3"]).wait()
    assert rows(started_run) == []
    (row,) = rows(started_run, running=False)
    assert row.to_json()["container"]["message"] == "exited with code 3"


def test_a_running_container_of_a_run_that_has_ended_is_listed(started_run, containers):
    started_run.state("CANCELLED")
    containers(["sleep", "300"], init=True)
    (row,) = rows(started_run)
    assert row.run.state_name == "Cancelled"
    assert row.container.runs


def test_a_run_without_a_container_says_why(started_run, engine, tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWSHIP_STATE_DIR", str(tmp_path))
    (row,) = rows(started_run)
    assert row.place == "none yet: no worker took the run"
    started_run.state("RUNNING")
    started_run.taken_by("flowship-here")
    (row,) = rows(started_run)
    pool = f"pool-{started_run.project.tag}"
    assert row.place.startswith("none on this engine: the worker flowship-here of the work pool ")
    record = records.Record("worker", 1, "", "http://127.0.0.1:1/api", "/l", pool, "flowship-here")
    records.save(tmp_path, record)
    (row,) = rows(started_run)
    assert row.place == f"gone; `flowship cancel {started_run.run_id}` ends the run"
    (row,) = listing.rows(started_run.api, own(started_run), None)
    assert row.place == "unknown"


def test_the_runs_of_others_are_listed_only_outside_of_a_project(started_run, containers):
    made = containers(["sleep", "300"], init=True)
    other = Project(started_run.api.url)
    other.deploy()
    theirs = [find(other.api, f"flow-{other.tag}/nightly")]
    found = of_runs(connect(), running=True)
    assert listing.rows(other.api, theirs, found) == []
    everything = listing.rows(other.api, None, found)
    assert made.name in {row.container.container.name for row in everything if row.container}


def test_without_a_server_the_containers_are_left(started_run, containers):
    made = containers(["sleep", "300"], init=True)
    found = [c for c in of_runs(connect(), running=True) if c.run == started_run.run_id]
    (row,) = listing.without_server(found, None)
    assert (row.id, row.name) == (started_run.run_id, started_run.chosen().name)
    assert row.deployment == f"flow-{started_run.project.tag}/nightly"
    assert row.container.container.name == made.name
    assert listing.without_server(found, "another") == []
