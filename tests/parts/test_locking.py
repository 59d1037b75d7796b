"""The lock between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from parts.locking import locked

SCRIPTS = Path(__file__).parents[2] / "scripts"

HOLD = """
import sys, time
from pathlib import Path
from parts.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_process_waits_until_the_first_has_died(tmp_path):
    path = tmp_path / "folder" / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    start = {"stdout": subprocess.PIPE, "text": True, "cwd": SCRIPTS}
    with subprocess.Popen(command, **start) as first, subprocess.Popen(command, **start) as second:
        holder, waiting = first, second
        try:
            held = _first_that_holds(first, second)
            holder, waiting = (first, second) if held is first else (second, first)
            holder.kill()
            assert waiting.stdout.readline() == "held\n"
        finally:
            first.kill()
            second.kill()
    with locked(path):
        pass


def _first_that_holds(*processes):
    import selectors

    with selectors.DefaultSelector() as selector:
        for process in processes:
            selector.register(process.stdout, selectors.EVENT_READ, process)
        ready = selector.select(60)
        assert len(ready) == 1, "both processes hold the lock, or none does"
        process = ready[0][0].data
        assert process.stdout.readline() == "held\n"
        assert not [key for key, _ in selector.select(0.5) if key.data is not process]
        return process
