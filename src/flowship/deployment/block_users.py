"""Which flows have deployments on a block, its last image, whose alerts: recorded on the server.

The server cannot be asked which deployments refer to a block. Reading all of them takes longer with
everybody's deployments, so each deploy records the flow's name in an artifact of the block, and
only the deployments of the recorded flows are read. The image is recorded for all projects that
share the block: with another one, a person has edited it. Alerts are asked for only where there
are any, or were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowship.errors import ApiError

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi

FORMAT = 1


def artifact_key(block: str) -> str:
    """The key of the artifact of a block."""
    return f"flowship-block-{block}"


@dataclass(frozen=True)
class Recorded:
    """What is recorded of a block.

    Attributes:
        flows: The names of the flows that have deployments on it; None if nothing recorded them.
        image: The image of the last deploy; empty if nothing recorded it.
        alerts: The owners of the alerts, one for each project that has some.
    """

    flows: frozenset[str] | None
    image: str = ""
    alerts: frozenset[str] = frozenset()


NOTHING = Recorded(frozenset())
"""What there is to say of a block that does not exist."""


def flows(api: PrefectApi, block: str) -> frozenset[str] | None:
    """The names of the flows that have deployments on a block; None if nothing recorded them."""
    return read(api, block).flows


def read(api: PrefectApi, block: str) -> Recorded:
    """What is recorded of a block."""
    found = None
    with suppress(ApiError):
        found = api.latest_artifact(artifact_key(block))
    data = found["data"] if found else None
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        return Recorded(None)
    names, image, owners = data.get("flows"), data.get("image"), data.get("alerts")
    return Recorded(
        frozenset(map(str, names)) if isinstance(names, list) else None,
        image if isinstance(image, str) else "",
        frozenset(map(str, owners)) if isinstance(owners, list) else frozenset(),
    )


def record(
    api: PrefectApi,
    block: str,
    names: Iterable[str],
    *,
    image: str = "",
    alerts: Iterable[str] = (),
) -> None:
    """Record the flows, the image and the owners of alerts. Where that fails, the next deploy reads
    all deployments."""
    body = {
        "type": "json",
        "description": f"Flows with deployments on the block {block}, recorded by flowship",
        "data": {
            "format": FORMAT,
            "flows": sorted(names),
            "image": image,
            "alerts": sorted(alerts),
        },
    }
    with suppress(ApiError):
        api.create_artifact(artifact_key(block), body)
