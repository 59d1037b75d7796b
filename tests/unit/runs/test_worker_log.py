"""The lines of a container in a log as Prefect's docker worker writes it."""

from __future__ import annotations

from flowship.local import records
from flowship.runs import worker_log

ID, OTHER = "56ee74e2-bd07-4006-817b-a0537fa71e3d", "27c20a85-0d9d-4555-a529-84afe0dca535"
ONE = f"""\
Worker 'w' started!
04:27:50.447 | INFO    | prefect.flow_runs.worker - Worker 'w' submitting flow run '{ID}'
04:27:51.676 | INFO    | prefect.workers.docker.w - Creating Docker container 'cobalt-hoatzin'...
04:27:52.028 | INFO    | prefect.flow_runs.worker - Flow run 'cobalt-hoatzin' submitted to infras
Traceback (most recent call last):
  File "<string>", line 1, in <module>
ModuleNotFoundError: No module named 'nothing_here'
04:27:52.110 | INFO    | prefect.workers.docker.w - Docker container 'cobalt-hoatzin' has status
04:27:52.206 | INFO    | prefect.flow_runs.worker - Reported flow run '{ID}' as crashed: Flow run
04:27:52.208 | INFO    | prefect.flow_runs.worker - Check the flow run logs for an unhandled exc
"""


def test_the_lines_of_the_container_are_found_between_those_of_the_worker():
    lines, mixed = worker_log.of_run(ONE.splitlines(), ID, "cobalt-hoatzin")
    assert lines == (
        "Traceback (most recent call last):",
        '  File "<string>", line 1, in <module>',
        "ModuleNotFoundError: No module named 'nothing_here'",
    )
    assert not mixed


def test_the_lines_of_other_runs_are_left_out_where_they_say_whose_they_are():
    log = ONE.replace(
        "Traceback",
        f"04:27:52.030 | INFO    | prefect.flow_runs.worker - Worker 'w' submitting flow run"
        f" '{OTHER}'\n04:27:52.031 | INFO    | Flow run 'elfish-falcon' - tick 5\n"
        "04:27:52.032 | INFO    | Flow run 'cobalt-hoatzin' - mine\nTraceback",
    )
    lines, mixed = worker_log.of_run(log.splitlines(), ID, "cobalt-hoatzin")
    assert lines[0] == "04:27:52.032 | INFO    | Flow run 'cobalt-hoatzin' - mine"
    assert not any("tick 5" in line for line in lines)
    assert mixed


def test_a_traceback_of_the_worker_itself_is_not_the_containers():
    log = f"""\
04:27:50.445 | INFO    | prefect.flow_runs.worker - Worker 'w' submitting flow run '{ID}'
04:27:53.920 | ERROR   | prefect.flow_runs.worker - Failed to submit flow run 'cobalt-hoatzin' to
Traceback (most recent call last):
requests.exceptions.HTTPError: 400 Client Error
04:27:53.957 | INFO    | prefect.flow_runs.worker - Reported flow run '{ID}' as crashed: Failed
"""
    assert worker_log.of_run(log.splitlines(), ID, "cobalt-hoatzin") == ((), False)


def test_what_a_container_prints_below_a_traceback_of_the_worker_is_the_containers():
    log = ONE.replace(
        "Traceback",
        """\
04:27:52.030 | ERROR   | prefect.flow_runs.worker - Failed to submit flow run 'elfish-falcon' to
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    raise_for_status()
requests.exceptions.HTTPError: 404 Client Error

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 1, in <module>
docker.errors.ImageNotFound: 404 Client Error
Traceback""",
    )
    assert worker_log.of_run(log.splitlines(), ID, "cobalt-hoatzin") == worker_log.of_run(
        ONE.splitlines(), ID, "cobalt-hoatzin"
    )


def test_a_log_that_does_not_name_the_run_has_nothing_of_it():
    assert worker_log.of_run(ONE.splitlines(), OTHER, "elfish-falcon") is None


def test_the_log_of_the_worker_that_up_started_is_read_also_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWSHIP_STATE_DIR", str(tmp_path))
    url, log = "http://127.0.0.1:4200/api", tmp_path / "worker.log"
    records.save(tmp_path, records.Record("worker", 1, "", url, str(log), "etl", "w"))
    assert worker_log.read(url, "etl", ID, "cobalt-hoatzin") is None
    log.write_text("Worker 'w' started!\n")
    records.previous_log(log).write_text(ONE)
    found = worker_log.read(url, "etl", ID, "cobalt-hoatzin")
    assert found.path == str(records.previous_log(log))
    assert found.lines[-1] == "ModuleNotFoundError: No module named 'nothing_here'"
    assert worker_log.read(url, "other", ID, "cobalt-hoatzin") is None
