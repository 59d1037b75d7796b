"""What a container printed, from a real engine or from a worker's log."""

from __future__ import annotations

import re

import pytest

from flowship.engine.client import connect
from flowship.errors import EngineError
from flowship.local import records
from flowship.runs import container_log
from flowship.runs.container_log import Origin
from flowship.runs.records import Selection

pytestmark = [pytest.mark.engine, pytest.mark.server]

SCRIPT = "for i in 1 2 3 4; do echo line $i; done; echo no such module >&2; exit 3"


def read(one_run, selection=None, engine=connect):
    api = one_run.project.api
    return container_log.read(api, one_run.chosen(), engine, selection or Selection())


def no_engine():
    raise EngineError("no engine answers")


def test_the_engine_has_the_output_of_a_container_that_ended(one_run, containers):
    made = containers(["sh", "-c", SCRIPT])
    made.wait()
    said = read(one_run)
    assert said.origin is Origin.ENGINE
    assert said.title == f"container {made.name} exited with code 3"
    assert sorted(said.read()) == ["line 1", "line 2", "line 3", "line 4", "no such module"]
    assert said.to_json()["exit_code"] == 3
    assert len(said.to_json()["lines"]) == 5
    assert len(list(read(one_run, Selection(tail=2)).read())) == 2
    wanted = Selection(tail=2, pattern=re.compile("line"))
    assert list(read(one_run, wanted).read()) == ["line 3", "line 4"]


def test_a_container_that_exceeds_its_memory_says_so(one_run, containers):
    script = "x = bytearray(); \nwhile True: x += bytes(5_000_000)"
    made = containers(["python3", "-c", script], mem_limit="64m", memswap_limit="64m")
    made.wait()
    said = read(one_run)
    assert "ran out of memory: a process needed more than 64 MiB (OOM killed)" in said.title
    assert said.to_json()["out_of_memory"] is True


def test_the_log_of_the_local_worker_has_what_a_removed_container_printed(
    one_run, engine, tmp_path, monkeypatch
):
    monkeypatch.setenv("FLOWSHIP_STATE_DIR", str(tmp_path))
    url, pool = one_run.project.api.url, f"pool-{one_run.project.tag}"
    log = tmp_path / "worker.log"
    records.save(tmp_path, records.Record("worker", 1, "", url, str(log), pool, "w"))
    head = "04:27:50.447 | INFO    | prefect.flow_runs.worker -"
    log.write_text(f"{head} submitting flow run '{one_run.id}'\nit broke\n{head} '{one_run.id}'\n")
    said = read(one_run)
    assert (said.origin, list(said.read())) == (Origin.WORKER_LOG, ["it broke"])
    assert str(log) in said.title
    assert "auto-remove = false" in said.hint
    log.write_text(f"{head} submitting flow run '{one_run.id}'\n")  # it died too fast
    said = read(one_run)
    assert (said.origin, list(said.read())) == (Origin.NOWHERE, [])
    assert "removed before the worker read what it printed" in said.title


def test_a_container_that_is_nowhere_is_explained(one_run, engine):
    assert read(one_run).title == "no worker took it, so there is no container"
    one_run.taken_by("w")
    said = read(one_run)
    assert said.origin is Origin.NOWHERE
    assert "was removed, or its worker w is on another machine" in said.title
    assert "no engine answers" in read(one_run, engine=no_engine).title


def test_the_output_of_a_run_of_another_platform_is_there(one_run, engine):
    pool = f"pool-{one_run.project.tag}"
    template = one_run.project.api.work_pool(pool)["base_job_template"]
    one_run.project.raw("DELETE", f"/work_pools/{pool}")
    body = {"name": pool, "type": "kubernetes", "base_job_template": template}
    one_run.project.raw("POST", "/work_pools/", body)
    run = one_run.chosen()
    said = container_log.read(
        one_run.project.api, type(run)(**{**vars(run), "pool": pool}), connect, Selection()
    )
    assert said.title == f'it ran in the work pool "{pool}", of type kubernetes'
