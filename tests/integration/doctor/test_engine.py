"""An engine that is stopped, and engines whose disk is full."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parts import engine as parts

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_an_engine_that_is_stopped(healthy, tmp_path):
    dead = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(dead))
    assert healthy.problems(DOCKER_HOST=f"unix://{dead}") == {"engine-reachable": "error"}
    assert "cannot connect to a container engine" in healthy.says("engine-reachable")
    assert healthy.says("engine-leftovers").strip() == "engine-reachable failed"


def test_a_context_that_does_not_exist(healthy):
    # As in docker, DOCKER_HOST wins, and an empty one counts as none.
    assert healthy.problems(DOCKER_CONTEXT="gone", DOCKER_HOST="") == {"engine-reachable": "error"}
    assert "`docker context ls`" in healthy.says("engine-reachable")


@contextmanager
def tmpfs(size: str) -> Iterator[Path]:
    """A small file system; its path is short, since the path of a socket must be."""
    if os.geteuid() != 0:
        pytest.skip("mounts a file system, as root")
    folder = Path(tempfile.mkdtemp(prefix="doctor"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        shutil.rmtree(folder)


def test_a_full_disk(healthy):
    with tmpfs("2m") as full:
        (full / "all").write_bytes(bytes(1_900_000))
        assert healthy.problems(TMPDIR=str(full)) == {"disk-space": "error"}
        assert str(full) in healthy.says("disk-space")


def test_an_engine_of_its_own_whose_disk_is_full_and_that_is_then_stopped(healthy):
    with tmpfs("200m") as home:
        with parts.running(lambda line: None, home=home):
            address = os.environ["DOCKER_HOST"]
            found = healthy.problems(DOCKER_HOST=address)
            assert found["engine-disk-space"] == "error"
            assert "engine-reachable" not in found
        assert healthy.problems(DOCKER_HOST=address) == {"engine-reachable": "error"}
