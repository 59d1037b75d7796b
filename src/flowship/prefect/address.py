"""An API address: judged by its looks, then by asking who answers there."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from flowship.errors import ApiError, UsageError
from flowship.prefect.profiles.files import home_folder
from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    pass

LOCAL_URL = "http://127.0.0.1:4200/api"
"""Where a local Prefect server answers unless told otherwise."""

# --- an address, judged ------------------------------------------------------------------------

# The first path segments of the Prefect UI's pages (of 3.x, and /v2 of its rewrite).
_UI_PAGES = {
    *("dashboard", "runs", "flow-runs", "task-runs", "flows", "flow", "deployments", "deployment"),
    *("work-pools", "work-pool", "work-queues", "blocks", "variables", "automations", "events"),
    *("settings", "concurrency-limits", "artifacts", "login", "v2", "docs"),
}


def _fault(url: str) -> str:
    """Why `url` is no address that any client could use; empty when it is one."""
    if re.search(r"[\s\x00-\x1f\x7f<>\"{}|\\^`]", url):
        return "it holds a character that no address has"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "its host cannot be read"
    if parts.scheme not in ("http", "https") or "://" not in url:
        return "it does not begin with http:// or https://"
    try:
        _ = parts.port
    except ValueError:
        return "its port is no number up to 65535"
    return "" if parts.hostname else "it names no host"


def require_address(url: str, source: str) -> None:
    """Refuse what Prefect's settings give for an address and is none.

    Args:
        url: The address.
        source: Where it was found, in words.

    Raises:
        ApiError: It is none, and why.
    """
    if fault := _fault(url):
        raise ApiError(
            f'"{_shown(url)}" is not an address: {fault}',
            hint=f"{mend_command(source)} sets it right",
            where=source,
        )


def _shown(url: str) -> str:
    """One address, its login covered: also where a blank or a missing scheme would hide that."""
    url = re.sub(r"[\s\x00-\x1f\x7f]", "␣", url)
    if "://" in url:
        return mask_addresses(url)
    return mask_addresses(f"http://{url}").removeprefix("http://")


def check_url(url: str) -> str:
    """The API address `url` with trailing slashes removed, or an error that names the right one.

    An address without ``/api`` at its end passes: only asking the server can tell.

    Raises:
        UsageError: It is no address an API client could use, for a reason the message gives.
    """
    url = url.strip()
    url = url.rstrip("/") if not url.endswith("://") else url
    meant = f"http://{url}"
    if "://" not in url and not _fault(meant):
        raise UsageError(f'"{_shown(url)}" has no scheme', hint=set_api_command(meant))
    if fault := _fault(url):
        raise UsageError(
            f'"{_shown(url)}" is not an address: {fault}', hint=set_api_command(LOCAL_URL)
        )
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("0.0.0.0", "::", "0"):
        raise UsageError(
            f"{host} is where a server listens, not an address to connect to",
            hint=set_api_command(url.replace(parts.netloc, _with_host(parts, "127.0.0.1"), 1)),
        )
    if is_cloud(url):
        _check_cloud(url, parts)
        return url
    if parts.query or parts.fragment:
        plain = _root(parts) + parts.path.rstrip("/")
        is_page = _is_ui(parts) or not parts.path.strip("/")
        raise UsageError(
            f"{mask_addresses(url)} is no API's address: it goes on after the ? or #",
            hint=set_api_command(_root(parts) + "/api" if is_page else plain),
        )
    if _is_ui(parts):
        raise UsageError(
            f"{mask_addresses(url)} is a page of the Prefect UI, not the API",
            hint=set_api_command(_root(parts) + "/api"),
        )
    return url


def set_api_command(url: str) -> str:
    """The command that stores `url`, for a hint."""
    return f"flowship profile set-api {mask_addresses(url)}"


def mend_command(source: str, url: str = "URL") -> str:
    """The command that gives another address, where this one was found: a variable wins."""
    if source.startswith("environment variable"):
        return f"`export PREFECT_API_URL={mask_addresses(url)}`"
    return f"`{set_api_command(url)}`"


def _with_host(parts: SplitResult, host: str) -> str:
    return f"{host}:{parts.port}" if parts.port else host


def _root(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def _is_ui(parts: SplitResult) -> bool:
    segments = [s for s in parts.path.split("/") if s]
    return bool(segments) and segments[0] in _UI_PAGES


def is_cloud(url: str) -> bool:
    """Whether an address is Prefect Cloud's."""
    host = urlsplit(url).hostname or ""
    return host == "prefect.cloud" or host.endswith(".prefect.cloud")


def _check_cloud(url: str, parts: SplitResult) -> None:
    found = re.search(r"/accounts?/([^/]+)/workspaces?/([^/]+)", parts.path)
    if not found:
        raise UsageError(
            f"{mask_addresses(url)} is Prefect Cloud, but names no account and workspace",
            hint=set_api_command(
                "https://api.prefect.cloud/api/accounts/ACCOUNT-ID/workspaces/WORKSPACE-ID"
            ),
        )
    host = re.sub(r"^app", "api", parts.hostname or "")
    right = f"https://{host}/api/accounts/{found[1]}/workspaces/{found[2]}"
    if url != right:
        raise UsageError(
            f"{mask_addresses(url)} is a page of Prefect Cloud, not its API"
            if host != parts.hostname
            else f"{mask_addresses(url)} is not how Prefect Cloud spells its API",
            hint=set_api_command(right),
        )


def is_loopback(url: str) -> bool:
    """Whether the address is this machine, as seen from this machine."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return False
    return host in ("localhost", "::1", "0.0.0.0", "::") or host.startswith("127.")


def container_warnings(url: str, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Why a flow run's container could not reach the API at `url`, if there is a reason.

    The docker worker runs containers on the host's network where the API's host is spelled
    ``localhost`` or ``127.0.0.1``; that helps only where engine and server share a machine.
    """
    if not is_loopback(url):
        return ()
    host = urlsplit(url).hostname or ""
    engine = _engine_address(environ)
    if engine.startswith("ssh://") or (
        engine.startswith(("tcp://", "http://", "https://")) and not is_loopback(engine)
    ):
        return (
            f"{mask_addresses(url)} is this machine, but the container engine is "
            f"{mask_addresses(engine)}: a flow run's container there cannot reach it; use this "
            "machine's name or address instead",
        )
    if host not in ("localhost", "127.0.0.1"):
        return (
            f"the docker worker takes only localhost and 127.0.0.1 for this machine, not {host}: "
            "a flow run's container would look for the API inside itself",
        )
    return ()


def _engine_address(environ: Mapping[str, str]) -> str:
    """Where the docker client would look for the engine; empty for the default socket."""
    if environ.get("DOCKER_HOST"):
        return environ["DOCKER_HOST"]
    config = Path(environ.get("DOCKER_CONFIG") or home_folder(environ) / ".docker")
    try:
        context = environ.get("DOCKER_CONTEXT") or json.loads(
            (config / "config.json").read_text(encoding="utf-8")
        ).get("currentContext")
        digest = hashlib.sha256(str(context or "default").encode()).hexdigest()
        meta = json.loads(
            (config / f"contexts/meta/{digest}/meta.json").read_text(encoding="utf-8")
        )
        return str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return ""  # no context, or one that the engine's own adapter will complain about


# --- asking the server -------------------------------------------------------------------------
