"""Containers that run to their end."""

from __future__ import annotations

import pytest

from flowship.engine.client import connect
from flowship.engine.containers import Command, run

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
    return engine.containers.list(all=True, filters={"label": f"io.flowship.test={project.name}"})


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
