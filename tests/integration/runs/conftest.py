"""A run on a real Prefect server, and containers that a worker would have started for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowship.runs.chosen import ChosenRun, described
from flowship.runs.find import find
from flowship.runs.start import start
from support.deploying import Project
from support.running import Container


class OneRun:
    """A run, whose worker and containers the test plays."""

    def __init__(self, project: Project) -> None:
        self.project = project
        started = start(project.api, find(project.api, f"flow-{project.tag}/nightly"))
        self.id = started.id
        self.reported = Container(project, started.id)

    def chosen(self) -> ChosenRun:
        """The run as it is now."""
        return described(self.project.api, [self.project.api.run(self.id)])[0]

    def taken_by(self, worker: str) -> None:
        """Have a worker take it."""
        labels = {"prefect.worker.name": worker}
        self.project.raw("PATCH", f"/flow_runs/{self.id}/labels", labels)


@pytest.fixture
def one_run(prefect_server: str) -> OneRun:
    project = Project(prefect_server)
    project.deploy()
    return OneRun(project)


@pytest.fixture
def containers(engine, base_image, one_run) -> Iterator[object]:
    """Starts containers with the labels of the docker worker; they are removed at the end."""
    started = []

    def run(command: list[str], **options):
        labels = {
            "io.prefect.flow-run-id": one_run.id,
            "io.prefect.flow-run-name": one_run.chosen().name,
            "io.prefect.flow-name": f"flow-{one_run.project.tag}",
            "io.prefect.deployment-name": "nightly",
            "io.prefect.worker-name": "w",
        }
        made = engine.containers.run(
            base_image, command, entrypoint="", labels=labels, detach=True, **options
        )
        started.append(made)
        return made

    yield run
    for made in started:
        made.remove(force=True)
