"""An HTTP client for one Prefect API: credentials, headers, certificates."""

from __future__ import annotations

import base64
import functools
import json
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flowship import __version__
from flowship.errors import ConfigError
from flowship.http_client import LIMITED, httpx
from flowship.prefect import waiting
from flowship.prefect.command import set_api_command
from flowship.prefect.errors import NetworkFailure
from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    from flowship.prefect.profiles.resolution import ApiTarget

NO_ANSWER = (httpx.RequestError, httpx.InvalidURL)
"""What the client raises when there is no answer."""

REFUSED = "connection refused"
"""The message of `network_failure` where nothing listens at the address."""

CSRF_HEADERS = ("Prefect-Csrf-Token", "Prefect-Csrf-Client")
"""What a server with CSRF protection requires for changes: the token, and who asked for it."""


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
        ConfigError: The CA file cannot be read, a header cannot be sent, or the profile's
            credentials would go to an address that only the project's files name.
        httpx.InvalidURL: httpx cannot use the address.
    """
    if target.misdirected:
        raise _misdirected(target)
    own = _headers(target)
    client = _Client(
        base_url=(target.url or "").rstrip("/"),
        headers={"Accept-Encoding": "gzip", **own},
        timeout=timeout,
        verify=_tls(target),
        transport=transport,
        **LIMITED,
    )
    client.event_hooks["request"].append(functools.partial(_keep_from_others, client.base_url, own))
    return client


class _Client(httpx.Client):
    """A client that says what it is waiting for."""

    def send(self, *args: Any, **options: Any) -> httpx.Response:  # noqa: ANN401 as in httpx
        """Send a request; the answer can take long."""
        with waiting.answer(mask_addresses(str(self.base_url).rstrip("/"))):
            return super().send(*args, **options)


def _misdirected(target: ApiTarget) -> ConfigError:
    names = " and ".join(target.misdirected)
    url = mask_addresses(target.url or "")
    return ConfigError(
        f'{names} of the profile "{target.profile}" would be sent to {url}, which is not the'
        " profile's server: the address is only in the project's files",
        code="api-credentials-misdirected",
        hint=f"if you trust the address, {_consent(target, url)}",
        where=str(target.source),
    )


def _consent(target: ApiTarget, url: str) -> str:
    """The way to use the address: with credentials given for it, or as a profile's own."""
    given = " and ".join(f"`export {name}=…`" for name in target.misdirected)
    return f"use {given} for it, or store it in a profile: `{set_api_command(url)}`"


def _keep_from_others(api: httpx.URL, own: Mapping[str, str], request: httpx.Request) -> None:
    """Remove the credentials from a request that a redirect sends to another server. httpx removes
    only the Authorization header, and custom headers often hold a token for a proxy."""
    if _is_same_server(api, request.url):
        return
    for name in (*own, *CSRF_HEADERS):
        if name.lower() != "user-agent":
            request.headers.pop(name, None)


def _is_same_server(api: httpx.URL, other: httpx.URL) -> bool:
    """Whether a redirect stays on the server, as httpx decides: an upgrade to HTTPS does."""
    if api.host != other.host:
        return False
    ports = {"http": 80, "https": 443}
    ends = [(url.scheme, url.port or ports.get(url.scheme)) for url in (api, other)]
    return ends[0] == ends[1] or ends == [("http", 80), ("https", 443)]


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
        return NetworkFailure.UNREACHABLE, REFUSED
    return NetworkFailure.UNREACHABLE, text


def error_detail(response: httpx.Response) -> str:
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
