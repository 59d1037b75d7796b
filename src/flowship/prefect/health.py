"""Find out which server responds at an API address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from flowship.errors import ApiError
from flowship.prefect import errors, versions
from flowship.prefect.address import is_cloud
from flowship.prefect.errors import NetworkFailure
from flowship.prefect.profiles.resolution import ApiTarget
from flowship.prefect.source import Source

if TYPE_CHECKING:
    from flowship.http_client import httpx

VERSION_PATH = "/admin/version"


class AnswerKind(str, Enum):
    """What answers at an address; if nothing does, a `NetworkFailure` says why."""

    PREFECT = "prefect"
    CLOUD = "cloud"
    UNSUPPORTED = "unsupported-version"  # Prefect, too old or of another major version.
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    OTHER = "other"  # Not a Prefect API.


@dataclass(frozen=True)
class ServerAnswer:
    """Which server answers at an API address.

    Attributes:
        kind: What answers, or why nothing does.
        version: The server's Prefect version, if it reports one.
        detail: What was seen, for a message.
    """

    kind: AnswerKind | NetworkFailure
    version: str | None = None
    detail: str = ""

    @property
    def usable(self) -> bool:
        """Whether flowship can work with it."""
        return self.kind in (AnswerKind.PREFECT, AnswerKind.CLOUD)

    @property
    def silent(self) -> bool:
        """Whether nothing answers."""
        return isinstance(self.kind, NetworkFailure)


def ask_server(target: ApiTarget, *, timeout: float = 5.0) -> ServerAnswer:
    """Ask the server at ``target.url`` for its version.

    Args:
        target: The API; its url must not be None.
        timeout: Seconds for each request.

    Raises:
        ConfigError: See `flowship.prefect.connection.open_client`.
    """
    from flowship.prefect.connection import NO_ANSWER, network_failure, open_client

    cloud = is_cloud(target.url or "")
    try:
        with open_client(target, timeout=timeout) as client:
            if cloud:
                response = client.post("work_pools/filter", json={"limit": 1})
            else:
                response = client.get(VERSION_PATH)
            return _answer(response, cloud=cloud)
    except NO_ANSWER as exc:
        failure, detail = network_failure(exc)
        return ServerAnswer(failure, detail=detail)


def _answer(response: httpx.Response, *, cloud: bool) -> ServerAnswer:
    status = response.status_code
    if status == 401:
        return ServerAnswer(AnswerKind.UNAUTHORIZED, detail="HTTP 401")
    if status == 403:
        return ServerAnswer(AnswerKind.FORBIDDEN, detail="HTTP 403")
    if cloud:
        kind = AnswerKind.CLOUD if status == 200 else AnswerKind.OTHER
        return ServerAnswer(kind, detail=f"HTTP {status}")
    if response.is_redirect:
        target = response.headers.get("location")
        return ServerAnswer(AnswerKind.OTHER, detail=f"it redirects to {target}")
    try:
        version = response.json() if status == 200 else None
    except (ValueError, RecursionError):
        version = None
    if not isinstance(version, str) or not re.match(r"\d+\.\d+", version):
        return ServerAnswer(AnswerKind.OTHER, detail=f"HTTP {status} without a Prefect version")
    supported = versions.is_supported_server(version)
    return ServerAnswer(AnswerKind.PREFECT if supported else AnswerKind.UNSUPPORTED, version)


def unusable(url: str, answer: ServerAnswer, source: Source | None = None) -> ApiError:
    """Return the error for a server that flowship cannot work with.

    Args:
        url: The API's address.
        answer: Who answered there.
        source: Where the address was found, if it is not an argument of the command.
    """
    if answer.kind is AnswerKind.UNSUPPORTED:
        return errors.unsupported_version(url, answer.version or "", source)
    if answer.kind is AnswerKind.UNAUTHORIZED:
        return errors.credentials_rejected(url, answer.detail, source)
    if answer.kind is AnswerKind.FORBIDDEN:
        return errors.permission_denied(url, f"GET {VERSION_PATH}", answer.detail, source)
    if isinstance(answer.kind, NetworkFailure):
        return errors.no_answer(url, answer.kind, answer.detail, source)
    return errors.not_prefect(url, source, answer.detail)
