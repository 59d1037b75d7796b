"""Reaching the container engine, and telling its failures in the user's words.

The lowest of the modules that know docker-py; the others are `flowship.image`,
`flowship.probe.container` and `flowship.push`. What docker-py raises leaves them as
`flowship.errors`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.context import ContextAPI

from flowship import registry
from flowship.errors import EngineError
from flowship.registry import Credentials, Reference

LABEL = "io.flowship"  # what the labels begin with that flowship writes on images and containers
STREAM_TIMEOUT = 900  # seconds an engine may stay silent, for instance while it commits a layer


@dataclass(frozen=True)
class Engine:
    """A container engine that answered.

    Attributes:
        api: docker-py's low-level client.
        version: The engine's own version.
        platform: What it builds for by default, as "linux/amd64".
        address: Where it listens.
    """

    api: Any  # docker.APIClient: its stubs lack the calls that a raw build needs
    version: str
    platform: str
    address: str


def connect(environ: Mapping[str, str] = os.environ) -> Engine:
    """Reach the engine that the Docker CLI would: DOCKER_HOST, else the current context.

    Raises:
        EngineError: None answers, with what to do about it.
        ConfigError: docker's configuration cannot be read, which is no fault of the engine's.
    """
    _refuse_missing_context(environ, registry.docker_config(environ).get("currentContext"))
    try:
        client = docker.from_env(timeout=30, environment=dict(environ), use_ssh_client=True)
        about = client.api.version()
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        OSError,
        ValueError,  # a port that is none
    ) as exc:
        raise _no_engine(str(exc), environ) from exc
    client.api.timeout = STREAM_TIMEOUT
    return Engine(
        client.api,
        about.get("Version", "unknown"),
        f"{about.get('Os', 'linux')}/{about.get('Arch', 'amd64')}",
        environ.get("DOCKER_HOST") or client.api.base_url,
    )


def _refuse_missing_context(environ: Mapping[str, str], configured: str | None) -> None:
    """docker-py silently falls back to the default socket when the named context is gone."""
    name = environ.get("DOCKER_CONTEXT") or configured or "default"
    if environ.get("DOCKER_HOST"):
        return
    try:
        found = ContextAPI.get_context(name)
    except Exception as exc:  # docker-py raises that itself for a damaged meta.json
        raise EngineError(
            f"the Docker context {name} cannot be read: {exc}",
            hint="`docker context ls` shows them",
        ) from exc
    if found is None:
        raise EngineError(
            f"the Docker context {name} does not exist",
            hint="`docker context ls` shows them, `docker context use default` goes back",
        )


def _no_engine(text: str, environ: Mapping[str, str]) -> EngineError:
    host = environ.get("DOCKER_HOST") or "the default socket"
    if "Permission denied" in text or "PermissionError" in text:
        return EngineError(
            f"the container engine at {host} does not let this user in",
            hint="`sudo usermod -aG docker $USER`, then log in again",
        )
    if "paramiko" in text:
        return EngineError(
            f"the container engine at {host} is reached by ssh, which needs a further package",
            hint="`pip install paramiko` into the environment that flowship runs in",
        )
    if "Invalid bind address" in text or "Port out of range" in text:
        return EngineError(
            f"{host} is not an engine's address",
            hint="unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host",
            where="DOCKER_HOST",
        )
    if "API versions below" in text or "client version" in text:
        return EngineError(f"the container engine at {host} is too old or too new: {text}")
    return EngineError(
        f"no container engine answers at {host}",
        hint="start Docker (`sudo systemctl start docker`, or Docker Desktop); on a machine "
        "without one, `sudo apt-get install docker.io`; for Podman set DOCKER_HOST",
        details=text,
    )


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Translate what docker-py raises while `doing`; our own errors pass."""
    try:
        yield
    except docker.errors.APIError as exc:
        raise EngineError(f"the engine failed while {doing}: {exc.explanation or exc}") from exc
    except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
        raise EngineError(
            f"the engine stopped answering while {doing}",
            hint="is it still running? `docker version` tells",
            details=str(exc),
        ) from exc


def look_up(engine: Engine, reference: str) -> dict[str, Any] | None:
    """An image as the engine describes it; None when it has no such image."""
    with engine_errors(f"looking for {reference}"):
        try:
            found: dict[str, Any] = engine.api.inspect_image(reference)
        except docker.errors.ImageNotFound:
            return None
        except docker.errors.APIError as exc:
            if "invalid reference format" in str(exc.explanation):  # nothing is called that
                return None
            raise
        return found


def working_directory(engine: Engine, reference: str) -> str | None:
    """The WORKDIR of an image that the engine has; None when it has not."""
    found = look_up(engine, reference)
    return (found["Config"].get("WorkingDir") or "/") if found else None


# --- registries, through the engine --------------------------------------------------------------


def auth(target: Reference, credentials: Credentials | None) -> dict[str, str] | None:
    """What the engine shows the registry."""
    return credentials.auth_config(target.registry) if credentials else None


@contextmanager
def registry_errors(
    target: Reference | str, doing: registry.Doing, credentials: Credentials | None
) -> Iterator[None]:
    """Translate a registry's refusal that the engine passes on as its own HTTP error."""
    with engine_errors(f"doing the {doing}"):
        try:
            yield
        except docker.errors.APIError as exc:
            raise registry.translate(
                str(exc.explanation or exc),
                target,
                status=exc.status_code,
                doing=doing,
                credentials=credentials,
            ) from exc


def verify_login(engine: Engine, registry_host: str, credentials: Credentials) -> str:
    """Ask the registry, through the engine, whether it accepts `credentials`.

    Returns:
        The identity token that some registries give instead; else an empty string.

    Raises:
        RegistryError: It does not accept them, or does not answer.
    """
    with registry_errors(registry_host, "login", credentials):
        answer = engine.api.login(
            credentials.username,
            credentials.password.get_secret_value(),
            registry=registry.server_address(registry_host),
            reauth=True,
        )
    return str(answer.get("IdentityToken") or "")
