"""An HTTP client for one Prefect API: credentials, headers, certificates."""

from __future__ import annotations

import base64
import functools
import json
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flowship import __version__
from flowship.errors import ConfigError
from flowship.http_client import LIMITED, httpx
from flowship.prefect.errors import NetworkFailure

if TYPE_CHECKING:
    from flowship.prefect.profiles.resolution import ApiTarget

NO_ANSWER = (httpx.RequestError, httpx.InvalidURL)
"""What the client raises when there is no answer."""


def open_client(
    target: ApiTarget,
    *,
    timeout: httpx.Timeout | float,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return an HTTP client for the API at ``target.url``, with its credentials, CA and headers.

    Args:
        target: Where to connect; its url must not be None.
        timeout: Seconds for each request.
        transport: Replaces the network's own transport.

    Raises:
        ConfigError: The CA file cannot be read, or a header cannot be sent.
        httpx.InvalidURL: httpx cannot use the address.
    """
    return httpx.Client(
        base_url=(target.url or "").rstrip("/"),
        headers={"Accept-Encoding": "gzip", **_headers(target)},
        timeout=timeout,
        verify=_tls(target),
        transport=transport,
        **LIMITED,
    )


def network_failure(exc: Exception) -> tuple[NetworkFailure, str]:
    """Classify an exception of `NO_ANSWER`.

    Returns:
        The kind of failure, and the network's message.
    """
    text = str(exc) or type(exc).__name__
    if "WRONG_VERSION_NUMBER" in text:
        return NetworkFailure.NOT_HTTPS, text
    if _is_certificate_error(exc):
        return NetworkFailure.CERTIFICATE, text
    if isinstance(exc, httpx.TimeoutException):
        return NetworkFailure.TIMEOUT, text
    if "Connection refused" in text:
        return NetworkFailure.UNREACHABLE, "connection refused"
    return NetworkFailure.UNREACHABLE, text


def server_message(response: httpx.Response) -> str:
    """Return the server's own message from an answer of Prefect or FastAPI."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return response.reason_phrase or "no reason given"
    if not isinstance(body, dict):
        return json.dumps(body)
    detail = body.get("detail") or body.get("exception_detail") or body.get("exception_message")
    if isinstance(detail, list):
        return "; ".join(_one_detail(item) for item in detail)
    return str(detail or json.dumps(body))


def _one_detail(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(str(part) for part in item.get("loc", ()) if part != "body")
    return f"{place}: {item.get('msg')}" if place else str(item.get("msg", item))


def _is_certificate_error(exc: BaseException) -> bool:
    """Whether an untrusted certificate is among the causes of an exception."""
    below: BaseException | None = exc
    while below is not None:
        if isinstance(below, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(below):
            return True
        below = below.__cause__ or below.__context__
    return False


def _headers(target: ApiTarget) -> dict[str, str]:
    headers = {**target.headers, "User-Agent": f"flowship/{__version__}"}
    if target.key is not None:
        headers["Authorization"] = f"Bearer {target.key.get_secret_value()}"
    elif target.auth_string is not None:
        pair = base64.b64encode(target.auth_string.get_secret_value().encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    for name, value in headers.items():
        # httpx would refuse it too, but with the secret value in the message.
        if not value.isascii() or not value.isprintable() or value != value.strip():
            key = name == "Authorization" and target.key is not None
            place = "PREFECT_API_KEY" if key else f"PREFECT_CLIENT_CUSTOM_HEADERS: {name}"
            raise ConfigError(
                "the value contains a character that is not allowed in an HTTP header",
                code="api-header-invalid",
                hint="check for a space or a line break at its end",
                where=place,
            )
    return headers


def _tls(target: ApiTarget) -> ssl.SSLContext | bool:
    if not target.verify:
        return False
    return _trusted(target) if str(target.url).startswith("https:") else _OnRedirect(target)


def _trusted(target: ApiTarget) -> ssl.SSLContext:
    if not target.ca_file:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=target.ca_file)
    except OSError as exc:  # ssl.SSLError is one
        raise ConfigError(
            f'cannot read the CA file "{target.ca_file}": {exc}',
            code="api-ca-file-unreadable",
            hint="set PREFECT_API_SSL_CERT_FILE (or SSL_CERT_FILE) to a PEM file",
            where=target.ca_file,
        ) from exc


class _OnRedirect(ssl.SSLContext):
    """The TLS context for an ``http://`` address.

    Reading the certificates takes 20 ms, so they are read only if the server redirects to
    ``https://``.
    """

    _context: Callable[[], ssl.SSLContext]

    def __new__(cls, target: ApiTarget) -> _OnRedirect:
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context._context = functools.cache(functools.partial(_trusted, target))
        return context

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:  # noqa: ANN401
        return self._context().wrap_socket(*args, **options)
