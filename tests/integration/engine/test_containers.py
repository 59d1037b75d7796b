"""Containers that run to their end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from flowship.engine.client import connect
from flowship.engine.containers import OWNER, UNTIL, Command, run, sweep

pytestmark = pytest.mark.engine


def start(base_image, script, project, **options):
    command = Command(
        ["-c", script],
        entrypoint=["python"],
        labels={"io.flowship.test": project.name},
        **options,
    )
    return run(connect(), base_image, command)


def left(engine, project):
    return engine.containers.list(
        all=True, ignore_removed=True, filters={"label": f"io.flowship.test={project.name}"}
    )


def test_output_errors_and_exit_code_are_returned(base_image, project, engine):
    script = (
        "import os, sys; print(os.environ['A'], os.getcwd());"
        "print('e', file=sys.stderr); sys.exit(3)"
    )
    done = start(base_image, script, project, environment={"A": "1"})
    assert (done.exit_code, done.stdout, done.stderr) == (3, "1 /\n", "e\n")
    assert left(engine, project) == []


def test_a_container_is_removed_when_its_time_is_up(base_image, project, engine):
    script = "import time; print('started', flush=True); time.sleep(600)"
    done = start(base_image, script, project, timeout=5)
    assert done.exit_code is None
    assert done.stdout == "started\n"
    assert left(engine, project) == []


def test_there_is_no_network_unless_it_is_requested(base_image, project):
    script = "import os; print(os.listdir('/sys/class/net'))"
    assert start(base_image, script, project).stdout == "['lo']\n"
    assert "eth0" in start(base_image, script, project, network=True).stdout


def test_a_command_that_cannot_start_has_the_engines_reason(base_image, project, engine):
    command = Command(["x"], entrypoint=["/not/there"], labels={"io.flowship.test": project.name})
    done = run(connect(), base_image, command)
    assert done.exit_code == 127
    assert "/not/there" in done.stderr
    assert left(engine, project) == []


def test_a_file_is_there_before_the_command_starts_and_every_user_may_read_it(base_image, project):
    script = "import os; print(open('/probe/a.txt').read(), oct(os.stat('/probe/a.txt').st_mode))"
    done = start(base_image, script, project, files={"/probe/a.txt": b"text"})
    assert done.stdout == "text 0o100644\n"


KILLED = """
import os, signal, sys, threading, time
from flowship.engine.client import connect
from flowship.engine.containers import Command, run
def wait():
    while not connect().api.containers(filters={{"label": "io.flowship.test={0}"}}): time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=wait).start()
run(connect(), {1!r}, Command(["-c", "import time; time.sleep(300)"], entrypoint=["python"],
                              labels={{"io.flowship.test": "{0}"}}))
"""


def test_the_container_of_a_killed_process_is_removed_by_the_next_command(
    base_image, project, engine
):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(project.name, base_image)], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    (orphan,) = left(engine, project)
    assert orphan.labels[OWNER]
    sweep(connect())
    assert left(engine, project) == []


def test_a_container_that_another_process_waits_for_stays(base_image, project, engine):
    command = Command(
        ["-c", "import time; time.sleep(8)"], entrypoint=["python"],
        labels={"io.flowship.test": project.name},
    )  # fmt: skip
    waiting = threading.Thread(target=run, args=(connect(), base_image, command))
    waiting.start()
    while not left(engine, project):
        assert waiting.is_alive()
        time.sleep(0.1)
    foreign = engine.api.create_container(
        base_image,
        ["true"],
        labels={"io.flowship.test": project.name, OWNER: "another-machine 1-1", UNTIL: "9e12"},
    )
    try:
        sweep(connect())
        assert len(left(engine, project)) == 2
    finally:
        engine.api.remove_container(foreign)
        waiting.join()


def test_a_container_of_another_machine_is_removed_when_its_time_is_long_over(
    base_image, project, engine
):
    labels = {"io.flowship.test": project.name, OWNER: "another-machine 1-1", UNTIL: "1000"}
    engine.api.create_container(base_image, ["true"], labels=labels)
    sweep(connect())
    assert left(engine, project) == []
