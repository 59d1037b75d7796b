"""The state folder: file names, records, and the lock."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowship.errors import ConfigError
from flowship.local import records, stack
from support.commands import PATIENCE

API = "http://127.0.0.1:4200/api"


def test_the_files_of_a_worker_have_a_readable_name():
    assert records.worker_key(API, "flowship") == "worker-127.0.0.1-4200-flowship"
    assert records.worker_key(API, "a/b é") == "worker-127.0.0.1-4200-a%2Fb%20%C3%A9"
    assert records.worker_key(API, "p" * 200).endswith("p" * 200)


def test_a_pool_of_any_name_has_files_of_its_own(machine):
    machine.state.mkdir()
    keys = set()
    for pool in ("數" * 60, "數" * 61, "數" * 60 + "a", "p" * 255):
        made = records.Record("worker", 1, "x", API, "log", pool, "w")
        records.save(machine.state, made)
        key = records.worker_key(API, pool)
        assert records.load(machine.state, key) == made
        log = machine.state / f"{key}.log"
        log.write_text("")
        records.previous_log(log).write_text("")
        keys.add(key)
    assert len(keys) == 4


def test_a_record_that_cannot_be_removed_is_an_error_with_the_folder(machine):
    made = machine.save(0, "")
    records.record_path(machine.state, made).unlink()
    records.record_path(machine.state, made).mkdir()
    with pytest.raises(ConfigError, match="cannot write to the state folder"):
        records.remove(machine.state, made)


def test_a_damaged_record_belongs_to_no_process(machine):
    machine.state.mkdir()
    (machine.state / "server-1.json").write_text("{")
    (machine.state / "server-2.json").write_text('{"surprise": 1}')
    assert machine.known() == []
    assert machine.down().services == ()


VALID = {"name": "server", "pid": 4_000_000, "identity": "x", "url": API, "log": "/x/server.log"}


@pytest.mark.parametrize(
    "change",
    [
        {"pid": "12"}, {"pid": 0}, {"pid": -1}, {"pid": True}, {"pid": None}, {"pid": 2**70},
        {"name": "other"}, {"name": []}, {"identity": None}, {"identity": 1},
        {"url": 1}, {"url": "http://[::1"}, {"url": "http://127.0.0.1:x/api"},
        {"url": "http://127.0.0.1:4201/api"}, {"log": None}, {"log": "a\0b"}, {"pool": 1},
        {"worker": {}}, {"schedules": "yes"}, {"database": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_with_a_wrong_value_or_of_another_file_belongs_to_no_process(machine, change):
    machine.state.mkdir()
    path = machine.state / "server-4200.json"
    path.write_text(json.dumps(VALID))
    assert records.load(machine.state, "server-4200").pid == 4_000_000
    path.write_text(json.dumps({**VALID, **change}))
    assert records.load(machine.state, "server-4200") is None
    stopped = machine.down()
    assert stopped.services == ()
    assert str(path) in stopped.warnings[0]
    assert path.exists()


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "[]", '"x"', "1" * 5_000, "\ufeff", ""])
def test_a_file_without_a_record_is_reported(machine, text):
    machine.state.mkdir()
    path = machine.state / "server-4200.json"
    path.write_text(text)
    assert [str(path) in warning for warning in machine.down().warnings] == [True]


def test_a_folder_and_a_pipe_in_place_of_a_record_are_reported(machine):
    (machine.state / "server-1.json").mkdir(parents=True)
    os.mkfifo(machine.state / "server-2.json")
    assert len(machine.down().warnings) == 2


def test_a_record_of_a_later_flowship_is_read_without_its_new_fields(machine):
    machine.state.mkdir()
    (machine.state / "server-4200.json").write_text(json.dumps({**VALID, "colour": "blue"}))
    assert records.load(machine.state, "server-4200") == records.Record(**VALID)


def test_a_full_disk_has_its_own_hint(tmp_path):
    with pytest.raises(ConfigError) as error, records.writing(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert "No space left on device" in error.value.message
    assert error.value.hint.startswith("free space")


def test_down_warns_about_a_damaged_record_and_keeps_it(machine):
    damaged = machine.state / "worker-127.0.0.1-4200-flowship.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    stopped = machine.down()
    assert stopped.services == ()
    (warning,) = stopped.warnings
    assert str(damaged) in warning
    assert damaged.exists()


def test_the_state_folder_follows_the_environment():
    home = {"HOME": "/home/ann"}
    assert records.state_dir(home) == Path("/home/ann/.local/state/flowship")
    assert records.state_dir({**home, "XDG_STATE_HOME": "/x"}) == Path("/x/flowship")
    assert records.state_dir({**home, "FLOWSHIP_STATE_DIR": "/y"}) == Path("/y")


def test_a_state_folder_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write to the state folder") as error:
        stack.down(environ={"FLOWSHIP_STATE_DIR": str(tmp_path / "file" / "state")})
    assert error.value.code == "state-folder-unwritable"


def test_a_second_up_waits_for_the_first(machine):
    events = []
    with records.lock(machine.environ, events.append):
        waiting = subprocess.Popen(
            [sys.executable, "-c", "from flowship.local import stack; stack.down(print)"],
            env=machine.environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert "waiting for another" in waiting.stdout.readline()
        assert waiting.poll() is None
    assert waiting.wait(PATIENCE) == 0
    waiting.stdout.close()
