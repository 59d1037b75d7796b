"""A project of many flows: for flowship, and for ``docker build`` and ``prefect deploy --all``.

The flows are in ten files that share a module; each has a deployment and a schedule. The peer's
prefect.yaml has the same deployments and no build steps: its image is built and pushed once, by
docker's own commands, and named in each deployment. Its flows have other names, so that neither
tool reads the deployments of the other one.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient

from benchmarks import stage
from benchmarks.counting import counted
from benchmarks.measure import CommandFailed, Sample, command

PROJECT = "flowship-benchmark-flows"
FILES = 10

SHARED = '''\
"""What all flows use."""


def months_of(months: list[int]) -> list[int]:
    """The months, each once, in order."""
    return sorted(set(months))
'''

IMPORTS = '''\
"""Some of the flows."""

from prefect import flow
from shared.months import months_of
'''

FLOW = '''

@flow(name="{whose}-{number}", log_prints=True)
def flow_{number}(year: int = 2021, months: list[int] = [1, 2]) -> list[int]:
    """Load the months of a year."""
    return months_of(months)
'''

CONFIGURATION = """\
name = "{project}"
base-image = "{base}"
repo = "{image}"
"""

DEPLOYMENT = """
[[deployments]]
name = "nightly-{number}"
entrypoint = "{entrypoint}"
cron = "{minute} 5 * * *"
"""

PREFECT_YAML = """\
name: benchmark-peer
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: /opt/prefect/flows
deployments:
"""

PEER_DEPLOYMENT = """\
  - name: peer-{number}
    entrypoint: {entrypoint}
    schedules:
      - cron: "{minute} 5 * * *"
    work_pool:
      name: flowship
      job_variables:
        image: {image}
"""


@dataclass
class ManyFlows:
    """Both projects, and the commands that are measured.

    Attributes:
        folder: The folder of logs.
        env: The environment of every measured command.
        api: The address of the server's API.
        ours: flowship's project.
        theirs: The peer's copy of it.
        image: The peer's image, in the registry.
    """

    folder: Path
    env: dict[str, str]
    api: str
    ours: Path
    theirs: Path
    image: str

    def ship(self) -> Sample:
        """Run and time ``flowship ship``."""
        return self._run([stage.program("flowship"), "ship"], self.ours)

    def ship_edited(self) -> Sample:
        """Change one flow (not timed), then run and time ``flowship ship``."""
        _edit(self.ours)
        return self.ship()

    def deploy_all(self) -> Sample:
        """Run and time ``prefect deploy --all``, with the image that is there."""
        return self._run([stage.program("prefect"), "--no-prompt", "deploy", "--all"], self.theirs)

    def build_and_deploy_all(self) -> Sample:
        """Run and time the build and the push of the peer's image, then its deploy."""
        docker = shutil.which("docker") or "docker"
        built = self._run([docker, "build", "--tag", self.image, "."], self.theirs)
        pushed = self._run([docker, "push", self.image], self.theirs)
        return built + pushed + self.deploy_all()

    def build_edited(self) -> Sample:
        """Change one flow (not timed), then run and time the peer's build, push and deploy."""
        _edit(self.theirs)
        return self.build_and_deploy_all()

    def requests_of_ship(self, *, edited: bool = False) -> list[str]:
        """Run ``flowship ship`` and return the requests that it sends to the Prefect server.

        Args:
            edited: After a change of one flow.
        """
        if edited:
            _edit(self.ours)
        with counted(self.api) as (api, requests):
            self._run([stage.program("flowship"), "ship"], self.ours, PREFECT_API_URL=api)
        return requests

    def _run(self, arguments: Sequence[str | Path], cwd: Path, **env: str) -> Sample:
        log = self.folder / f"{Path(arguments[0]).name}.log"
        return command(arguments, cwd=cwd, env=self.env | env, log=log)


@contextmanager
def ready(folder: Path, client: DockerClient, base: str, count: int) -> Iterator[ManyFlows]:
    """Provide both projects, with `count` flows each; remove their images at the end."""
    with stage.services(folder, client, PROJECT) as found:
        _push_base(client, base, found.registry)
        image = f"{found.registry}/user/{PROJECT}:bench"
        ours = stage.write(
            folder / "ours", {**flows(count, "flow"), **configuration(base, image, count)}
        )
        text = stage.peer_dockerfile(ours, found.env)
        peer = f"{found.registry}/user/benchmark-peer:bench"
        more = {"Dockerfile": text, "prefect.yaml": peer_configuration(peer, count)}
        theirs = stage.write(folder / "theirs", {**flows(count, "peer-flow"), **more})
        yield ManyFlows(folder, found.env, found.api, ours, theirs, peer)


def flows(count: int, whose: str) -> dict[str, str]:
    """Return the code: at most ten files, and the module that they share."""
    files = {"shared/__init__.py": "", "shared/months.py": SHARED}
    for number in range(count):
        name = _file(number)
        files[name] = files.get(name, IMPORTS) + FLOW.format(number=number, whose=whose)
    return files


def configuration(base: str, image: str, count: int) -> dict[str, str]:
    """Return flowship's configuration file."""
    head = CONFIGURATION.format(project=PROJECT, base=base, image=image)
    return {"flowship.toml": head + "".join(DEPLOYMENT.format(**_of(n)) for n in range(count))}


def peer_configuration(image: str, count: int) -> str:
    """Return the peer's prefect.yaml."""
    each = (PEER_DEPLOYMENT.format(**_of(number), image=image) for number in range(count))
    return PREFECT_YAML + "".join(each)


def _of(number: int) -> dict[str, object]:
    entrypoint = f"{_file(number)}:flow_{number}"
    return {"number": number, "entrypoint": entrypoint, "minute": number % 60}


def _file(number: int) -> str:
    return f"group_{number % FILES}.py"


def _edit(project: Path) -> None:
    """Change one flow to new content that is not in any cache."""
    path, code = project / _file(0), "    return months_of"
    text = path.read_text(encoding="utf-8")
    edited = text.replace(code, f"    # edit {time.time_ns()}\n{code}", 1)
    path.write_text(edited, encoding="utf-8")


def _push_base(client: DockerClient, base: str, registry: str) -> None:
    """Push the base image's layers, so that neither tool sends them in its first push."""
    repository = f"{registry}/user/base"
    client.images.get(base).tag(repository, "bench")
    for event in client.images.push(repository, "bench", stream=True, decode=True):
        if "error" in event:
            raise CommandFailed(str(event["error"]))
    client.images.remove(f"{repository}:bench")
