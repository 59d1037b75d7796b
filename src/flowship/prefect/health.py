"""Asks who answers at an API address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from flowship.errors import ApiError, FlowshipError
from flowship.prefect.profiles.resolution import ApiTarget
from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    import httpx
from flowship.prefect.address import is_cloud, set_api_command


@dataclass(frozen=True)
class ServerAnswer:
    """Who answers at an API address.

    Attributes:
        kind: ``prefect`` (3 or later), ``prefect-2``, ``cloud``, ``refused`` (credentials),
            ``other`` (something that is no Prefect API), ``silent`` (nothing answers).
        version: The server's Prefect version where it tells.
        detail: What was seen, for a message.
    """

    kind: Literal["prefect", "prefect-2", "cloud", "refused", "other", "silent"]
    version: str | None = None
    detail: str = ""

    @property
    def usable(self) -> bool:
        """Whether flowship can work with it."""
        return self.kind in ("prefect", "cloud")


def ask_server(target: ApiTarget, *, timeout: float = 5.0) -> ServerAnswer:
    """Find out who answers at ``target.url``.

    Args:
        target: The API; its url must not be None.
        timeout: Seconds for each request.

    Raises:
        ConfigError: See `flowship.prefect.connection.open_client`.
    """
    from flowship.prefect.connection import NO_ANSWER, open_client

    cloud = is_cloud(target.url or "")
    try:
        with open_client(target, timeout=timeout) as client:
            if cloud:
                response = client.post("work_pools/filter", json={"limit": 1})
            else:
                response = client.get("admin/version")
            return _judged(response, cloud=cloud)
    except NO_ANSWER as exc:
        return ServerAnswer("silent", detail=_network_words(exc))


def _judged(response: httpx.Response, *, cloud: bool) -> ServerAnswer:
    status = response.status_code
    if status in (401, 403):
        return ServerAnswer("refused", detail=f"it answers HTTP {status}")
    if cloud:
        return ServerAnswer("cloud" if status == 200 else "other", detail=f"HTTP {status}")
    if response.is_redirect:
        return ServerAnswer("other", detail=f"it redirects to {response.headers.get('location')}")
    try:
        version = response.json() if status == 200 else None
    except ValueError:
        version = None
    if not isinstance(version, str) or not re.match(r"\d+\.\d+", version):
        return ServerAnswer("other", detail=f"HTTP {status} where the version was expected")
    if int(version.split(".")[0]) < 3:
        return ServerAnswer("prefect-2", version)
    return ServerAnswer("prefect", version)


def _network_words(exc: Exception) -> str:
    text = str(exc) or type(exc).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"its TLS certificate is not trusted ({text}); PREFECT_API_SSL_CERT_FILE names a CA"
    if "WRONG_VERSION_NUMBER" in text:
        return NO_HTTPS
    if "Connection refused" in text:
        return "connection refused"
    return text


NO_HTTPS = "it does not speak HTTPS"


def unusable(url: str, answer: ServerAnswer) -> FlowshipError:
    """The error for a server that cannot be worked with, in the user's terms."""
    shown = mask_addresses(url)
    if answer.kind == "prefect-2":
        return ApiError(
            f"the server at {shown} is Prefect {answer.version}; flowship works with Prefect 3",
            hint="upgrade the server, or use another one",
        )
    if answer.kind == "refused":
        return ApiError(
            f"the API at {shown} refuses the credentials: {answer.detail}",
            hint="set PREFECT_API_KEY (Prefect Cloud) or PREFECT_API_AUTH_STRING (own server)",
        )
    if answer.kind == "silent":
        return ApiError(
            f"no Prefect server answers at {shown}: {answer.detail}",
            hint=set_api_command(re.sub("^https", "http", url))
            if answer.detail == NO_HTTPS
            else "start it (`flowship up` starts one on this machine) or mend the address",
        )
    return ApiError(
        f"what answers at {shown} is no Prefect API: {answer.detail}",
        hint="the API's address usually ends in /api",
    )
