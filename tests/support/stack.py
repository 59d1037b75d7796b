"""A machine for the local stack: a home, a state folder and a port of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parts.ports import free_port

from flowship.local import processes, records, stack
from support.commands import world


class Machine:
    """A home, a state folder and a port, and `up` and `down` on them."""

    def __init__(self, root: Path, port: int | None = None, **extra: str) -> None:
        home = root / "home"
        (home / ".prefect").mkdir(parents=True, exist_ok=True)
        self.root, self.port = root, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        environ = world(home, FLOWSHIP_STATE_DIR=str(root / "state"), **extra)
        if "PREFECT_HOME" not in extra:
            del environ["PREFECT_HOME"]
        self.environ = environ
        self.state = root / "state"

    def up(self, **options: Any) -> stack.StackReport:
        """Run `up` there."""
        options = {"folder": self.root, "environ": self.environ, "port": self.port, **options}
        return stack.up("flowship", **options)

    def down(self) -> stack.StackReport:
        """Run `down` there."""
        return stack.down(environ=self.environ)

    def profiles(self) -> str | None:
        """The text of the profiles file."""
        path = self.root / "home" / ".prefect" / "profiles.toml"
        return path.read_text() if path.exists() else None

    def known(self) -> list[tuple[str, bool]]:
        """What has a record, and whether it is alive."""
        return [(r.name, processes.lives(r)) for r in records.load_all(self.state)[0]]

    def save(self, pid: int, identity: str) -> records.Record:
        """Write a record of a server."""
        self.state.mkdir(exist_ok=True)
        made = records.Record("server", pid, identity, self.url, str(self.state / "server.log"))
        records.save(self.state, made)
        return made


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine where nothing runs; what a test starts there is stopped."""
    made = Machine(tmp_path)
    yield made
    made.down()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with flowship."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    yield process
    process.kill()
    process.wait()


def processes_with(text: str) -> list[str]:
    """The command lines of living processes that contain `text`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, UnicodeDecodeError):
            continue
        if text in line and state != "Z" and int(entry.name) != os.getpid():
            found.append(line)
    return found
