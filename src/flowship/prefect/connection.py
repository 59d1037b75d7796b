"""An HTTP client for one Prefect API: credentials, headers, certificates."""

from __future__ import annotations

import base64
import functools
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx

from flowship import __version__
from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.prefect.profiles.resolution import ApiTarget


NO_ANSWER = (httpx.RequestError, httpx.InvalidURL)
"""What the client raises where there is no answer."""


def open_client(
    target: ApiTarget,
    *,
    timeout: httpx.Timeout | float,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """An HTTP client for the API at ``target.url``: address, credentials, CA and headers set.

    Args:
        target: Where to connect; its url must not be None.
        timeout: Seconds for each request.
        transport: Instead of the network's own.

    Raises:
        ConfigError: The CA file cannot be read, or a header cannot be sent.
        httpx.InvalidURL: It is no address that httpx could use.
    """
    return httpx.Client(
        base_url=(target.url or "").rstrip("/"),
        headers=_headers(target),
        timeout=timeout,
        verify=_tls(target),
        transport=transport,
    )


def _headers(target: ApiTarget) -> dict[str, str]:
    headers = {**target.headers, "User-Agent": f"flowship/{__version__}"}
    if target.key is not None:
        headers["Authorization"] = f"Bearer {target.key.get_secret_value()}"
    elif target.auth_string is not None:
        pair = base64.b64encode(target.auth_string.get_secret_value().encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    for name, value in headers.items():
        # Left to the wire, it would be refused with its value repeated.
        if not value.isascii() or not value.isprintable() or value != value.strip():
            key = name == "Authorization" and target.key is not None
            place = "PREFECT_API_KEY" if key else f"PREFECT_CLIENT_CUSTOM_HEADERS: {name}"
            raise ConfigError(
                "its value holds a character that no header can carry",
                hint="a blank or a line break at its end, perhaps",
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
            f'the CA file "{target.ca_file}" cannot be read: {exc}',
            hint="PREFECT_API_SSL_CERT_FILE (or SSL_CERT_FILE) names a PEM file",
            where=target.ca_file,
        ) from exc


class _OnRedirect(ssl.SSLContext):
    """For an ``http://`` address: the certificates, which take 20 ms to read, are read when it
    redirects to ``https://``."""

    _context: Callable[[], ssl.SSLContext]

    def __new__(cls, target: ApiTarget) -> _OnRedirect:
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context._context = functools.cache(functools.partial(_trusted, target))
        return context

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:  # noqa: ANN401
        return self._context().wrap_socket(*args, **options)
