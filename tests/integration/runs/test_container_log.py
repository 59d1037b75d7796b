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


def read(started_run, selection=None, engine=connect):
    api = started_run.api
    return container_log.read(api, started_run.chosen(), engine, selection or Selection())


def no_engine():
    raise EngineError("no engine answers")


def test_the_engine_has_the_output_of_a_container_that_ended(started_run, containers):
    made = containers(["sh", "-c", SCRIPT])
    made.wait()
    said = read(started_run)
    assert said.origin is Origin.ENGINE
    assert said.title == f"container {made.name} exited with code 3"
    assert sorted(said.read()) == ["line 1", "line 2", "line 3", "line 4", "no such module"]
    assert said.to_json()["exit_code"] == 3
    assert len(said.to_json()["lines"]) == 5
    assert len(list(read(started_run, Selection(tail=2)).read())) == 2
    wanted = Selection(tail=2, pattern=re.compile("line"))
    assert list(read(started_run, wanted).read()) == ["line 3", "line 4"]


def test_a_container_that_exceeds_its_memory_says_so(started_run, containers):
    script = "x = bytearray(); \nwhile True: x += bytes(5_000_000)"
    made = containers(["python3", "-c", script], mem_limit="64m", memswap_limit="64m")
    made.wait()
    said = read(started_run)
    assert "ran out of memory: a process needed more than 64 MiB (OOM killed)" in said.title
    assert said.to_json()["out_of_memory"] is True


def test_an_exit_code_of_0_next_to_a_crash_is_that_of_prefects_own_process(started_run, containers):
    containers(["true"]).wait()
    assert read(started_run).title.endswith("exited with code 0")
    started_run.state("CRASHED", "Process exited with status code: -9")
    assert "exited with code 0 (of Prefect's own process in it" in read(started_run).title


def test_the_log_of_the_local_worker_has_what_a_removed_container_printed(
    started_run, engine, tmp_path, monkeypatch
):
    monkeypatch.setenv("FLOWSHIP_STATE_DIR", str(tmp_path))
    url, pool = started_run.api.url, f"pool-{started_run.project.tag}"
    log = tmp_path / "worker.log"
    records.save(tmp_path, records.Record("worker", 1, "", url, str(log), pool, "w"))
    head = "04:27:50.447 | INFO    | prefect.flow_runs.worker -"
    begin = f"{head} submitting flow run '{started_run.run_id}'\n"
    log.write_text(f"{begin}it broke\n{head} '{started_run.run_id}'\n")
    said = read(started_run)
    assert (said.origin, list(said.read())) == (Origin.WORKER_LOG, ["it broke"])
    assert (
        f"its container was removed; what it printed is from the worker's log {log}" in said.title
    )
    assert "auto-remove = false" in said.hint
    log.write_text(begin)  # it died too fast
    said = read(started_run)
    assert (said.origin, list(said.read())) == (Origin.NOWHERE, [])
    assert "removed before the worker read what it printed" in said.title


def test_a_container_that_is_nowhere_is_explained(started_run, engine):
    assert read(started_run).title == "no worker took it, so there is no container"
    started_run.taken_by("w")
    said = read(started_run)
    assert said.origin is Origin.NOWHERE
    assert "was removed, or its worker w is on another machine" in said.title
    assert "no engine answers" in read(started_run, engine=no_engine).title


def test_the_output_of_a_run_of_another_platform_is_there(started_run, engine):
    pool = f"pool-{started_run.project.tag}"
    template = started_run.api.work_pool(pool)["base_job_template"]
    started_run.project.raw("DELETE", f"/work_pools/{pool}")
    body = {"name": pool, "type": "kubernetes", "base_job_template": template}
    started_run.project.raw("POST", "/work_pools/", body)
    run = started_run.chosen()
    said = container_log.read(
        started_run.api, type(run)(**{**vars(run), "pool": pool}), connect, Selection()
    )
    assert said.title == f'it ran in the work pool "{pool}", of type kubernetes'
