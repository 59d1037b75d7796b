"""One run of a flow in its image on this machine, without a deployment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flowship.config.settings import Settings
from flowship.config.tables import Deployment
from flowship.deployment import docker_block, parameters
from flowship.deployment.draft import Places
from flowship.engine import attached
from flowship.errors import EngineError
from flowship.runs.states import StateType
from flowship.trial import ending
from flowship.trial.container import container
from flowship.trial.result import Answers, TrialResult, result

if TYPE_CHECKING:
    from pydantic import SecretStr

    from flowship.engine.attached import Stream
    from flowship.engine.client import Engine
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles.resolution import ApiTarget
    from flowship.probe.result import ProbeResult


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Attributes:
        settings: The project's.
        deployment: The deployment, with the configuration's values.
        flow: Its flow, as the probe found it in the image.
        given: Parameters of the command line.
        env: The environment of the run; see `environment`.
    """

    settings: Settings
    deployment: Deployment
    flow: ProbeResult
    given: Mapping[str, str]
    env: Mapping[str, SecretStr]

    def parameters(self) -> dict[str, Any]:
        """The values of the run: those of the deployment, and over them those given.

        Raises:
            ConfigError: The deployment has a value that the flow does not take.
            UsageError: The command line has one, or a required parameter has none.
        """
        places = Places(self.settings, self.deployment)
        schema = dict(self.flow.parameters)
        configured = parameters.resolve(
            schema, self.deployment.parameters, where=partial(places.of, "parameters")
        )
        values = configured | parameters.of_options(schema, self.given)
        parameters.require_all(schema, values)
        return values

    def variables(self) -> dict[str, Any]:
        """The block's fields as the configuration has them, with the deployment's own on top."""
        return {
            **docker_block.configured_fields(self.settings.block),
            **self.deployment.job_variables,
        }


def run(
    engine: Engine,
    image_id: str,
    trial: Trial,
    api: PrefectApi | None,
    target: ApiTarget | None,
    on_line: Callable[[Stream, str], None],
) -> TrialResult:
    """Run the flow once, and wait for its end.

    Args:
        engine: Where the container runs.
        image_id: The image.
        trial: What is tried.
        api: The server that records the run; None for a temporary one inside the container.
        target: The address and the credentials of `api`.
        on_line: Receives what the container prints.

    Raises:
        ConfigError, UsageError: See `Trial.parameters`.
        EngineError: The container cannot be started, or the engine no longer answers.
        Interrupted: Ctrl-C; the run on the server is canceled.
    """
    spec = container(
        trial.flow.entrypoint, trial.parameters(), trial.variables(), trial.env, target
    )
    output = _Output(on_line)
    started = time.monotonic()
    try:
        ended = attached.run(engine, image_id, spec, output.receive)
    except KeyboardInterrupt as exc:
        if api and output.answers.run:
            raise ending.canceled(api, output.answers.run) from exc
        raise
    except EngineError:
        if api and output.answers.run:
            ending.end(api, output.answers.run, StateType.CRASHED, ending.LOST)
        raise
    done = result(trial.flow.entrypoint, output.answers, ended,
                  time.monotonic() - started)  # fmt: skip
    if api and done.run and not output.answers.result:
        ending.end(api, done.run, StateType.CRASHED, f"flowship try: {done.message}")
    return done.on_page(api.ui_url(f"runs/flow-run/{done.run}")) if api and done.run else done


class _Output:
    """Separates what the script says from what the flow prints."""

    def __init__(self, on_line: Callable[[Stream, str], None]) -> None:
        self.answers = Answers()
        self._on_line = on_line
        self._held: list[Stream] = []

    def receive(self, stream: Stream, line: str) -> None:
        """Hand a line over, unless it is the script's or the empty line that it puts before."""
        if self.answers.take(line):
            self._held.clear()
            return
        for held in self._held:
            self._on_line(held, "")
        self._held.clear()
        if line:
            self._on_line(stream, line)
        else:
            self._held.append(stream)
