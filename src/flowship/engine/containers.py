"""Runs a container to its end and returns what it printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import docker.errors
import requests.exceptions

from flowship.engine.client import Engine
from flowship.engine.errors import engine_errors

_CANNOT_START = 127  # the shell's code for "command not found", which this is


@dataclass(frozen=True)
class Command:
    """What to run in a container.

    Attributes:
        arguments: The command. The image's ENTRYPOINT receives it, unless `entrypoint` is given.
        entrypoint: Replaces the image's ENTRYPOINT. The command then starts in "/", and below an
            init process.
        environment: Additional environment variables.
        labels: The container's labels.
        network: Whether it may use the network.
        timeout: Seconds after which it is stopped.
    """

    arguments: Sequence[str]
    entrypoint: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    timeout: int = 60


@dataclass(frozen=True)
class Finished:
    """What a container printed and how it ended.

    Attributes:
        exit_code: None when it did not end within the timeout.
        stdout: All of it.
        stderr: The last lines.
    """

    exit_code: int | None
    stdout: str
    stderr: str


def run(engine: Engine, image_id: str, command: Command) -> Finished:
    """Run a container until it ends or its time is up, and remove it."""
    api = engine.api
    # The engine creates a missing working directory, and the caller may need to see that it is
    # missing. It is not changed for an ENTRYPOINT of the image, which may be relative to it.
    replaced = command.entrypoint is not None
    start = {"working_dir": "/", "entrypoint": list(command.entrypoint or ())} if replaced else {}
    with engine_errors("running a container"):
        container = api.create_container(
            image_id,
            command=list(command.arguments),
            environment=dict(command.environment),
            host_config=api.create_host_config(
                network_mode=None if command.network else "none", init=replaced
            ),
            labels=dict(command.labels),
            **start,
        )["Id"]
        try:
            return _listen(engine, container, command.timeout)
        finally:
            api.remove_container(container, force=True, v=True)


def _listen(engine: Engine, container: str, timeout: int) -> Finished:
    api = engine.api
    try:
        api.start(container)
    except docker.errors.APIError as exc:
        return Finished(_CANNOT_START, "", str(exc.explanation or exc))
    code: int | None = None
    with suppress(requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
        code = api.wait(container, timeout=timeout)["StatusCode"]
    stderr = api.logs(container, stdout=False, stderr=True, tail=50).decode(errors="replace")
    stdout = api.logs(container, stdout=True, stderr=False).decode(errors="replace")
    return Finished(code, stdout, stderr)
