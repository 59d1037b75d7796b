"""Check whether a flow run's container can reach a Prefect API."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flowship.prefect.address import is_loopback
from flowship.prefect.profiles.files import home_folder
from flowship.redaction import mask_addresses

HOST = "host.docker.internal"
"""The name of this machine inside a container."""


@dataclass(frozen=True)
class Network:
    """The network that a docker worker gives to a flow run's container.

    Attributes:
        url: The API's address, as the container gets it.
        mode: The engine's network mode; empty for its default.
        names: The networks to connect to.
        hosts: Names that the container can resolve.
    """

    url: str
    mode: str
    names: tuple[str, ...]
    hosts: Mapping[str, str]


def network(url: str, names: Sequence[str], mode: str | None) -> Network:
    """The network of a container whose API is at `url`, as prefect_docker's worker decides it.

    Args:
        url: The API's address that the worker itself uses.
        names: The networks that the block names.
        mode: The block's network mode.
    """
    host = urlsplit(url).hostname or ""
    if not mode and not names and sys.platform == "linux" and host in _REWRITTEN:
        mode = "host"
    if mode != "host":
        for each in _REWRITTEN:  # As text, also in the path: the worker does the same.
            url = url.replace(each, HOST)
    hosts = {HOST: "host-gateway"} if HOST in url and sys.platform == "linux" else {}
    return Network(url, mode or "", tuple(names), hosts)


_REWRITTEN = ("localhost", "127.0.0.1")


def container_warnings(url: str, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the reasons why a flow run's container cannot reach the API at `url`, if any.

    The docker worker runs containers on the host's network if the API's host is spelled
    ``localhost`` or ``127.0.0.1``. That only helps if the engine runs on the server's machine.
    """
    if not is_loopback(url):
        return ()
    host = urlsplit(url).hostname or ""
    engine = _engine_address(environ)
    if engine.startswith("ssh://") or (
        engine.startswith(("tcp://", "http://", "https://")) and not is_loopback(engine)
    ):
        return (
            f"{mask_addresses(url)} is this machine, but the container engine runs at "
            f"{mask_addresses(engine)}, so flow run containers cannot reach the API; use this "
            "machine's name or IP address instead",
        )
    if host not in ("localhost", "127.0.0.1"):
        return (
            f"flow run containers cannot reach the API: the docker worker recognizes only "
            f"localhost and 127.0.0.1 as this machine, not {host}",
        )
    return ()


def _engine_address(environ: Mapping[str, str]) -> str:
    """Return where the docker client looks for the engine; empty for the default socket."""
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
        return ""  # No context, or a broken one, which the engine's adapter reports.
