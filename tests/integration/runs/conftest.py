"""Containers that a worker would have started for a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import running

started_run = running.started_run


@pytest.fixture
def containers(engine, base_image, started_run) -> Iterator[object]:
    """Starts containers with the labels of the docker worker; they are removed at the end."""
    started = []

    def run(command: list[str], **options):
        labels = {
            "io.prefect.flow-run-id": started_run.run_id,
            "io.prefect.flow-run-name": started_run.chosen().name,
            "io.prefect.flow-name": f"flow-{started_run.project.tag}",
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
