"""Repositories as people publish them: from a clone to completed runs, with few edited lines.

One server and one worker, which `flowship up` starts, serve all tests of this file.
"""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest
from parts.ports import free_port

from support import lock_tools
from support.commands import ask, flowship, until, world
from support.projects import git, remove_images, write_files

pytestmark = [pytest.mark.engine, pytest.mark.server]

MOST_EDITED = 3


class Machine:
    """A laptop with a local stack, a registry, and the tools that lock."""

    def __init__(self, home: Path, base_image: str, registry: str) -> None:
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.home = home
        self.registry = registry
        path = lock_tools.path_with("uv", "poetry")
        self.env = world(home, FLOWSHIP_BASE_IMAGE=base_image, PATH=path)
        self.cloned: list[str] = []

    def clone(self, files: Mapping[str, str], *locked: tuple[str, str]) -> Path:
        """A repository with these files; `locked` are its folders with the tools that lock them."""
        folder = self.home / f"t{uuid.uuid4().hex[:10]}"
        write_files(folder, {name: text.format(name=folder.name) for name, text in files.items()})
        for inside, tool in locked:
            lock_tools.lock(folder / inside, tool)
        git(folder, "init", "--quiet")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", "All")
        self.cloned.append(folder.name)
        return folder


class Project:
    """A project folder of a clone, used as somebody would who has just found flowship."""

    def __init__(self, machine: Machine, folder: Path, name: str) -> None:
        self.machine = machine
        self.folder = folder
        self.name = name
        self("init")
        self.toml = folder / "flowship.toml"
        self.initial = self.toml.read_text()

    def __call__(self, *arguments: str):
        return flowship(*arguments, cwd=self.folder, env=self.machine.env, ok=True)

    def edit(self, top: str = "", end: str = "") -> None:
        """Say where the image goes, with more lines there or at the end of flowship.toml."""
        repo = f'repo = "{self.machine.registry}/{self.name}"\n{top}'
        text, count = re.subn("(?m)^# repo = .*\n", repo, self.toml.read_text())
        assert count == 1, text
        self.toml.write_text(text + end)

    @property
    def edited(self) -> int:
        """How many lines of flowship.toml are not as `init` wrote them."""
        lines = difflib.ndiff(self.initial.splitlines(), self.toml.read_text().splitlines())
        changed = [line for line in lines if line[:2] in ("+ ", "- ") and line[2:].strip()]
        return max(sum(line[0] == sign for line in changed) for sign in "+-")

    def ship_and_run(self, *arguments: str) -> tuple[str, str]:
        """What `ship`, and then a watched run, told."""
        assert 0 < self.edited <= MOST_EDITED, self.toml.read_text()
        shipped = self("ship")
        run = self("run", "--watch", *arguments)
        assert run.stdout == "COMPLETED\n"
        return shipped.stderr, run.stderr


@pytest.fixture(scope="module")
def machine(tmp_path_factory, base_image, engine, registry):
    home = tmp_path_factory.mktemp("laptop")
    made = Machine(home, base_image, registry.address)
    flowship("up", "--port", str(made.port), cwd=home, env=made.env, ok=True)
    yield made
    flowship("down", cwd=home, env=made.env)
    for name in made.cloned:
        remove_images(engine, name)


# --- src layout, uv ------------------------------------------------------------------------------

UV = {
    "README.md": "# Weather\n\nRun it with `uv run python -m weather.flows`.\n",
    ".gitignore": "__pycache__/\n.venv/\n*.csv\n!src/**/*.csv\n",
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.4.2"
readme = "README.md"
requires-python = ">=3.10"
dependencies = ["tabulate>=0.9"]

[project.scripts]
weather = "weather.cli:main"

[dependency-groups]
dev = ["iniconfig", {{ include-group = "flows" }}]
flows = ["idna"]

[tool.hatch.build.targets.wheel]
packages = ["src/weather"]

[tool.pytest.ini_options]
pythonpath = ["src"]
""",
    "src/weather/__init__.py": '"""Weather of a few stations."""\n',
    "src/weather/cli.py": "def main() -> None:\n    print('weather')\n",
    "src/weather/data/stations.csv": "name\nOslo\nBodø\n",
    "src/weather/tables.py": """\
from importlib.resources import files

from tabulate import tabulate


def stations() -> list[str]:
    text = (files("weather") / "data" / "stations.csv").read_text(encoding="utf-8")
    return text.split()[1:]


def table(rows: list[tuple[str, str]]) -> str:
    return tabulate(rows, tablefmt="plain")
""",
    "src/weather/flows.py": """\
from importlib.metadata import version

import idna
from prefect import flow, task

from .tables import stations
from weather.tables import table


@task
def host(station: str) -> str:
    return idna.encode(station.lower()).decode()


@flow(log_prints=True)
def daily(only: str = "") -> int:
    rows = [(name, host(name)) for name in stations() if only in name]
    print(table(rows))
    print("weather", version("{name}"))
    return len(rows)


if __name__ == "__main__":
    daily()
""",
    "tests/test_tables.py": "from weather.tables import table\n\n\ndef test_table():\n"
    "    assert table([('a', 'b')]) == 'a  b'\n",
}


def test_a_src_layout_with_a_uv_lock_and_groups(machine):
    folder = machine.clone(UV, (".", "uv"))
    project = Project(machine, folder, folder.name)
    project.edit('groups = ["flows"]\n')
    told, said = project.ship_and_run("--param", "only=B")
    assert "dependencies: uv.lock (uv export), 2 packages" in told
    assert "Bodø  xn--bod-2na" in said
    assert "weather 0.4.2" in said
    assert "Oslo" not in said


# --- a package above, poetry ---------------------------------------------------------------------

POETRY = {
    "README.md": "# All of our data\n",
    ".gitignore": "__pycache__/\n.venv/\n",
    "packages/tariffs/README.md": "# Tariffs\n",
    "packages/tariffs/pyproject.toml": """\
[tool.poetry]
name = "tariffs"
version = "1.1.0"
description = "Prices."
authors = ["Ada <ada@example.com>"]
readme = "README.md"
packages = [{{ include = "tariffs", from = "src" }}]

[tool.poetry.dependencies]
python = ">=3.10,<4.0"
idna = "^3.4"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
""",
    "packages/tariffs/src/tariffs/__init__.py": "from tariffs.prices import price\n",
    "packages/tariffs/src/tariffs/prices.py": "import idna\n\n\n"
    "def price(host: str) -> int:\n    return len(idna.encode(host))\n",
    "pipelines/billing/pyproject.toml": """\
[tool.poetry]
name = "{name}"
version = "0.1.0"
description = "Bills."
authors = ["Ada <ada@example.com>"]
packages = [{{ include = "billing" }}]

[tool.poetry.dependencies]
python = ">=3.10,<4.0"
tabulate = "^0.9"
tariffs = {{ path = "../../packages/tariffs", develop = true }}

[tool.poetry.group.dev.dependencies]
iniconfig = "*"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
    + lock_tools.SOURCE.split("[tool.poetry]")[0].format(index=lock_tools.index()),
    "pipelines/billing/billing/__init__.py": "",
    "pipelines/billing/billing/bills.py": "from tabulate import tabulate\nfrom tariffs import price"
    "\n\n\ndef bill(host: str) -> str:\n"
    '    return tabulate([(host, price(host))], tablefmt="plain")\n',
    "pipelines/billing/billing/flow.py": """\
from importlib.metadata import version

from billing.bills import bill
from prefect import flow


@flow(log_prints=True)
def bills(host: str = "example") -> None:
    print(bill(host))
    print("tariffs", version("tariffs"))
""",
}


def test_a_poetry_project_with_a_package_of_the_repository_above_it(machine):
    clone = machine.clone(POETRY, ("pipelines/billing", "poetry"))
    project = Project(machine, clone / "pipelines" / "billing", clone.name)
    assert 'include = ["../../packages/tariffs"]' in project.initial
    project.edit()
    told, said = project.ship_and_run("--param", "host=bücher")
    assert "dependencies: poetry.lock (poetry export)" in told
    assert "bücher  13" in said
    assert "tariffs 1.1.0" in said


# --- a folder of a course ------------------------------------------------------------------------

COURSE = {
    "README.md": "# Week 2: orchestration\n\n    pip install -r requirements.txt\n",
    ".gitignore": "data/*\n!data/.gitkeep\n__pycache__/\n*.ipynb_checkpoints\n",
    "requirements.txt": "prefect>=3.0\ntabulate==0.9.0\n",
    "data/.gitkeep": "",
    "notes.ipynb": "{{}}\n",
    "etl_web_to_local.py": """\
from pathlib import Path

from prefect import flow, task
from tabulate import tabulate


@task(retries=3)
def fetch(month: int) -> list[tuple[int, int]]:
    return [(month, 31)]


@task(log_prints=True)
def write_local(rows: list[tuple[int, int]], file: str) -> Path:
    path = Path(f"data/{{file}}.txt")
    path.write_text(tabulate(rows, tablefmt="plain"))
    print(f"wrote {{path}}")
    return path


@flow()
def etl_web_to_local(month: int = 1) -> None:
    write_local(fetch(month), f"{{month:02}}")


if __name__ == "__main__":
    etl_web_to_local(month=2)
""",
}


def test_a_folder_of_a_course_whose_flow_writes_to_data(machine):
    folder = machine.clone(COURSE)
    project = Project(machine, folder, folder.name)
    project.edit(end=f'[block]\nvolumes = ["{folder}/data:/opt/prefect/flows/data"]\n')
    _, said = project.ship_and_run("--param", "month=3")
    assert "wrote data/03.txt" in said
    assert (folder / "data" / "03.txt").read_text() == "3  31"


# --- several flows, one image --------------------------------------------------------------------


def scheduled(function: str, what: str) -> str:
    return f"""\
from prefect import flow
from shared import words
from shared.numbers import RATE


@flow(log_prints=True)
def {function}(rate: int = RATE) -> None:
    print(words("{what}"), rate)


if __name__ == "__main__":
    {function}.serve(name="{what}", cron="* * * * *")
"""


SEVERAL = {
    "requirements.txt": "tabulate\n",
    "shared/__init__.py": "from tabulate import tabulate\n\n\ndef words(what: str) -> str:\n"
    '    return tabulate([("run:", what)], tablefmt="plain")\n',
    "shared/numbers.py": "RATE = 7\n",
    "flows/trips.py": scheduled("trips", "trips-often"),
    "flows/zones.py": scheduled("zones", "zones-often"),
    "reports/weekly.py": scheduled("report", "report-often"),
}


def test_three_flows_in_two_folders_are_run_by_their_schedules_from_one_image(machine):
    folder = machine.clone(SEVERAL)
    project = Project(machine, folder, folder.name)
    project.edit()
    # `init` has written the other flows, and all schedules, as comments.
    text = project.toml.read_text()
    own, others = text.split("# The other flows", 1)
    own = own.replace('# cron = "* * * * *"', 'cron = "* * * * *"')
    note, others = others.split("\n", 1)
    project.toml.write_text(own + f"# The other flows{note}\n" + re.sub("(?m)^# ", "", others))
    deployed = project("ship", "--json").json["deploy"]["deployments"]
    assert [d["name"] for d in deployed] == ["trips-often", "zones-often", "report-often"]
    assert [len(d["schedules"]) for d in deployed] == [1, 1, 1]

    runs = {d["name"]: until(lambda d=d: first_run(machine, d["name"]), 1) for d in deployed}
    for run in runs.values():
        ask(machine.api, f"/deployments/{run['deployment_id']}", {"paused": True}, "PATCH")
    assert {run["state"]["type"] for run in runs.values()} == {"COMPLETED"}, runs
    assert all(run["auto_scheduled"] for run in runs.values())
    paths = [f"/deployments/{run['deployment_id']}" for run in runs.values()]
    assert len({ask(machine.api, path)["job_variables"]["image"] for path in paths}) == 1


def first_run(machine, name: str):
    """The first run of a deployment that the scheduler started, at its end."""
    wanted = {
        "deployments": {"name": {"any_": [name]}},
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": 1,
    }
    (run, *_) = ask(machine.api, "/flow_runs/filter", wanted) or [None]
    return run if run and run["end_time"] else None
