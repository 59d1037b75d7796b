"""Connects to the container engine that the Docker CLI would use."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.context import ContextAPI
from docker.utils import kwargs_from_env

from flowship import registry
from flowship.errors import EngineError

LABEL = "io.flowship"  # the prefix of the labels that flowship writes on images and containers
STREAM_TIMEOUT = 900  # seconds an engine may stay silent, for example while it commits a layer


@dataclass(frozen=True)
class Engine:
    """A container engine that answered.

    Attributes:
        api: docker-py's low-level client; only the modules of this folder use it.
        version: The engine's own version.
        platform: What it builds for by default, as "linux/amd64".
        address: Where it listens.
    """

    api: Any  # docker.APIClient: its stubs lack the calls that a raw build needs
    version: str
    platform: str
    address: str

    @property
    def is_remote(self) -> bool:
        """Whether the engine runs on another machine, whose localhost is not this one's."""
        host = re.match(r"(?:tcp|ssh|https?)://(?:[^/@]*@)?(\[[^\]]*\]|[^:/]*)", self.address)
        return bool(host) and not registry.is_loopback(host[1] if host else "")


def connect(environ: Mapping[str, str] = os.environ) -> Engine:
    """Connect to the engine that the Docker CLI would use: DOCKER_HOST, else the current context.

    Raises:
        EngineError: No engine answers; the hint says what to do about it.
        ConfigError: docker's configuration cannot be read, which is not the engine's fault.
    """
    _refuse_missing_context(environ, registry.docker_config(environ).get("currentContext"))
    try:
        parameters = kwargs_from_env(environment=dict(environ))
        if "base_url" not in parameters:
            parameters |= ContextAPI.kwargs_from_context(environment=dict(environ))
        client = _Client(timeout=30, use_ssh_client=True, **parameters)
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        OSError,
        ValueError,  # a port that is not a number
    ) as exc:
        raise _no_engine(str(exc), environ) from exc
    client.timeout = STREAM_TIMEOUT
    return Engine(
        client,
        client.about.get("Version", "unknown"),
        f"{client.about.get('Os', 'linux')}/{client.about.get('Arch', 'amd64')}",
        environ.get("DOCKER_HOST") or client.base_url,
    )


def connect_in_background() -> Callable[[], Engine]:
    """Connect in a thread; the returned function waits for the engine, and raises its error.

    The thread ends with the process, so that Ctrl-C does not wait for an engine.
    """
    done: SimpleQueue[Engine | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            done.put(connect())
        except BaseException as exc:  # noqa: BLE001 raised again by `result`
            done.put(exc)

    def result() -> Engine:
        found = done.get()
        if isinstance(found, BaseException):
            raise found
        return found

    Thread(target=run, daemon=True, name="connect to the engine").start()
    return result


class _Client(docker.APIClient):
    """Keeps what the engine says about itself when docker-py asks for the API's version.

    Attributes:
        about: The answer of ``GET /version``.
    """

    about: dict[str, str]

    def version(self, api_version: bool = True) -> dict[str, str]:
        """Ask for the engine's version and platform."""
        self.about = super().version(api_version)
        return self.about


def _refuse_missing_context(environ: Mapping[str, str], configured: str | None) -> None:
    """docker-py silently falls back to the default socket when the named context is missing."""
    name = environ.get("DOCKER_CONTEXT") or configured or "default"
    if environ.get("DOCKER_HOST"):
        return
    try:
        found = ContextAPI.get_context(name)
    except Exception as exc:  # docker-py raises a bare Exception for a damaged meta.json
        raise EngineError(
            f"cannot read the Docker context {name}: {exc}",
            code="docker-context-unreadable",
            hint="`docker context ls` lists the contexts",
        ) from exc
    if found is None:
        raise EngineError(
            f"the Docker context {name} does not exist",
            code="docker-context-not-found",
            hint="`docker context ls` lists the contexts;"
            " `docker context use default` switches back to the default",
        )


def _no_engine(text: str, environ: Mapping[str, str]) -> EngineError:
    host = environ.get("DOCKER_HOST") or "the default socket"
    if "Permission denied" in text or "PermissionError" in text:
        return EngineError(
            f"no permission to use the container engine at {host}",
            code="engine-permission-denied",
            hint="run `sudo usermod -aG docker $USER`, then log in again",
        )
    if "paramiko" in text:
        return EngineError(
            f"connecting to the container engine at {host} over SSH needs another package",
            code="ssh-support-missing",
            hint="run `pip install paramiko` in flowship's environment",
        )
    if "Invalid bind address" in text or "Port out of range" in text:
        return EngineError(
            f"{host} is not a valid engine address",
            code="invalid-docker-host",
            hint="use unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host",
            where="DOCKER_HOST",
        )
    if "API versions below" in text or "client version" in text:
        return EngineError(
            f"the container engine at {host} is too old or too new: {text}",
            code="engine-version-unsupported",
        )
    return EngineError(
        f"cannot connect to a container engine at {host}",
        code="engine-unreachable",
        hint="start Docker (`sudo systemctl start docker`, or Docker Desktop); if it is not "
        "installed, run `sudo apt-get install docker.io`; for Podman set DOCKER_HOST",
        details=text,
    )
