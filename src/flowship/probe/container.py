"""Asks a built image for its flow: a container without network loads it and describes it.

`flowship.probe.script` runs in the container, `flowship.probe.result` explains its answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from flowship.config.settings import FLOWS_DIR
from flowship.engine import containers
from flowship.engine.client import LABEL, Engine
from flowship.engine.images import look_up
from flowship.events import Phase, Report, silent
from flowship.probe import result, script
from flowship.probe.result import ProbeResult
from flowship.project.build_request import BuildRequest


def ask(
    engine: Engine, image_id: str, request: BuildRequest, report: Report = silent
) -> ProbeResult:
    """Ask the image for its flow: a container without network loads it and describes it.

    Raises:
        BuildError: The flow does not load; with the container's own traceback.
    """
    report(Phase(f"loading {request.settings.entrypoint} inside the image"))
    answer = _ask_container(engine, image_id, request)
    return result.interpret(answer, request.project)


def _ask_container(engine: Engine, image_id: str, request: BuildRequest) -> dict[str, Any]:
    """Ask as a worker starts a run: through the image's own ENTRYPOINT, with a command.

    Where the command does not get through, asking once more without the ENTRYPOINT tells whose
    fault that is.
    """
    found = look_up(engine, image_id)
    entrypoint = found.entrypoint if found else ()
    told = _probe_container(engine, image_id, request, through=entrypoint)
    if entrypoint and not told.started:
        if told.code is not None:  # not the time-out: who waits for nothing is not asked twice
            directly = _probe_container(engine, image_id, request, through=())
            if not directly.started:
                raise result.crashed(directly.code or 0, directly.errors or directly.output)
        raise result.swallowed(entrypoint, told.errors or told.output)
    if told.code is None:
        raise result.timed_out(request.settings.probe.timeout, told.errors)
    if told.code != 0 or told.answer is None:
        said = told.errors if told.started else told.errors or told.output
        file = request.settings.entrypoint.rpartition(":")[0]
        raise result.crashed(told.code, said, file=file, started=told.started)
    return told.answer


@dataclass(frozen=True)
class _Told:
    """What the probe's container left behind; no `code` when it did not end in time."""

    code: int | None
    output: str
    errors: str

    @property
    def started(self) -> bool:
        return script.STARTED in self.output.splitlines()

    @property
    def answer(self) -> dict[str, Any] | None:
        """What follows the line that the script begins with; the ENTRYPOINT may print as well."""
        lines = iter(self.output.splitlines())
        for line in lines:
            if line == script.STARTED:
                break
        for line in lines:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        return None


def _probe_container(
    engine: Engine, image_id: str, request: BuildRequest, *, through: Sequence[str]
) -> _Told:
    wanted = request.settings.probe
    text = resources.files("flowship").joinpath("probe", "script.py").read_text(encoding="utf-8")
    arguments = ["-c", text, FLOWS_DIR, request.settings.entrypoint]
    command = containers.Command(
        ["python", *arguments] if through else arguments,
        entrypoint=None if through else ["python"],
        environment={"PREFECT_LOGGING_LEVEL": "ERROR", **wanted.env},
        labels={f"{LABEL}.probe-of": request.settings.name},
        network=wanted.network,
        timeout=wanted.timeout,
    )
    done = containers.run(engine, image_id, command)
    return _Told(done.exit_code, done.stdout, done.stderr)
