"""Asks a built image for its flow: a container without network loads it and describes it.

`flowship.probe.script` runs in the container, `flowship.probe.result` explains its answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from typing import Any

import docker.errors
import requests.exceptions

from flowship.config.settings import FLOWS_DIR
from flowship.engine.client import LABEL, Engine, engine_errors
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
    with engine_errors("probing the image"):
        configured = engine.api.inspect_image(image_id)["Config"] or {}
        entrypoint = configured.get("Entrypoint") or []
        told = _probe_container(engine, image_id, request, through=entrypoint)
        if entrypoint and not told.started:
            if told.code is not None:  # not the time-out: who waits for nothing is not asked twice
                directly = _probe_container(engine, image_id, request, through=[])
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
    api, wanted = engine.api, request.settings.probe
    script = resources.files("flowship").joinpath("probe", "script.py").read_text(encoding="utf-8")
    # The engine would create a missing working directory, and the script must see that it is
    # missing; an ENTRYPOINT may be relative to it.
    start = {} if through else {"working_dir": "/", "entrypoint": ["python"]}
    command = ["-c", script, FLOWS_DIR, request.settings.entrypoint]
    container = api.create_container(
        image_id,
        command=["python", *command] if through else command,
        environment={"PREFECT_LOGGING_LEVEL": "ERROR", **wanted.env},
        host_config=api.create_host_config(
            network_mode=None if wanted.network else "none", init=not through
        ),
        labels={f"{LABEL}.probe-of": request.settings.name},
        **start,
    )["Id"]
    try:
        return _listen(engine, container, wanted.timeout)
    finally:
        api.remove_container(container, force=True, v=True)


def _listen(engine: Engine, container: str, timeout: int) -> _Told:
    api = engine.api
    try:
        api.start(container)
    except docker.errors.APIError as exc:
        return _Told(127, "", str(exc.explanation or exc))
    code: int | None = None
    with suppress(requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
        code = api.wait(container, timeout=timeout)["StatusCode"]
    errors = api.logs(container, stdout=False, stderr=True, tail=50).decode(errors="replace")
    output = api.logs(container, stdout=True, stderr=False).decode(errors="replace")
    return _Told(code, output, errors)
