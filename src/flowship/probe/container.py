"""Runs the probe: a container without network loads the image's flow and describes it.

`flowship.probe.script` runs in the container; `answer` reads what it prints, and `crashes`
explains a container that prints nothing.
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
from flowship.probe import crashes, script
from flowship.probe.answer import interpret
from flowship.probe.result import ProbeResult
from flowship.project.build_request import BuildRequest


def probe_image(
    engine: Engine, image_id: str, request: BuildRequest, report: Report = silent
) -> ProbeResult:
    """Load the flow in a container of the image, and return what it is.

    Raises:
        BuildError: The flow does not load; with the container's own traceback.
    """
    report(Phase(f"loading {request.settings.entrypoint} inside the image"))
    with engine_errors("probing the image"):
        output = _run(engine, image_id, request)
    if output.exit_code is None:
        raise crashes.timed_out(request.settings.probe.timeout, output.stderr)
    answer = output.answer
    if output.exit_code != 0 or answer is None:
        text = output.stderr if output.started else output.text
        raise crashes.crashed(
            output.exit_code, text, file=request.project.flow_file, started=output.started
        )
    return interpret(answer, request.project)


@dataclass(frozen=True)
class ContainerOutput:
    """What the container printed, and how it ended.

    Attributes:
        exit_code: None if it did not end in time.
        stdout: All of it.
        stderr: The last lines.
    """

    exit_code: int | None
    stdout: str
    stderr: str

    @property
    def started(self) -> bool:
        """Whether the probe's script started."""
        return script.STARTED in self.stdout.splitlines()

    @property
    def text(self) -> str:
        """The text that most likely explains a failure."""
        return self.stderr or self.stdout

    @property
    def answer(self) -> dict[str, Any] | None:
        """The JSON after the line that the script starts with; the ENTRYPOINT may print too."""
        lines = iter(self.stdout.splitlines())
        for line in lines:
            if line == script.STARTED:
                break
        for line in lines:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        return None


def _run(engine: Engine, image_id: str, request: BuildRequest) -> ContainerOutput:
    """Run the script as a worker starts a run: as the command of the image's own ENTRYPOINT.

    If the script does not start, a second container without the ENTRYPOINT shows whether the
    ENTRYPOINT or the image is the cause.
    """
    config = engine.api.inspect_image(image_id)["Config"] or {}
    entrypoint = config.get("Entrypoint") or []
    output = _run_through(engine, image_id, request, entrypoint)
    if not entrypoint or output.started:
        return output
    if output.exit_code is not None:  # after a timeout a second container would only wait again
        directly = _run_through(engine, image_id, request, [])
        if not directly.started:
            raise crashes.crashed(directly.exit_code or 0, directly.text)
    raise crashes.entrypoint_ignores_command(entrypoint, output.text)


def _run_through(
    engine: Engine, image_id: str, request: BuildRequest, entrypoint: Sequence[str]
) -> ContainerOutput:
    """Run the script through an ENTRYPOINT; through none if it is empty."""
    api, options = engine.api, request.settings.probe
    text = resources.files("flowship").joinpath("probe", "script.py").read_text(encoding="utf-8")
    command = ["-c", text, FLOWS_DIR, request.settings.entrypoint]
    # The engine creates a missing working directory, but the script must notice that the flows
    # folder is missing, so it starts in /. A relative ENTRYPOINT needs the image's own directory.
    start = {} if entrypoint else {"working_dir": "/", "entrypoint": ["python"]}
    container = api.create_container(
        image_id,
        command=["python", *command] if entrypoint else command,
        environment={"PREFECT_LOGGING_LEVEL": "ERROR", **options.env},
        host_config=api.create_host_config(
            network_mode=None if options.network else "none", init=not entrypoint
        ),
        labels={f"{LABEL}.probe-of": request.settings.name},
        **start,
    )["Id"]
    try:
        return _wait(engine, container, options.timeout)
    finally:
        api.remove_container(container, force=True, v=True)


def _wait(engine: Engine, container: str, timeout: int) -> ContainerOutput:
    api = engine.api
    try:
        api.start(container)
    except docker.errors.APIError as exc:
        return ContainerOutput(127, "", str(exc.explanation or exc))
    code: int | None = None
    with suppress(requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
        code = api.wait(container, timeout=timeout)["StatusCode"]
    stderr = api.logs(container, stdout=False, stderr=True, tail=50).decode(errors="replace")
    stdout = api.logs(container, stdout=True, stderr=False).decode(errors="replace")
    return ContainerOutput(code, stdout, stderr)
