"""Requests to Prefect's REST API over httpx: sent, repeated where that is safe, refusals explained.

Reads are repeated after a temporary failure. Changes are repeated only after 429 and 503, which
mean that Prefect did nothing (usually because its SQLite file was locked); after any other failure
the change may have been made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from flowship.errors import ApiError
from flowship.http_client import httpx
from flowship.prefect import errors
from flowship.prefect.address import is_loopback, require_address
from flowship.prefect.connection import (
    CSRF_HEADERS,
    NO_ANSWER,
    REFUSED,
    error_detail,
    network_failure,
    open_client,
)
from flowship.prefect.errors import NetworkFailure
from flowship.redaction import without_login

if TYPE_CHECKING:
    from flowship.prefect.profiles.resolution import ApiTarget

TIMEOUT = 30.0  # seconds for an answer; connecting gets a third
FIRST_ANSWER = 10.0
"""Seconds for the answer to a question, until the server has answered one: later ones may be about
much more, and only a server that hangs does not answer any."""
RETRY_WAITS = (0.3, 1.0, 3.0)  # seconds before each further try
NOTHING_DONE = (429, 503)
LONGEST_WAIT = 10.0  # seconds, whatever Retry-After says
PAGE = 200  # the server's own limit
READS = ("/filter", "/count")  # POST, yet only a question


Own = TypeVar("Own", bound="Wire")


class Wire:
    """A connection to one Prefect API, without any of its endpoints; a context manager.

    Args:
        target: The address and the credentials.
        timeout: Seconds to wait for an answer.
        transport: Replaces the network; for tests that count or break requests.
        sleep: Waits between tries.
        own_server: Whether the server that `flowship up` started at an address of this machine
            lives; None if it started none. Without this, a refused connection is tried again.

    Raises:
        ApiError: No API is set (schedules in Prefect's ephemeral profile would never run), or
            its address is invalid.
        ConfigError: See `open_client`.
    """

    def __init__(
        self,
        target: ApiTarget,
        *,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        own_server: Callable[[str], bool | None] | None = None,
    ) -> None:
        self._own_server = own_server
        if not target.url:
            raise errors.not_configured(target.source, "\n".join(target.warnings))
        require_address(target.url, target.source)
        self.url = without_login(target.url.rstrip("/"))
        self.source = target.source
        self._sleep = sleep
        self._csrf: dict[str, str] = {}
        self._waits = httpx.Timeout(timeout, connect=timeout / 3)
        self._first_wait = httpx.Timeout(min(timeout, FIRST_ANSWER), connect=timeout / 3)
        self._has_answered = False
        try:
            self._client = open_client(target, timeout=self._waits, transport=transport)
        except httpx.InvalidURL as exc:
            raise ApiError(
                f'"{self.url}" is not a valid URL: {exc}',
                code="api-url-invalid",
                where=str(self.source),
            ) from exc

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # --- requests -----------------------------------------------------------------------------

    def _must(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return self._object(self._request(method, path, body))

    def _get(self, path: str) -> dict[str, Any] | None:
        found = self._request("GET", path, missing=True)
        return None if found is None else self._object(found)

    def _object(self, found: object) -> dict[str, Any]:
        if not isinstance(found, dict) or not ("id" in found or "token" in found):
            raise self._not_prefect()
        return found

    def _list(self, method: str, path: str, body: object = None) -> list[dict[str, Any]]:
        found = self._request(method, path, body)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._not_prefect()
        return found

    def _pages(
        self, path: str, body: Mapping[str, Any], size: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._list("POST", path, {**body, "limit": size, "offset": offset})
            yield from page
            if len(page) < size:
                return
            offset += size

    def _request(
        self, method: str, path: str, body: object = None, *, missing: bool = False
    ) -> Any:  # noqa: ANN401 JSON
        response = self._response(method, path, body, missing=missing)
        if response is None or response.status_code == 204 or not response.content:
            return None
        try:
            return response.json()
        except (ValueError, RecursionError) as exc:
            raise self._not_prefect() from exc

    def _response(
        self, method: str, path: str, body: object = None, *, missing: bool = False
    ) -> httpx.Response | None:
        """The answer; None where what was asked for does not exist and may be `missing`."""
        response = self._send(method, path, body)
        if response.status_code == 403 and "CSRF" in response.text:
            self._fetch_csrf_token()
            response = self._send(method, path, body)
        if response.status_code == 404 and missing and _is_json(response):
            return None
        if response.status_code >= 400:
            raise self._refusal(method, path, response)
        return response

    def _send(self, method: str, path: str, body: object) -> httpx.Response:
        read = method == "GET" or path.endswith(READS)
        for wait in (*RETRY_WAITS, None):
            timeout = self._first_wait if read and not self._has_answered else self._waits
            try:
                response = self._client.request(
                    method,
                    path,
                    json=body,
                    headers=self._csrf,
                    follow_redirects=True,
                    timeout=timeout,
                )
            except httpx.TransportError as exc:
                if wait is None or not read or not _is_temporary(exc) or self._is_down(exc):
                    raise self._unreachable(exc) from exc
            except NO_ANSWER as exc:  # such as a redirect loop
                raise errors.not_prefect(self.url, self.source, str(exc)) from exc
            else:
                self._has_answered = True
                status = response.status_code
                again = status in NOTHING_DONE or (read and status >= 500)
                if wait is None or not again:
                    return response
                wait = max(wait, _retry_after(response))
            self._sleep(min(wait, LONGEST_WAIT))
        raise AssertionError("the last try returns or raises")

    def _fetch_csrf_token(self) -> None:
        """Get the token that a server with CSRF protection requires for changes."""
        client = str(uuid4())
        token = self._must("GET", f"/csrf-token?client={client}")
        self._csrf = dict(zip(CSRF_HEADERS, (token["token"], client), strict=True))

    # --- errors -------------------------------------------------------------------------------

    def _is_down(self, exc: httpx.TransportError) -> bool:
        """Whether nothing listens at an address of this machine, and nothing is about to: a server
        of `flowship up` that starts, or one that answered before and restarts, may be soon."""
        refused = network_failure(exc)[1] == REFUSED
        if self._own_server is None or self._has_answered or not refused:
            return False
        return is_loopback(self.url) and not self._own_server(self.url)

    def _unreachable(self, exc: httpx.TransportError) -> ApiError:
        failure, detail = network_failure(exc)
        here = self._own_server if detail == REFUSED and is_loopback(self.url) else None
        if here and here(self.url) is False:
            detail += "; the process of the server that `flowship up` started has ended"
        return errors.no_answer(self.url, failure, detail, self.source)

    def _refusal(self, method: str, path: str, response: httpx.Response) -> ApiError:
        status, detail = response.status_code, error_detail(response)
        request = f"{method} {path.split('?')[0]}"
        if status == 401:
            return errors.credentials_rejected(self.url, detail, self.source)
        if status == 403:
            return errors.permission_denied(self.url, request, detail, self.source)
        if status == 404 and not _is_json(response):
            return self._not_prefect()
        return errors.request_refused(status, request, detail, self.source)

    def _not_prefect(self) -> ApiError:
        return errors.not_prefect(self.url, self.source)


def _is_temporary(exc: httpx.TransportError) -> bool:
    """Whether another try could succeed at once; not after a long wait or with a wrong address."""
    lasting = (NetworkFailure.CERTIFICATE, NetworkFailure.NOT_HTTPS)
    return (
        not isinstance(exc, httpx.TimeoutException | httpx.UnsupportedProtocol)
        and network_failure(exc)[0] not in lasting
    )


def _retry_after(response: httpx.Response) -> float:
    try:
        return float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0


def _is_json(response: httpx.Response) -> bool:
    return "json" in response.headers.get("content-type", "")


def path_part(text: str) -> str:
    """Quote a name for use as one segment of a path."""
    return quote(text, safe="")
