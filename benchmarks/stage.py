"""The setup of the measurements: a registry, a Prefect server, and two copies of a project.

One copy is for flowship and one for its peer, ``prefect deploy`` with the build and push steps of
prefect-docker. The peer uses the Dockerfile that flowship renders, so both build the same layers
from the same base image. Both use the same registry, server and work pool.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from parts.ports import free_port
from parts.registry import Registry

from benchmarks.measure import Sample, command

PROJECT = "flowship-benchmark"
PEER = "benchmark-peer"
START_TIMEOUT = 180

FLOW = '''\
"""A typical flow: a sibling module, a task, parameters with defaults."""

from helpers import months_of
from prefect import flow, task


@task
def load(year: int, month: int) -> str:
    """Name the month's file."""
    return f"yellow_tripdata_{year}-{month:02}.csv.gz"


@flow(log_prints=True)
def etl(year: int = 2021, months: list[int] = [1, 2], colour: str = "yellow") -> list[str]:
    """Load the months of a year."""
    return [load(year, month) for month in months_of(months)]
'''

HELPERS = '''\
"""A sibling module."""


def months_of(months: list[int]) -> list[int]:
    """The months, each once, in order."""
    return sorted(set(months))
'''

CONFIGURATION = """\
name = "{project}"
entrypoint = "flows/taxi.py:etl"
base-image = "{base}"
repo = "{registry}/user/{project}:bench"

[[deployments]]
name = "scheduled"
cron = "0 5 * * *"
"""

# As in the documentation of Prefect for a custom image. `pull: false` is faster than the default,
# which looks up the base image in a registry, and is required for a base image that is built
# on this machine.
PREFECT_YAML = """\
name: {peer}
build:
  - prefect_docker.deployments.steps.build_docker_image:
      id: build-image
      requires: prefect-docker
      image_name: {registry}/user/{peer}
      tag: bench
      dockerfile: Dockerfile
      pull: false
      rm: true
push:
  - prefect_docker.deployments.steps.push_docker_image:
      requires: prefect-docker
      image_name: "{{{{ build-image.image_name }}}}"
      tag: "{{{{ build-image.tag }}}}"
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: /opt/prefect/flows
deployments:
  - name: peer
    entrypoint: flows/taxi.py:etl
    schedules:
      - cron: "0 5 * * *"
    work_pool:
      name: flowship
      job_variables:
        image: "{{{{ build-image.image }}}}"
"""


IGNORED = """\
prefect.yaml
Dockerfile
.dockerignore
flowship.toml
__pycache__
**/__pycache__
"""


def program(name: str) -> Path:
    """Return the path of a program of the current environment."""
    return Path(sys.executable).with_name(name)


@dataclass
class Stage:
    """The environment and the projects of the measurements.

    Attributes:
        folder: The folder of logs and small files.
        env: The environment of every measured command.
        ours: flowship's project.
        theirs: The peer's copy of it.
    """

    folder: Path
    env: dict[str, str]
    ours: Path
    theirs: Path

    def flowship(self, *arguments: str) -> Sample:
        """Run and time a flowship command in its project."""
        return self._run([program("flowship"), *arguments], self.ours, "flowship.log")

    def peer(self) -> Sample:
        """Run and time the peer's deploy in its project."""
        words = ("--no-prompt", "deploy", "--name", "peer")
        return self._run([program("prefect"), *words], self.theirs, "peer.log")

    def edited(self, *arguments: str) -> Sample:
        """Change the code (not timed), then run and time a flowship command."""
        _edit(self.ours)
        return self.flowship(*arguments)

    def peer_edited(self) -> Sample:
        """Change the code (not timed), then run and time the peer's deploy."""
        _edit(self.theirs)
        return self.peer()

    def _run(self, arguments: list[str | Path], cwd: Path, log: str) -> Sample:
        return command(arguments, cwd=cwd, env=self.env, log=self.folder / log)


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Return the environment of both tools, without the user's settings and telemetry."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "FLOWSHIP_"))}
    # Installed programs have bytecode; the first round, which is not measured, writes it.
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        clean.pop(name, None)
    return clean | {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "COLUMNS": "80",
        **extra,
    }


@dataclass(frozen=True)
class Services:
    """The registry and the Prefect server of a measurement.

    Attributes:
        registry: The address of the registry.
        api: The address of the server's API.
        env: The environment of both tools.
    """

    registry: str
    api: str
    env: dict[str, str]


@contextmanager
def services(folder: Path, client: DockerClient, project: str) -> Iterator[Services]:
    """Provide registry and server; remove the project's images at the end of the block."""
    with ExitStack() as cleanup:
        registry = cleanup.enter_context(Registry(folder / "registry"))
        home = folder / "prefect"
        home.mkdir(parents=True)
        api = cleanup.enter_context(_server(home))
        cleanup.enter_context(_images_removed(client, registry.address, project))
        yield Services(registry.address, api, environment(home, PREFECT_API_URL=api))


def peer_dockerfile(ours: Path, env: dict[str, str]) -> str:
    """Return the Dockerfile of the peer, which builds the same layers as flowship's project."""
    done = subprocess.run(
        [program("flowship"), "build", "--print-dockerfile"],
        cwd=ours,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    # flowship sends the project in the folder project/; the peer sends it unchanged.
    return done.stdout.replace("COPY project/ ", "COPY . ")


@contextmanager
def ready(folder: Path, client: DockerClient, base: str) -> Iterator[Stage]:
    """Provide registry, server and projects; remove their images at the end of the block."""
    with services(folder, client, PROJECT) as found:
        names = {"base": base, "registry": found.registry, "project": PROJECT}
        files = {"flows/taxi.py": FLOW, "flows/helpers.py": HELPERS}
        configuration = CONFIGURATION.format(**names)
        ours = write(folder / "ours", {**files, "flowship.toml": configuration})
        text = peer_dockerfile(ours, found.env)
        peer = PREFECT_YAML.format(peer=PEER, registry=found.registry)
        theirs = write(folder / "theirs", {**files, "Dockerfile": text, "prefect.yaml": peer})
        yield Stage(folder, found.env, ours, theirs)


@contextmanager
def _images_removed(client: DockerClient, registry: str, project: str) -> Iterator[None]:
    """Remove the images that the block creates for flowship's project and the peer's.

    The peer moves its tag to each new image, so its earlier images have no name.
    """
    before = set(client.api.images(quiet=True))
    try:
        yield
    finally:
        ours = {"label": f"io.flowship.project={project}"}
        untagged = {"dangling": True, "label": "io.prefect.version"}
        for filters in (ours, untagged, {"reference": f"{registry}/user/*"}):
            for image in set(client.api.images(quiet=True, filters=filters)) - before:
                _remove(client, image)


def _remove(client: DockerClient, image: str) -> None:
    try:
        client.images.remove(image, force=True)
    except ImageNotFound:
        pass  # removed together with another one
    except APIError as exc:
        print(f"!!! image not removed: {exc.explanation}", file=sys.stderr)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the files of a project, with a .dockerignore, and return its folder."""
    for name, text in {".dockerignore": IGNORED, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _edit(project: Path) -> None:
    """Change the flow's file to new content that is not in any cache."""
    (project / "flows" / "taxi.py").write_text(f"{FLOW}\n# edit {time.time_ns()}\n")


@contextmanager
def _server(home: Path) -> Iterator[str]:
    """Run a Prefect server on SQLite, and provide the address of its API."""
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port)]
    api = f"http://127.0.0.1:{port}/api"
    started = ["server", "start", *where]
    with _running(started, home, environment(home), lambda: _answers(f"{api}/health")):
        yield api


@contextmanager
def worker(ready: Stage, pool: str) -> Iterator[None]:
    """Run a docker worker for a work pool; the block begins when the server has heard it."""
    api = ready.env["PREFECT_API_URL"]
    online = f"{api}/work_pools/{pool}/workers/filter"
    command = ["worker", "start", "--pool", pool, "--type", "docker"]
    with _running(command, ready.folder, ready.env, lambda: b"ONLINE" in _posted(online)):
        yield


@contextmanager
def _running(
    words: Sequence[str], folder: Path, env: Mapping[str, str], is_ready: Callable[[], bool]
) -> Iterator[None]:
    """Run a command of Prefect until the end of the block, which begins when it is ready."""
    log = folder / f"{words[0]}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [program("prefect"), *words],
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"`prefect {' '.join(words)}` did not start:\n{tail}")
            time.sleep(0.2)
        yield
    finally:
        _stop(process)


def _posted(url: str) -> bytes:
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return bytes(response.read())


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
