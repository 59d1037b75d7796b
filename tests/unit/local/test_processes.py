"""Background processes: identified, and stopped with their children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from flowship.local import processes, records
from flowship.local.services import State
from support.commands import until


def test_a_later_process_with_the_same_pid_is_not_killed(machine, sleeper):
    machine.save(sleeper.pid, "another boot 12345")
    assert machine.known() == [("server", False)]
    assert [s.state for s in machine.down().services] == [State.NOT_RUNNING]
    assert sleeper.poll() is None


def test_a_process_is_stopped_with_its_children(machine):
    code = (
        "import signal, subprocess, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit());"
        "subprocess.Popen([sys.executable, '-c', 'import signal, time;"
        " signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(601)']);"
        "time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    process.stdout.readline()  # The child runs, and ignores SIGTERM.
    group = process.pid
    machine.save(group, processes.identity(group))
    assert [s.state for s in machine.down().services] == [State.STOPPED]
    process.stdout.close()
    until(lambda: not processes.signal_group(group, 0))


def test_a_process_started_later_has_another_identity(sleeper):
    mine = processes.identity(sleeper.pid)
    assert mine == processes.identity(sleeper.pid)
    assert mine != processes.identity(os.getpid())
    sleeper.kill()
    until(lambda: processes.identity(sleeper.pid) is None)


def test_a_signal_waits_for_the_end_of_the_block():
    done = []

    def work():
        with processes.uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    with processes.uninterrupted(swallow=True):
        os.kill(os.getpid(), signal.SIGINT)


def test_outside_the_main_thread_signals_are_left_alone():
    ran = []

    def work():
        with processes.uninterrupted():
            ran.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [signal.getsignal(signal.SIGINT)]


def test_the_log_of_the_process_before_is_kept(tmp_path):
    log = tmp_path / "server.log"
    log.write_text("before")
    process = processes.spawn(["--no-such-option"], log, os.environ, tmp_path)
    process.wait()
    assert records.previous_log(log).read_text() == "before"
    assert "before" not in log.read_text()
