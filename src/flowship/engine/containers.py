"""Runs a container to its end and returns what it printed."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import docker.errors
import requests.exceptions

from flowship.engine.client import LABEL, Engine
from flowship.engine.errors import engine_errors
from flowship.project import owner

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
        files: Path in the container → the content of a file that every user may read.
    """

    arguments: Sequence[str]
    entrypoint: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    timeout: int = 60
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """What a container printed and how it ended.

    Attributes:
        exit_code: None when it did not end within the timeout.
        stdout: All of it.
        stderr: The last lines.
        out_of_memory: Whether the engine says that the memory ran out.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    out_of_memory: bool = False


OWNER = f"{LABEL}.owner"
"""Label: the process that waits for the container."""

UNTIL = f"{LABEL}.until"
"""Label: the time (seconds since 1970) after which no process waits for the container."""

_MARGIN = 600  # seconds that the clocks of two machines with one engine may differ


def sweep(engine: Engine) -> None:
    """Remove the containers of processes that were killed before they could do it themselves."""
    for container in orphans(engine):
        remove(engine, container)


def orphans(engine: Engine) -> list[str]:
    """The containers of processes that were killed before they could remove them."""
    with engine_errors("listing containers"):
        listed = engine.api.containers(all=True, filters={"label": OWNER})
    return [str(each["Id"]) for each in listed if _is_orphan(each["Labels"])]


def remove(engine: Engine, container: str) -> None:
    """Remove a container, if it still exists."""
    with (
        engine_errors("removing a container"),
        suppress(docker.errors.APIError),  # another command removes it at this moment
    ):
        engine.api.remove_container(container, force=True, v=True)


def _is_orphan(labels: Mapping[str, str]) -> bool:
    with suppress(ValueError):
        if time.time() > float(labels.get(UNTIL, "inf")):
            return True
    return owner.has_ended(labels[OWNER])


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
            labels={**command.labels, **owner_labels(command.timeout)},
            **start,
        )["Id"]
        try:
            if command.files:
                api.put_archive(container, "/", archive(command.files))
            return _listen(engine, container, command.timeout)
        finally:
            api.remove_container(container, force=True, v=True)


def owner_labels(timeout: int | None = None) -> dict[str, str]:
    """The labels by which `sweep` knows whether a process still waits for a container.

    Args:
        timeout: Seconds after which none does; None if there is no limit.
    """
    ours = {OWNER: owner.own()}
    return ours | ({UNTIL: f"{time.time() + timeout + _MARGIN:.0f}"} if timeout else {})


def archive(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of these files: path → content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


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
    state = api.inspect_container(container)["State"]
    return Finished(code, stdout, stderr, bool(state.get("OOMKilled")))
