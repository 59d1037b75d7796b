"""Runs a container and hands over what it prints while it runs."""

from __future__ import annotations

import codecs
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

import docker.errors
import requests.exceptions
from docker.models.containers import ContainerCollection

from flowship.engine import containers
from flowship.engine.client import Engine
from flowship.engine.errors import engine_errors

GRACE_SECONDS = 10
"""How long an interrupted process may take to end itself."""


class Stream(Enum):
    """Where a container printed a line."""

    STDOUT = 1
    STDERR = 2


@dataclass(frozen=True)
class Attached:
    """What to run in a container.

    Attributes:
        command: The image's ENTRYPOINT receives it.
        arguments: Further arguments of docker-py's ``containers.create``: environment, volumes,
            network_mode, mem_limit, …
        networks: The networks to connect to.
        files: Path in the container → the content of a file that every user may read.
    """

    command: Sequence[str]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    networks: Sequence[str] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a container ended.

    Attributes:
        exit_code: Its exit code.
        out_of_memory: Whether the engine ended it for its memory.
    """

    exit_code: int
    out_of_memory: bool = False


def run(
    engine: Engine, image_id: str, attached: Attached, on_line: Callable[[Stream, str], None]
) -> Ended:
    """Run a container to its end, and remove it.

    At Ctrl-C, its process gets the same signal and some seconds to end itself.

    Args:
        engine: The container engine.
        image_id: The image.
        attached: What to run.
        on_line: Receives each line when it is complete.

    Raises:
        EngineError: The engine refuses to create or to start the container.
    """
    api = engine.api
    arguments = dict(attached.arguments)
    labels = {**arguments.pop("labels", {}), **containers.owner_labels()}
    if attached.networks:
        arguments["network"] = attached.networks[0]
    with engine_errors("running a container"):
        client: Any = SimpleNamespace(
            api=api
        )  # all that creating a container needs of a DockerClient
        create = ContainerCollection(client).create
        created = create(image_id, list(attached.command), labels=labels, **arguments)
        container = str(created.id)
        try:
            for network in attached.networks[1:]:
                api.connect_container_to_network(container, network)
            if attached.files:
                api.put_archive(container, "/", containers.archive(attached.files))
            # Attached before it starts, so that the first line is not missed.
            output = api.attach(container, stream=True, demux=True)
            api.start(container)
            for stream, line in lines(output):
                on_line(stream, line)
            code = api.wait(container)["StatusCode"]
            state = api.inspect_container(container)["State"]
            return Ended(code, bool(state.get("OOMKilled")))
        except KeyboardInterrupt:
            _interrupt(engine, container)
            raise
        finally:
            api.remove_container(container, force=True, v=True)


def _interrupt(engine: Engine, container: str) -> None:
    """Send Ctrl-C to a container's process and wait for its end, as far as the engine answers."""
    with suppress(docker.errors.DockerException, requests.exceptions.RequestException):
        engine.api.kill(container, signal.SIGINT)
        engine.api.wait(container, timeout=GRACE_SECONDS)


def lines(output: Iterable[tuple[bytes | None, bytes | None]]) -> Iterator[tuple[Stream, str]]:
    """The complete lines in the pieces of two streams; what is not UTF-8 is replaced."""
    decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in Stream}
    rest = dict.fromkeys(Stream, "")
    for pieces in output:
        for stream, piece in zip(Stream, pieces, strict=True):
            *complete, rest[stream] = (rest[stream] + decoders[stream].decode(piece or b"")).split(
                "\n"
            )
            yield from ((stream, line.rstrip("\r")) for line in complete)
    for stream in Stream:
        last = rest[stream] + decoders[stream].decode(b"", final=True)
        if last:
            yield stream, last
