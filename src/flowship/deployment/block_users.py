"""Which flows have deployments on a block, recorded on the server.

The server cannot be asked which deployments refer to a block. Reading all of them takes longer with
everybody's deployments, so each deploy records the flow's name in an artifact of the block, and
only the deployments of the recorded flows are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from flowship.errors import ApiError

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi

FORMAT = 1


def artifact_key(block: str) -> str:
    """The key of the artifact of a block."""
    return f"flowship-block-{block}"


def flows(api: PrefectApi, block: str) -> frozenset[str] | None:
    """The names of the flows that have deployments on a block; None if nothing recorded them."""
    found = None
    with suppress(ApiError):
        found = api.latest_artifact(artifact_key(block))
    data = found["data"] if found else None
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        return None
    names = data.get("flows")
    return frozenset(map(str, names)) if isinstance(names, list) else None


def record(api: PrefectApi, block: str, names: Iterable[str]) -> None:
    """Record the flows. Where that fails, the next deploy reads all deployments."""
    body = {
        "type": "json",
        "description": f"Flows with deployments on the block {block}, recorded by flowship",
        "data": {"format": FORMAT, "flows": sorted(names)},
    }
    with suppress(ApiError):
        api.create_artifact(artifact_key(block), body)
