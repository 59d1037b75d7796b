"""Runs the probe: a container without network loads the image's flows and describes them.

The modules of `flowship.probe.inside` run in the container; `answer` reads what they print, and
`crashes` explains a container that prints nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from flowship.build_request import BuildRequest
from flowship.config.settings import FLOWS_DIR
from flowship.engine import containers
from flowship.engine.client import LABEL, Engine
from flowship.engine.images import look_up
from flowship.events import Phase, Report, silent
from flowship.probe import crashes
from flowship.probe.answer import interpret_all
from flowship.probe.inside.script import STARTED
from flowship.probe.result import ProbeResult, Project

PLACE = "/flowship-probe"
"""Where the script is in the container: a folder that Python runs."""


def probe_image(
    engine: Engine,
    image_id: str,
    request: BuildRequest,
    report: Report = silent,
    entrypoints: Sequence[str] = (),
) -> tuple[ProbeResult, ...]:
    """Load flows in one container of the image, and return what they are.

    Args:
        engine: The container engine.
        image_id: The image.
        request: What it was built of.
        report: Receives what is being done.
        entrypoints: The flows to load; those that the deployments use, if none are given.

    Raises:
        BuildError: A flow does not load; with the container's own traceback. Every flow that does
            not load is named.
    """
    wanted = tuple(entrypoints) or request.settings.entrypoints
    what = wanted[0] if len(wanted) == 1 else f"{len(wanted)} flows"
    report(Phase(f"loading {what} inside the image"))
    output = _run(engine, image_id, request, wanted)
    answers = output.answers
    unanswered = [each for each in wanted if each not in answers]
    if unanswered and output.exit_code is None:
        raise crashes.timed_out(request.settings.probe.timeout, output.stderr)
    if unanswered:
        text = output.stderr if output.started else output.text
        file = Project.of(request, unanswered[0]).flow_file
        raise crashes.crashed(
            output.exit_code or 0,
            text,
            file=file,
            started=output.started,
            out_of_memory=output.out_of_memory,
        )
    known = {"out_of_memory": output.out_of_memory}
    return interpret_all([(answers[e] | known, Project.of(request, e)) for e in wanted])


@dataclass(frozen=True)
class ContainerOutput:
    """What the container printed, and how it ended.

    Attributes:
        exit_code: None if it did not end in time.
        stdout: All of it.
        stderr: The last lines.
        out_of_memory: Whether the engine says that the memory ran out.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    out_of_memory: bool = False

    @property
    def started(self) -> bool:
        """Whether the probe's script started."""
        return STARTED in self.stdout.splitlines()

    @property
    def text(self) -> str:
        """The text that most likely explains a failure."""
        return self.stderr or self.stdout

    @property
    def answers(self) -> dict[str, dict[str, Any]]:
        """Entrypoint → the answer, from the lines of JSON after the line that the script starts
        with; the ENTRYPOINT may print too."""
        lines = iter(self.stdout.splitlines())
        for line in lines:
            if line == STARTED:
                break
        return dict(_answers(lines))


def _answers(lines: Iterable[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    for line in lines:
        if line.startswith('{"entrypoint": '):
            answer = json.loads(line)
            yield answer.pop("entrypoint"), answer


def _run(
    engine: Engine, image_id: str, request: BuildRequest, wanted: Sequence[str]
) -> ContainerOutput:
    """Run the script as a worker starts a run: as the command of the image's own ENTRYPOINT.

    If the script does not start, a second container without the ENTRYPOINT shows whether the
    ENTRYPOINT or the image is the cause.
    """
    found = look_up(engine, image_id)
    entrypoint = found.entrypoint if found else ()
    output = _run_through(engine, image_id, request, wanted, entrypoint)
    if not entrypoint or output.started:
        return output
    if output.exit_code is not None:  # after a timeout a second container would only wait again
        directly = _run_through(engine, image_id, request, wanted, ())
        if not directly.started:
            raise crashes.crashed(
                directly.exit_code or 0, directly.text, out_of_memory=directly.out_of_memory
            )
    raise crashes.entrypoint_ignores_command(entrypoint, output.text)


def script(place: str) -> dict[str, bytes]:
    """The script's files, for a folder that Python runs.

    The package there has a name of its own: the image may have a flowship installed.
    """
    modules = resources.files("flowship").joinpath("probe", "inside").iterdir()
    package = {m.name: m.read_bytes() for m in modules if m.name.endswith(".py")}
    return {
        f"{place}/__main__.py": b"from flowship_probe.script import main\n\nmain()\n",
        **{f"{place}/flowship_probe/{name}": text for name, text in package.items()},
    }


def _run_through(
    engine: Engine,
    image_id: str,
    request: BuildRequest,
    wanted: Sequence[str],
    entrypoint: Sequence[str],
) -> ContainerOutput:
    """Run the script through an ENTRYPOINT; through none if it is empty."""
    options = request.settings.probe
    # The script ends a little earlier than the container, to say where the flow waits.
    seconds = max(options.timeout - 3, options.timeout * 0.8)
    arguments = [PLACE, FLOWS_DIR, f"{seconds:g}", *wanted]
    command = containers.Command(
        ["python", *arguments] if entrypoint else arguments,
        entrypoint=None if entrypoint else ["python"],
        environment={
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PYTHONFAULTHANDLER": "1",  # which line was executed when a signal ended the process
            # Without an API, Prefect would start a server of its own and wait a minute for it.
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
            **options.env,
        },
        labels={f"{LABEL}.probe-of": request.settings.name},
        files=script(PLACE),
        network=options.network,
        timeout=options.timeout * (1 + len(wanted)),  # Prefect, then each flow
    )
    done = containers.run(engine, image_id, command)
    return ContainerOutput(done.exit_code, done.stdout, done.stderr, done.out_of_memory)
