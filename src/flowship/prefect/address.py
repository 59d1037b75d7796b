"""The address of a Prefect API: its form, and the common mistakes in it."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from flowship.errors import ApiError, UsageError
from flowship.prefect.command import set_api_command
from flowship.prefect.source import Source, SourceKind
from flowship.redaction import mask_addresses

LOCAL_URL = "http://127.0.0.1:4200/api"
"""The default address of a local Prefect server."""

# The first path segments of the Prefect UI's pages (of 3.x, and /v2 of its rewrite).
_UI_PAGES = {
    *("dashboard", "runs", "flow-runs", "task-runs", "flows", "flow", "deployments", "deployment"),
    *("work-pools", "work-pool", "work-queues", "blocks", "variables", "automations", "events"),
    *("settings", "concurrency-limits", "artifacts", "login", "v2", "docs"),
}


def require_address(url: str, source: Source) -> None:
    """Validate an address from Prefect's settings.

    Args:
        url: The address.
        source: Where it was found.

    Raises:
        ApiError: No client could use it; the message says why.
    """
    if reason := _invalid_reason(url):
        raise ApiError(
            f'"{_shown(url)}" is not a valid URL: {reason}',
            code="api-url-invalid",
            hint=fix_hint(source),
            where=str(source),
        )


def check_url(url: str) -> str:
    """Validate an address that a user typed, and remove its trailing slashes.

    An address without ``/api`` at its end passes: only asking the server can tell.

    Returns:
        The address to use.

    Raises:
        UsageError: No API client could use it; the hint has the right address.
    """
    url = url.strip()
    url = url.rstrip("/") if not url.endswith("://") else url
    parts = _split(url)
    host = parts.hostname or ""
    if host in ("0.0.0.0", "::", "0"):
        raise UsageError(
            f"{host} is an address that a server listens on, not one to connect to",
            code="api-url-listen-address",
            hint=fix_hint(None, url.replace(parts.netloc, _with_host(parts, "127.0.0.1"), 1)),
        )
    if is_cloud(url):
        _check_cloud(url, parts)
    else:
        _check_not_page(url, parts)
    return url


def _split(url: str) -> SplitResult:
    """Take an address apart, or raise UsageError if it is not one."""
    with_scheme = f"http://{url}"
    if "://" not in url and not _invalid_reason(with_scheme):
        raise UsageError(
            f'"{_shown(url)}" has no scheme',
            code="api-url-invalid",
            hint=fix_hint(None, with_scheme),
        )
    if reason := _invalid_reason(url):
        raise UsageError(
            f'"{_shown(url)}" is not a valid URL: {reason}',
            code="api-url-invalid",
            hint=fix_hint(None, LOCAL_URL),
        )
    return urlsplit(url)


def _invalid_reason(url: str) -> str:
    """Return why no client could use `url`; empty if one can."""
    if re.search(r"[\s\x00-\x1f\x7f<>\"{}|\\^`]", url):
        return "it contains an invalid character"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "its host is invalid"
    if parts.scheme not in ("http", "https") or "://" not in url:
        return "it does not start with http:// or https://"
    try:
        _ = parts.port
    except ValueError:
        return "its port is not a number between 0 and 65535"
    return "" if parts.hostname else "it has no host"


def _shown(url: str) -> str:
    """Mask the login in an address, even if a space or a missing scheme would hide it."""
    url = re.sub(r"[\s\x00-\x1f\x7f]", "␣", url)
    if "://" in url:
        return mask_addresses(url)
    return mask_addresses(f"http://{url}").removeprefix("http://")


def _check_not_page(url: str, parts: SplitResult) -> None:
    if parts.query or parts.fragment:
        plain = _root(parts) + parts.path.rstrip("/")
        is_page = _is_ui(parts) or not parts.path.strip("/")
        raise UsageError(
            f"{mask_addresses(url)} is not an API address: it has a query or fragment (? or #)",
            code="api-url-web-page",
            hint=fix_hint(None, _root(parts) + "/api" if is_page else plain),
        )
    if _is_ui(parts):
        raise UsageError(
            f"{mask_addresses(url)} is a page of the Prefect UI, not the API",
            code="api-url-web-page",
            hint=fix_hint(None, _root(parts) + "/api"),
        )


def _check_cloud(url: str, parts: SplitResult) -> None:
    found = re.search(r"/accounts?/([^/]+)/workspaces?/([^/]+)", parts.path)
    if not found:
        raise UsageError(
            f"{mask_addresses(url)} is Prefect Cloud, but has no account and workspace",
            code="api-url-cloud-incomplete",
            hint=fix_hint(
                None,
                "https://api.prefect.cloud/api/accounts/ACCOUNT-ID/workspaces/WORKSPACE-ID",
            ),
        )
    host = re.sub(r"^app", "api", parts.hostname or "")
    right = f"https://{host}/api/accounts/{found[1]}/workspaces/{found[2]}"
    if url != right:
        raise UsageError(
            f"{mask_addresses(url)} is a page of Prefect Cloud, not its API"
            if host != parts.hostname
            else f"{mask_addresses(url)} is not the form of a Prefect Cloud API address",
            code="api-url-web-page",
            hint=fix_hint(None, right),
        )


def _with_host(parts: SplitResult, host: str) -> str:
    return f"{host}:{parts.port}" if parts.port else host


def _root(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def _is_ui(parts: SplitResult) -> bool:
    segments = [s for s in parts.path.split("/") if s]
    return bool(segments) and segments[0] in _UI_PAGES


def fix_hint(source: Source | None, url: str = "URL") -> str:
    """Return how to use `url` instead of the address found at `source`.

    A variable, a ``.env`` and a project file come before a profile: the value has to change there.
    """
    if source is None or source.kind in (SourceKind.PROFILE, SourceKind.NONE):
        return f"run `{set_api_command(mask_addresses(url))}`"
    if source.kind is SourceKind.ENVIRONMENT:
        return f"run `export PREFECT_API_URL={mask_addresses(url)}`"
    return f"change {source} to {mask_addresses(url)}"


def is_cloud(url: str) -> bool:
    """Whether an address is Prefect Cloud's."""
    host = urlsplit(url).hostname or ""
    return host == "prefect.cloud" or host.endswith(".prefect.cloud")


def is_loopback(url: str) -> bool:
    """Whether the address is this machine, as seen from this machine."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return False
    numeric = re.fullmatch(r"127(\.\d{1,3}){1,3}", host)  # and not 127.example.com
    return host in ("localhost", "::1", "0.0.0.0", "::") or numeric is not None


def is_same_server(one: str, other: str) -> bool:
    """Whether two addresses are of one server, whatever their paths."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
