"""The errors of a Prefect API that does not respond, is not one, or refuses a request."""

from __future__ import annotations

from enum import Enum

from flowship.errors import ApiError
from flowship.prefect.address import fix_hint, is_cloud, is_loopback
from flowship.prefect.command import set_api_command, up_command
from flowship.prefect.source import Source
from flowship.redaction import mask_addresses


class ConflictError(ApiError):
    """The object exists already, or another client changed it at the same time."""

    code = "api-conflict"


class GoneError(ConflictError):
    """Another client deleted the object in the meantime."""

    code = "api-object-not-found"


class NetworkFailure(str, Enum):
    """Why there was no answer."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    CERTIFICATE = "certificate"
    NOT_HTTPS = "not-https"


def not_configured(source: Source, details: str = "", instead: str = "") -> ApiError:
    """Return the error for a command that needs an API when no address is set.

    Args:
        source: Where it would be.
        details: More about it.
        instead: What to do before anything else, such as to choose an environment.
    """
    hint = f"`flowship up` starts a local server; `{set_api_command()}` uses yours"
    return ApiError(
        "no Prefect API is set; without a server, no schedule would ever run",
        code="api-not-configured",
        hint=f"{instead}; or without one: {hint}" if instead else hint,
        where=str(source),
        details=details,
    )


def no_answer(
    url: str, failure: NetworkFailure, detail: str, source: Source | None = None
) -> ApiError:
    """Return the error for an API that cannot be reached.

    Args:
        url: The API's address; a login in it is masked.
        failure: What kind of failure it was.
        detail: The network's message.
        source: Where the address was found, if it is not an argument of the command.
    """
    shown, where = mask_addresses(url), str(source or "")
    if failure is NetworkFailure.NOT_HTTPS:
        return ApiError(
            f"the server at {shown} does not use HTTPS",
            code="api-not-https",
            hint=f"if you trust it, {fix_hint(source, url.replace('https://', 'http://', 1))}",
            where=where,
        )
    if failure is NetworkFailure.CERTIFICATE:
        return ApiError(
            f"the TLS certificate of {shown} is not trusted: {detail}",
            code="api-certificate-untrusted",
            hint="set PREFECT_API_SSL_CERT_FILE to your organization's CA file",
            where=where,
        )
    if failure is NetworkFailure.TIMEOUT:
        return ApiError(
            f"the Prefect API at {shown} is not responding: timed out",
            code="api-timeout",
            hint="if `flowship up` started it, restart it:"
            f" `{up_command('down')}`, then `{up_command()}`"
            if is_loopback(url)
            else "check the address and the network; `flowship profile show` shows the address",
            where=where,
        )
    return ApiError(
        f"the Prefect API at {shown} is not responding: {detail}",
        code="api-unreachable",
        hint=f"`{up_command()}` starts a local server"
        if is_loopback(url)
        else "check the address and the network; `flowship profile show` shows the address",
        where=where,
    )


def credentials_rejected(url: str, detail: str, source: Source | None = None) -> ApiError:
    """Return the error for HTTP 401."""
    return ApiError(
        f"the Prefect API at {mask_addresses(url)} rejected the credentials: {detail}",
        code="api-credentials-rejected",
        hint="set PREFECT_API_KEY (Prefect Cloud) or PREFECT_API_AUTH_STRING (your own server)",
        where=str(source or ""),
    )


def permission_denied(
    url: str, request: str, detail: str, source: Source | None = None
) -> ApiError:
    """Return the error for HTTP 403."""
    return ApiError(
        f"the Prefect API at {mask_addresses(url)} denied {request}: {detail}",
        code="api-permission-denied",
        hint="check that your API key belongs to this workspace and has the permission",
        where=str(source or ""),
    )


def not_prefect(url: str, source: Source | None = None, detail: str = "") -> ApiError:
    """Return the error for a server that is not a Prefect API."""
    if url.endswith("/api") or is_cloud(url):
        hint = f"check the address; to change it, {fix_hint(source)}"
    elif source is None:  # The address with /api was tried already.
        hint = "the address of a Prefect API usually ends in /api"
    else:
        hint = (
            f"the address of a Prefect API usually ends in /api: {fix_hint(source, url + '/api')}"
        )
    return ApiError(
        f"the server at {mask_addresses(url)} is not a Prefect API{detail and f': {detail}'}",
        code="api-not-prefect",
        hint=hint,
        where=str(source or ""),
    )


def unsupported_version(url: str, version: str, source: Source | None = None) -> ApiError:
    """Return the error for a server that is too old, or of another major version."""
    return ApiError(
        f"the server at {mask_addresses(url)} is Prefect {version}; flowship needs Prefect 3.2 or"
        " a later 3.x",
        code="api-version-unsupported",
        hint=f"upgrade the server; to use another one, {fix_hint(source)}",
        where=str(source or ""),
    )


def request_refused(status: int, request: str, detail: str, source: Source) -> ApiError:
    """Return the error for any other HTTP status from 400 on."""
    if status == 409:
        return ConflictError(f"{request} conflicts with the state of the server: {detail}")
    if status == 404:
        return GoneError(
            f"the Prefect API did not find the object of {request}: {detail}",
            hint="it may have been deleted in the meantime; run the command again",
        )
    if status in (400, 422):
        return ApiError(f"the Prefect API rejected {request}: {detail}", code="api-request-invalid")
    return ApiError(
        f"the Prefect API failed at {request} with HTTP {status}: {detail}",
        code="api-server-error",
        hint="try again; if it fails again, check the server's log",
        where=str(source),
    )
