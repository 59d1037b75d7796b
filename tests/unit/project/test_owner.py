"""Whether the process that owns something is gone, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from flowship.project import owner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


def test_a_process_that_runs_has_not_ended():
    assert not owner.has_ended(owner.own())


def test_a_process_that_ended_has_also_while_its_parent_has_not_noticed():
    code = "from flowship.project import owner; print(owner.own(), flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin
    assert child.stdout
    theirs = child.stdout.readline().strip()
    assert not owner.has_ended(theirs)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    assert owner.has_ended(theirs)
    child.wait()
    assert owner.has_ended(theirs)
    child.stdin.close()
    child.stdout.close()


def test_a_later_process_with_the_same_number_is_another_one():
    machine, _, process = owner.own().rpartition(" ")
    assert owner.has_ended(f"{machine} {process}0")


@pytest.mark.parametrize("theirs", ["", " ", "x", " 1-1", "another-boot 999999999-1"])
def test_a_process_of_another_machine_counts_as_alive(theirs):
    assert not owner.has_ended(theirs)
