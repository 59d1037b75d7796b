"""The commands of the second day, on a server that holds much that belongs to others.

One deployment is the project's own, with some runs. The others' deployments and runs are what a
server of a data team has after some months: what they cost must not grow with them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from docker import DockerClient

from benchmarks import stage
from benchmarks.counting import counted
from benchmarks.measure import Sample, command

DEPLOYMENT = "etl/scheduled"
OWN_RUNS = 12
WRITERS = 3  # SQLite rejects some writes where more clients write at the same time
RETRIES = 20


@dataclass(frozen=True)
class Compared:
    """A command of flowship, and the command of Prefect that comes nearest to it."""

    name: str
    ours: Sequence[str]
    theirs: Sequence[str]


@dataclass(frozen=True)
class SecondDay:
    """The project after its first deploy, and the measured commands.

    Attributes:
        stage: The project and its environment.
        run: The id of one of its runs.
    """

    stage: stage.Stage
    run: str

    @property
    def compared(self) -> list[Compared]:
        """What is measured."""
        return [
            Compared("status", ["status"], ["deployment", "inspect", DEPLOYMENT]),
            Compared("plan", ["plan"], ["deployment", "inspect", DEPLOYMENT]),
            Compared("history", ["history"], ["artifact", "ls"]),
            Compared("logs", ["logs", self.run], ["flow-run", "logs", self.run]),
            Compared("doctor", ["doctor"], ["version"]),
        ]

    def ours(self, words: Sequence[str]) -> Sample:
        """Run and time a flowship command."""
        return self._run("flowship", words, self.stage.env)

    def theirs(self, words: Sequence[str]) -> Sample:
        """Run and time a Prefect command."""
        return self._run("prefect", words, self.stage.env)

    def requests(self, words: Sequence[str]) -> list[str]:
        """Run a flowship command and return its requests to the server."""
        with counted(self.stage.env["PREFECT_API_URL"]) as (api, requests):
            self._run("flowship", words, {**self.stage.env, "PREFECT_API_URL": api})
        return requests

    def _run(self, program: str, words: Sequence[str], env: dict[str, str]) -> Sample:
        log = self.stage.folder / f"{program}-{words[0]}.log"
        path = stage.program(program)
        return command([path, *words], cwd=self.stage.ours, env=env, log=log)


@contextmanager
def ready(
    folder: Path, client: DockerClient, base: str, say: Callable[[str], None]
) -> Iterator[SecondDay]:
    """Provide the project, shipped twice and with runs of its own."""
    with stage.ready(folder, client, base) as found:
        found.flowship("ship")
        found.edited("ship")
        say("its runs")
        api = found.env["PREFECT_API_URL"]
        with httpx.Client(timeout=60) as http:
            own = _sent(http, "GET", f"{api}/deployments/name/{DEPLOYMENT}", None)
            runs = [_run(http, api, str(own["id"]), "COMPLETED") for _ in range(OWN_RUNS)]
            _log(http, api, runs[-1])
        with stage.worker(found, "flowship"):
            yield SecondDay(found, runs[-1])


def fill(api: str, deployments: int, runs: int) -> None:
    """Create deployments and ended runs that belong to others."""
    with httpx.Client(timeout=60) as http, ThreadPoolExecutor(WRITERS) as pool:
        flow = _sent(http, "POST", f"{api}/flows/", {"name": "others"})["id"]
        names = [f"other-{number}" for number in range(deployments)]
        bodies = [{"name": name, "flow_id": flow} for name in names]
        made = pool.map(lambda body: _sent(http, "POST", f"{api}/deployments/", body), bodies)
        ids = [each["id"] for each in made]
        wanted = [ids[number % len(ids)] for number in range(runs)]
        list(pool.map(lambda each: _run(http, api, str(each), "COMPLETED"), wanted))


def _run(http: httpx.Client, api: str, deployment: str, state: str) -> str:
    body = {"state": {"type": state}, "enforce_parameter_schema": False}
    path = f"{api}/deployments/{deployment}/create_flow_run"
    return str(_sent(http, "POST", path, body)["id"])


def _log(http: httpx.Client, api: str, run: str) -> None:
    record = {
        "name": "prefect.flow_runs",
        "level": 20,
        "message": "loaded 2 months",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "flow_run_id": run,
    }
    http.post(f"{api}/logs/", json=[record]).raise_for_status()


def _sent(http: httpx.Client, method: str, url: str, body: object) -> dict[str, object]:
    """The answer of the server; sent again while SQLite is busy, or if the connection ended."""
    for attempt in range(RETRIES):
        time.sleep(0.1 * attempt)
        with suppress(httpx.TransportError):
            answer = http.request(method, url, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                answer.raise_for_status()
                found: dict[str, object] = answer.json()
                return found
    raise RuntimeError(f"the server does not answer {method} {url}")
