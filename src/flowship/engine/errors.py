"""Translates what docker-py raises into flowship's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions

from flowship import registry
from flowship.errors import EngineError
from flowship.registry import Credentials, Reference


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Translate what docker-py raises while `doing`; flowship's own errors pass through."""
    try:
        yield
    except docker.errors.APIError as exc:
        raise EngineError(f"the engine failed while {doing}: {exc.explanation or exc}") from exc
    except (docker.errors.DockerException, requests.exceptions.RequestException) as exc:
        raise EngineError(
            f"the engine stopped responding while {doing}",
            code="engine-connection-lost",
            hint="check that it is still running: `docker version`",
            details=str(exc),
        ) from exc


@contextmanager
def registry_errors(
    target: Reference | str, doing: registry.Doing, credentials: Credentials | None
) -> Iterator[None]:
    """Translate a registry's refusal, which the engine passes on as its own HTTP error."""
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
