"""The labels of an image that hold what the probe found out about its flows.

Each flow has a label of its own, so that none becomes too long for a line of a Dockerfile, and one
more label lists them: an image inherits the labels of its base image, which may be flowship's too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from flowship.probe.result import ProbeResult, damaged

FLOWS = "io.flowship.flows"
"""The label with the list of the entrypoints that were probed, as JSON."""

FLOW = "io.flowship.flow"
"""The beginning of the label that describes one flow."""


def key(entrypoint: str) -> str:
    """The label of one flow. An entrypoint itself has characters that a label's key has not."""
    return f"{FLOW}.{hashlib.sha256(entrypoint.encode()).hexdigest()[:16]}"


def write(flows: Sequence[ProbeResult]) -> dict[str, str]:
    """The labels for the flows of an image; without any, for one that was not probed."""
    listed = json.dumps([flow.entrypoint for flow in flows]) if flows else ""
    return {FLOWS: listed, **{key(f.entrypoint): f.to_json() for f in flows}}


def read(labels: Mapping[str, str]) -> tuple[ProbeResult, ...]:
    """The flows that the labels of an image describe; none if it was not probed.

    Raises:
        ConfigError: A label is not what `write` makes.
    """
    text = labels.get(FLOWS)
    if not text:
        return ()
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise damaged(str(exc)) from exc
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise damaged("it is not a list of entrypoints")
    return tuple(ProbeResult.from_json(labels.get(key(each), "")) for each in listed)
