"""Why a server or worker does not start."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flowship.errors import ApiError
from flowship.local import failures
from flowship.local.records import Record


def test_a_known_failure_in_the_log_is_explained(tmp_path):
    log = tmp_path / "server.log"
    for line, advice in (
        ("TypeError: Body() got an unexpected keyword argument 'min_items'", "fastapi<0.151"),
        ("InvalidRequestError: Can't evaluate bulk DML statement; please", "sqlalchemy<2.1"),
    ):
        log.write_text(f"Traceback\n{line}\n")
        reason, hint = failures.explain(log, "read the log")
        assert reason.startswith(": ")
        assert advice in hint
        assert line in failures.end(log)
    log.write_text("something new\n")
    assert failures.explain(log, "read the log") == ("", "read the log")


@pytest.mark.parametrize(
    ("line", "reason", "advice"),
    [
        ("No module named 'prefect_docker.worker'", "prefect_docker.worker", "prefect-docker>="),
        ("No module named 'uvicorn'", "the module uvicorn, ", "uvicorn"),
        ("No module named 'unknown_module'", "the module unknown_module, ", "new environment"),
        ("prefect is broken", "a package that Prefect needs", "new environment"),
    ],
)
def test_a_missing_module_is_named_with_the_command_that_installs_it(
    tmp_path, line, reason, advice
):
    log = tmp_path / "worker.log"
    log.write_text(f"Traceback\nModuleNotFoundError: {line}\n")
    found, hint = failures.explain(log, "read the log")
    assert reason in found
    assert advice in hint
    assert hint.endswith("install flowship again in a new environment")


def test_a_log_that_cannot_be_read_is_empty(tmp_path):
    assert failures.tail(tmp_path / "missing.log") == ""


@pytest.mark.parametrize("name", ["server", "worker"])
def test_a_process_that_has_ended_is_an_error_with_its_log(tmp_path, name):
    log = tmp_path / f"{name}.log"
    log.write_text("ModuleNotFoundError: No module named 'x'\n")
    record = Record(name, 1, "", "http://127.0.0.1:4200/api", str(log))
    with pytest.raises(ApiError, match="startup: the module x, which Prefect") as error:
        failures.require_alive(record, None)
    assert (error.value.code, error.value.where) == (f"{name}-start-failed", str(log))
    assert "ModuleNotFoundError" in error.value.details


def test_the_warning_about_a_dead_process_names_the_log_that_is_kept(tmp_path):
    record = Record("worker", 1, "", "http://127.0.0.1:4200/api", str(tmp_path / "worker.log"))
    assert str(tmp_path / "worker.previous.log") in failures.died_warning(record)


@pytest.mark.parametrize(
    "line",
    [
        "OSError: [Errno 28] No space left on device: '/home/ada/.prefect/x'",
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database or disk is full",
        "OSError: [Errno 122] Disk quota exceeded",
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) disk I/O error",
    ],
)
def test_a_full_disk_is_the_reason(tmp_path, line):
    log = tmp_path / "server-4200.log"
    log.write_text(line)
    reason, hint = failures.explain(log, "the log shows the reason")
    assert reason in (": the disk is full", ": the disk with the database is full or broken")
    assert hint.startswith("free space")


def test_an_empty_log_on_a_full_disk_has_the_same_reason(tmp_path, monkeypatch):
    log = tmp_path / "server-4200.log"
    log.touch()
    assert failures.explain(log, "x") == ("", "x")
    full = SimpleNamespace(free=0)
    monkeypatch.setattr(failures.shutil, "disk_usage", lambda folder: full)
    assert failures.explain(log, "x")[0] == ": the disk is full"
