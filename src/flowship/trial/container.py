"""What the container of `flowship try` gets: as much as a docker worker's own as possible.

`prefect_docker`'s worker is the source for the network: with an API on this machine it uses the
host's network on Linux, and ``host.docker.internal`` with networks or on another system.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from flowship.config.settings import FLOWS_DIR
from flowship.engine.attached import Attached
from flowship.prefect.address import is_loopback

if TYPE_CHECKING:
    from pydantic import SecretStr

    from flowship.prefect.profiles.resolution import ApiTarget

SCRIPT = "/flowship-try/script.py"
ARGUMENTS = "/flowship-try/arguments.json"

TEMPORARY_SERVER = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    # On a busy machine it needs more than Prefect's own 20 seconds.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""For a run without a server of one's own: Prefect starts one inside the container."""

HOST = "host.docker.internal"
"""The name of this machine inside a container."""

PASSED_ON = ("mem_limit", "memswap_limit", "privileged", "volumes", "labels", "network_mode")
"""Job variables that are arguments of the engine as they are."""


def container(
    entrypoint: str,
    parameters: Mapping[str, Any],
    variables: Mapping[str, Any],
    environment: Mapping[str, SecretStr],
    target: ApiTarget | None,
) -> Attached:
    """The container of one run.

    Args:
        entrypoint: The flow.
        parameters: JSON values.
        variables: The block's fields with the deployment's job variables over them.
        environment: The run's own environment variables; references are resolved.
        target: The Prefect API; None to run without a server of one's own.
    """
    networks = tuple(variables.get("networks") or ())
    arguments: dict[str, Any] = {
        name: variables[name] for name in PASSED_ON if variables.get(name) not in (None, [], {})
    }
    extra = dict(variables.get("container_create_kwargs") or {})
    extra.pop("volumes", None)  # the worker ignores them too
    hosts = _hosts(extra.pop("extra_hosts", None))
    env = api_environment(target)
    env |= {name: value.get_secret_value() for name, value in environment.items()}
    url = env.get("PREFECT_API_URL", "")
    if url and is_loopback(url) and "network_mode" not in arguments:
        if networks or sys.platform != "linux":
            env["PREFECT_API_URL"] = _from_inside(url)
        else:
            arguments["network_mode"] = "host"
    if target is not None and arguments.get("network_mode") != "host":
        hosts = {HOST: "host-gateway", **hosts}
    return Attached(
        command=("python", SCRIPT, FLOWS_DIR, ARGUMENTS),
        arguments={**extra, **arguments, "environment": env, "extra_hosts": hosts},
        networks=networks,
        files={
            SCRIPT: resources.files("flowship").joinpath("trial", "script.py").read_bytes(),
            ARGUMENTS: json.dumps(
                {"entrypoint": entrypoint, "parameters": parameters, "offline": target is None}
            ).encode(),
        },
    )


def api_environment(target: ApiTarget | None) -> dict[str, str]:
    """How Prefect in the container reaches the API: as a worker passes it on."""
    if target is None:
        return dict(TEMPORARY_SERVER)
    env = {"PREFECT_API_URL": str(target.url)}
    if target.key is not None:
        env["PREFECT_API_KEY"] = target.key.get_secret_value()
    if target.auth_string is not None:
        env["PREFECT_API_AUTH_STRING"] = target.auth_string.get_secret_value()
    if target.headers:
        env["PREFECT_CLIENT_CUSTOM_HEADERS"] = json.dumps(dict(target.headers))
    return env


def _from_inside(url: str) -> str:
    """The address of this machine as a container on another network reaches it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{HOST}{port}"))


def _hosts(given: object) -> dict[str, str]:
    """Docker takes extra hosts as a table or as ``host:address``."""
    if isinstance(given, Mapping):
        return {str(host): str(address) for host, address in given.items()}
    entries = given if isinstance(given, list) else []
    pairs = (str(entry).partition(":") for entry in entries)
    return {host: address for host, colon, address in pairs if colon}
