"""What `flowship ship` prints for a project with many flows: each time about one screen."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from support.commands import flowship, world
from support.projects import remove_images, write

pytestmark = [pytest.mark.engine, pytest.mark.server]

NUMBER = 30
SCREEN = 50
"""Lines of a terminal on a laptop."""
FLOW = '''\
from prefect import flow


@flow
def load_{number}(table: str = "t{number}", year: int = 2021):
    """Load one table."""
'''
DEPLOYMENT = """\
[[deployments]]
name = "nightly-{number}"
entrypoint = "flows/load_{number}.py:load_{number}"
cron = "{minute} 5 * * *"
"""


class Many:
    """A project with many flows, each with a deployment."""

    def __init__(self, folder: Path, base_image: str, env: dict[str, str]) -> None:
        self.folder, self.base_image, self.env = folder, base_image, env
        self.flows = {f"flows/load_{n}.py": FLOW.format(number=n) for n in range(NUMBER)}
        self.minutes = {n: n for n in range(NUMBER)}

    def ship(self, *options: str) -> list[str]:
        """What a person sees of it, line by line."""
        deployments = (DEPLOYMENT.format(number=n, minute=m) for n, m in self.minutes.items())
        write(self.folder, self.base_image, self.flows, "\n".join(deployments))
        done = flowship("ship", *options, cwd=self.folder, env=self.env, ok=True)
        return done.stderr.splitlines()


@pytest.fixture
def many(tmp_path, base_image, engine, registry, prefect_server):
    name = f"t{uuid.uuid4().hex[:10]}"
    folder = tmp_path / name
    folder.mkdir()
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server, FLOWSHIP_WORK_POOL=name)
    env["FLOWSHIP_REPO"] = f"{registry.address}/{name}"
    yield Many(folder, base_image, env)
    remove_images(engine, name)


def report(lines: list[str]) -> list[str]:
    """Without the steps of the build and the layers of the push."""
    [first] = [n for n, line in enumerate(lines) if f"{NUMBER} flows load (" in line]
    return [line for line in lines[first:] if not line.endswith((": Pushed", "already exists"))]


def test_each_ship_of_many_flows_is_one_screen(many):
    first = report(many.ship())
    assert len(first) <= SCREEN
    counted = f"{NUMBER} flows, {NUMBER} deployments, {NUMBER} schedules"
    assert f"  + create {counted}" in first
    assert f"  + create work-pool {many.folder.name} (it does not exist)" in first
    assert "✓ created load-7/nightly-7: every day at 05:07 UTC" in first

    unchanged = report(many.ship())
    assert len(unchanged) <= 12
    assert f"✓ unchanged: {NUMBER} deployments (`flowship status`)" in unchanged

    many.minutes[7] = 59
    edited = report(many.ship())
    assert len(edited) <= 24
    assert "✓ updated load-7/nightly-7" in edited
    assert "  runs        every day at 05:59 UTC" in edited
    assert f"✓ unchanged: {NUMBER - 1} deployments (`flowship status`)" in edited
    assert "  next: `flowship run load-7/nightly-7 --watch`" in edited

    dry = many.ship("--dry-run")
    assert len(dry) <= 12
    assert f"unchanged: {NUMBER} deployments (`flowship status`)" in dry
