"""`flowship ship` that is killed at any moment: the next one completes what it had begun.

``FLOWSHIP_KILLS=100`` kills more often than CI does; the moments are other ones in each run, and
the message of a failure names them.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowship.deployment import lock
from flowship.releases import store
from support.commands import Running, ask, flowship, until, world
from support.deploying import Project
from support.paths import ROOT
from support.projects import remove_images, write

pytestmark = [pytest.mark.engine, pytest.mark.server]

KILLS = int(os.environ.get("FLOWSHIP_KILLS", "6"))

FLOWS = """\
from prefect import flow

@flow(name="first-{name}")
def first(year: int = {year}): pass

@flow(name="second-{name}")
def second(year: int = {year}): pass
"""

DEPLOYMENTS = """
[[deployments]]
name = "nightly"
entrypoint = "flow.py:first"
cron = "{minute} 5 * * *"
tags = ["edition-{minute}"]

[[deployments]]
name = "weekly"
entrypoint = "flow.py:second"
cron = "{minute} 6 * * 1"
"""


@dataclass
class World:
    """A project, of which a person has paused a schedule and added another one.

    Attributes:
        folder: The project.
        env: The environment of `flowship`.
        api: The Prefect server's address.
        edition: The number of the last edit.
        expected: Deployment → its schedules: cron and whether it is active.
    """

    folder: Path
    env: dict[str, str]
    api: str
    base: str
    edition: int = 0
    expected: dict[str, set[tuple[str, bool]]] = field(default_factory=dict)

    def edit(self) -> None:
        """Change the code, the parameters' schema, a tag and both schedules."""
        self.edition += 1
        minute = self.edition % 60
        files = {"flow.py": FLOWS.format(name=self.folder.name, year=2000 + self.edition)}
        write(self.folder, self.base, files, DEPLOYMENTS.format(minute=minute))
        text = (self.folder / "flowship.toml").read_text()
        (self.folder / "flowship.toml").write_text(text.replace("flow.py:hello", "flow.py:first"))
        self.expected = {
            "nightly": {(f"{minute} 5 * * *", False), ("7 7 * * *", True)},
            "weekly": {(f"{minute} 6 * * 1", True)},
        }

    def ship(self) -> dict:
        """Ship to the end; the result."""
        found = flowship("ship", "--json", cwd=self.folder, env=self.env, ok=True).json
        assert isinstance(found, dict)
        return found

    def deployments(self) -> list[dict]:
        names = [f"{which}-{self.folder.name}" for which in ("first", "second")]
        return list(ask(self.api, "/deployments/filter", {"flows": {"name": {"any_": names}}}))

    def interfere(self) -> None:
        """Pause a schedule and add one, as a person does."""
        (nightly,) = (d for d in self.deployments() if d["name"] == "nightly")
        path = f"/deployments/{nightly['id']}/schedules"
        first = f"{path}/{nightly['schedules'][0]['id']}"
        ask(self.api, first, {"active": False, "parameters": {}}, method="PATCH")
        ask(self.api, path, [{"schedule": {"cron": "7 7 * * *"}, "active": True}])

    def nobody_holds_the_lock(self) -> bool:
        """It is gone, or expired: if only its removal was missing, the next `ship` has nothing to
        change, and so does not take it."""
        found = lock.current(Project(self.api).api, f"{self.folder.name}-docker")
        return found is None or found.expired

    def verify(self, shipped: dict, engine: object) -> None:
        """The server, the engine and the history are as if nothing had been killed."""
        stored = self.deployments()
        assert sorted(d["name"] for d in stored) == ["nightly", "weekly"]
        for each in stored:
            found = [(s["schedule"]["cron"], s["active"]) for s in each["schedules"]]
            assert sorted(found) == sorted(self.expected[each["name"]])
            year = each["parameter_openapi_schema"]["properties"]["year"]
            assert year["default"] == 2000 + self.edition
        block = ask(self.api, f"/block_documents/{shipped['deploy']['block']['id']}")
        assert block["data"]["image"] == shipped["push"]["reference"]
        until(self.nobody_holds_the_lock)
        label = f"io.flowship.probe-of={self.folder.name}"
        assert engine.containers.list(all=True, ignore_removed=True, filters={"label": label}) == []
        history = store.history(Project(self.api).api, self.folder.name)
        numbers = [release.number for release in history]
        assert numbers == list(range(len(numbers), 0, -1))
        assert [i.reference for i in history[0].images] == [shipped["push"]["reference"]]
        again = flowship("deploy", "--dry-run", "--json", cwd=self.folder, env=self.env, ok=True)
        assert again.json["operations"] == []


@pytest.fixture
def machine(tmp_path, base_image, engine, registry, prefect_server):
    name = f"t{uuid.uuid4().hex[:10]}"
    folder = tmp_path / name
    folder.mkdir()
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server, FLOWSHIP_WORK_POOL=name)
    env["FLOWSHIP_REPO"] = f"{registry.address}/{name}"
    found = World(folder, env, prefect_server, base_image)
    found.edit()
    found.ship()
    found.interfere()
    yield found
    remove_images(engine, name)


def ship_and_kill(machine: World, when: Callable[[Running], object]) -> str:
    """Start `ship`, and kill it when `when` returns; what it had said."""
    with Running("ship", cwd=machine.folder, env=machine.env) as running:
        when(running)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        return running.stderr


STEPS = ("sending", "loading", "✓ built", "Pushed", "✓ pushed", "updating")
"""What `ship` says at the boundaries of its steps before it changes the server."""


def some(of: list, number: int) -> list:
    """As many of them, spread evenly."""
    return [of[i * len(of) // number] for i in range(number)] if number < len(of) else of


@pytest.mark.parametrize("step", some(list(STEPS), KILLS // 3))
def test_a_ship_that_was_killed_between_two_steps_is_completed(machine, engine, step):
    machine.edit()

    def when(running: Running) -> None:
        until(lambda: step in running.stderr or running.process.poll() is not None, every=0.005)

    ship_and_kill(machine, when)
    machine.verify(machine.ship(), engine)


def counting() -> Callable:
    """The proxy of the benchmarks, which lists requests and may hold one back."""
    sys.path.append(str(ROOT))
    try:
        return importlib.import_module("benchmarks.counting").counted
    finally:
        sys.path.remove(str(ROOT))


def is_change(request: str) -> bool:
    return not request.startswith("GET ") and not request.endswith(("/filter", "/count"))


@pytest.mark.parametrize("forwarded", [False, True], ids=["not-sent", "answer-not-received"])
def test_a_ship_that_was_killed_at_a_change_of_the_server_is_completed(machine, engine, forwarded):
    machine.edit()
    counted = counting()
    with counted(machine.api) as (api, requests):
        flowship("ship", cwd=machine.folder, env={**machine.env, "PREFECT_API_URL": api}, ok=True)
    changes = [r for r in requests if is_change(r)]
    assert len(changes) >= 7  # the lock, the block's record and image, deployments, schedules
    for number in some(list(range(len(changes))), max(1, KILLS // 6)):
        machine.edit()
        running: list[Running] = []
        left = [number]

        def before(request: str, running: list[Running] = running, left: list[int] = left) -> bool:
            if not is_change(request):
                return True
            left[0] -= 1
            if left[0] >= 0:
                return True
            running[0].process.send_signal(signal.SIGKILL)
            return forwarded and left[0] == -1

        with counted(machine.api, before) as (api, _):
            env = {**machine.env, "PREFECT_API_URL": api}
            with Running("ship", cwd=machine.folder, env=env) as process:
                running.append(process)
                assert process.process.wait(300) == -signal.SIGKILL, process.stderr
        machine.verify(machine.ship(), engine)


def test_a_ship_that_was_killed_at_a_random_moment_is_completed(machine, engine):
    machine.edit()
    began = time.monotonic()
    machine.ship()
    longest = time.monotonic() - began
    for _ in range(max(1, KILLS // 3)):
        machine.edit()
        moment = random.uniform(0.3, longest)
        said = ship_and_kill(machine, lambda running, moment=moment: time.sleep(moment))
        try:
            machine.verify(machine.ship(), engine)
        except AssertionError as exc:
            raise AssertionError(
                f"killed after {moment:.2f} s of {longest:.2f} s:\n{said}"
            ) from exc
