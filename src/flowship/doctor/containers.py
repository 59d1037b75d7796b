"""Check that containers of runs reach the API, by asking from one as a worker would start it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowship.doctor.result import Finding, error, of_error, ok, skipped
from flowship.doctor.world import World
from flowship.errors import FlowshipError
from flowship.prefect.command import set_api_command
from flowship.redaction import mask_addresses

if TYPE_CHECKING:
    from flowship.engine.attached import Attached, Stream

SECONDS = 8  # for the answer of the API, from inside
_SCRIPT = """
import json, os, ssl, sys, urllib.request
url = os.environ["PREFECT_API_URL"].rstrip("/") + "/health"
try:
    urllib.request.urlopen(url, timeout=SECONDS).read()
    print("ok")
except urllib.error.HTTPError as exc:
    print("ok" if exc.code in (401, 403, 404) else "HTTP %d" % exc.code)
except Exception as exc:
    print(getattr(exc, "reason", None) or exc)
""".replace("SECONDS", str(SECONDS))
_MEANING = (
    "The container of a run starts, but does not reach the API: the run crashes, or stays in"
    " Pending."
)


def api(world: World) -> Finding:
    """Whether a container on the network of the runs reaches the API."""
    from flowship.engine import attached

    image = _image(world)
    if image is None:
        return skipped("the engine has neither a deployed image nor a base image to ask from")
    if {each["type"] for each in world.pools.values() if each} - {"docker"}:
        return skipped("the work pool does not start containers on this engine")
    spec = _spec(world)
    url = spec.arguments["environment"]["PREFECT_API_URL"]
    where = _network(spec)
    lines: list[str] = []

    def receive(_: Stream, line: str) -> None:
        lines.append(line)

    try:
        attached.run(world.engine, image, spec, receive)
    except FlowshipError as exc:
        return of_error(exc, "The engine does not start a container with these values.")
    answer = next((line for line in reversed(lines) if line.strip()), "no answer")
    if answer == "ok":
        return ok(f"{mask_addresses(url)} answers in a container {where}")
    return error(
        f"{mask_addresses(url)} does not answer in a container {where}: {answer}",
        _MEANING,
        _remedy(world, where),
    )


def _spec(world: World) -> Attached:
    from flowship.engine.attached import Attached
    from flowship.engine.client import LABEL
    from flowship.prefect import containers

    assert world.target is not None
    variables = _variables(world)
    given = str((variables.get("env") or {}).get("PREFECT_API_URL") or "")
    given = "" if "{{" in given else given
    network = containers.network(
        given or str(world.target.url),
        variables.get("networks") or (),
        variables.get("network_mode"),
    )
    arguments: dict[str, Any] = {
        # A worker leaves an address as it is that the project gives to its runs itself.
        "environment": {"PREFECT_API_URL": given or network.url},
        "entrypoint": ["python", "-c"],
        "labels": {f"{LABEL}.doctor": "api-from-containers"},
        "extra_hosts": dict(network.hosts),
    }
    if network.mode:
        arguments["network_mode"] = network.mode
    return Attached(command=(_SCRIPT,), arguments=arguments, networks=network.names)


def _variables(world: World) -> Mapping[str, Any]:
    """What decides the network: the block on the server, else the configuration."""
    for document in world.blocks.values():
        if document is not None:
            return document["data"]
    return world.settings.block.model_dump() if world.settings else {}


def _image(world: World) -> str | None:
    """The image of the runs, if the engine has it; else its base image."""
    from flowship.doctor.images import base_names
    from flowship.engine.images import look_up

    names = [each.id for each in world.images.values()]
    names += base_names(world) if world.settings else []
    there = (each for each in names if look_up(world.engine, each) is not None)
    return next(there, None)


def _network(spec: Attached) -> str:
    if spec.networks:
        return f"on the network {', '.join(spec.networks)}"
    mode = spec.arguments.get("network_mode")
    return f"on the {mode} network" if mode else "on the engine's default network"


def _remedy(world: World, where: str) -> str:
    if world.api.is_local and "host" not in where:
        return (
            "the server listens only for this machine: start it with `--host 0.0.0.0`, or remove"
            " networks and network-mode from [block]"
        )
    return f"use an address of the API that containers reach: `{set_api_command()}`"
