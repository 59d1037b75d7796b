"""A project with a night behind it, on a real engine, registry, Prefect server and worker.

The pictures of `flowship status` and `flowship plan` show one, and the tests of the guide "The
05:00 run did not happen" go through one.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parts.ports import free_port
from parts.prefect_server import ask

if TYPE_CHECKING:
    from docker import DockerClient

FLOWSHIP = Path(sys.executable).with_name("flowship")
DEADLINE = 300  # seconds until something that will surely happen

FLOW = """\
import time

from prefect import flow


@flow(log_prints=True)
def trips(month: int = 1, year: int = 2026):
    if month == 12:
        time.sleep(600)
    print(f"month {month} of {year}: loaded")
"""
DAMAGE = """\
    if month == 4:
        raise ValueError("the file of April is damaged")
"""
CONFIG = """\
name = "trips"
entrypoint = "trips.py:trips"

[[deployments]]
name = "nightly"
cron = "0 5 * * *"
timezone = "Europe/Berlin"
parameters = { year = 2025 }
"""


class Night:
    """A project that is deployed and runs, and what happens to it.

    Args:
        folder: An empty folder.
        env: The environment of all commands.
        registry: The address of a registry.
        flow: The text of the flow.
        config: The configuration.
    """

    def __init__(
        self, folder: Path, env: Mapping[str, str], registry: str, flow: str, config: str
    ) -> None:
        port = free_port()
        self.folder, self.env = folder, {**env, "FLOWSHIP_REPO": f"{registry}/trips"}
        self.url, self.port = f"http://127.0.0.1:{port}/api", port
        self._begun: list[subprocess.Popen[bytes]] = []
        self._unique = f"# {uuid.uuid4()}\n"  # an image of an earlier night must not be found
        self.write(flow, config)
        self.run("up", "--port", str(port))
        self.run("ship")

    def write(self, flow: str | None = None, config: str | None = None) -> None:
        """Edit the files of the project."""
        if flow is not None:
            (self.folder / "trips.py").write_text(flow + self._unique)
        if config is not None:
            (self.folder / "flowship.toml").write_text(config)

    def run(
        self, *words: str, ok: bool = True, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of flowship.

        Args:
            words: Its words.
            ok: Whether it has to end well.
            typed: What the user types on the terminal; there is none without it.
        """
        if not typed:
            return _flowship(self.folder, self.env, words, subprocess.DEVNULL, ok=ok)
        master, slave = pty.openpty()
        try:
            os.write(master, typed.encode())
            return _flowship(self.folder, self.env, words, slave, ok=ok)
        finally:
            os.close(master)
            os.close(slave)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Begin a command of flowship, which ends with the night at the latest."""
        command = [str(FLOWSHIP), *words]
        self._begun.append(subprocess.Popen(command, cwd=self.folder, env=dict(self.env)))
        return self._begun[-1]

    def end(self) -> None:
        """End what was begun and still runs."""
        for process in self._begun:
            process.kill()
            process.wait()

    def json(self, *words: str) -> dict[str, Any]:
        """What a command prints with ``--json``."""
        found: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        return found

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 JSON
        """A request to the server, as the UI sends it."""
        return ask(self.url, path, body, method)

    def deployment(self, name: str = "nightly") -> dict[str, Any]:
        """A deployment, as the server has it."""
        found: dict[str, Any] = self.ask("GET", f"/deployments/name/trips/{name}")
        return found

    def status(self, name: str = "nightly") -> dict[str, Any]:
        """What `flowship status` says about a deployment."""
        [found] = self.json("status", name)["deployments"]
        return dict(found)

    def until(self, is_there: Callable[[], object]) -> None:
        """Wait until something is there."""
        deadline = time.monotonic() + DEADLINE
        while not is_there():
            assert time.monotonic() < deadline, "this did not happen"
            time.sleep(1)

    def start(self, month: int) -> str:
        """Start a run of the deployment; its ID."""
        return str(self.json("run", "nightly", "--param", f"month={month}")["id"])

    def until_it_is(self, state: str, run: str) -> None:
        """Wait until a run has a state."""
        self.until(lambda: self.ask("GET", f"/flow_runs/{run}")["state_type"] == state)

    def a_person_moves_the_schedule(self) -> None:
        """They make 05:00 to 07:00 in the UI."""
        found = self.deployment()
        [schedule] = found["schedules"]
        moved = {**schedule["schedule"], "cron": "0 7 * * *"}
        path = f"/deployments/{found['id']}/schedules/{schedule['id']}"
        self.ask("PATCH", path, {"schedule": moved, "parameters": {}})


@contextmanager
def night(
    home: Path,
    env: Mapping[str, str],
    registry: str,
    engine: DockerClient,
    flow: str = FLOW,
    config: str = CONFIG,
) -> Iterator[Night]:
    """A project that is deployed, until the end of the `with` block.

    Args:
        home: A folder, in which the project's is created.
        env: The environment of all commands; its state folder must be its own.
        registry: The address of a registry.
        engine: From which the images are removed.
        flow: The text of the flow.
        config: The configuration.
    """
    folder = home / "trips"
    folder.mkdir()
    with ExitStack() as at_the_end:
        at_the_end.callback(_remove, folder, env, registry, engine)
        made = Night(folder, env, registry, flow, config)
        at_the_end.callback(made.end)
        yield made


def _remove(folder: Path, env: Mapping[str, str], registry: str, engine: DockerClient) -> None:
    """End the server and the worker, and remove the images and their containers."""
    _flowship(folder, env, ("down",), subprocess.DEVNULL)
    for image in engine.images.list(name=f"{registry}/trips"):
        for container in engine.containers.list(
            all=True, ignore_removed=True, filters={"ancestor": str(image.id)}
        ):
            container.remove(force=True)
        engine.images.remove(str(image.id), force=True)


def _flowship(
    folder: Path,
    env: Mapping[str, str],
    words: tuple[str, ...],
    stdin: int,
    *,
    ok: bool = False,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(FLOWSHIP), *words],
        cwd=folder,
        env=dict(env),
        stdin=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if ok and done.returncode:
        raise RuntimeError(
            f"flowship {' '.join(words)} ended with {done.returncode}:\n{done.stderr}"
        )
    return done
