"""What a release changed, in short, and whether it differs from another one. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flowship.deployment.alerts import short_name
from flowship.releases.record import Release, ReleasedDeployment, ReleasedImage, plain

NEW_IMAGE = "new image"
RECORDED = "only recorded"
"""Nothing was changed: the server was so already, and no release said it."""


def changes(release: Release) -> list[str]:
    """What the release changed: ``new image``, ``+ taxi/nightly``, ``taxi/nightly: tags``,
    ``- alert late for 1 hour → slack-webhook/ops``."""
    found = list(dict.fromkeys(_changes(release.operations)))
    return [*(["incomplete"] if release.incomplete else []), *found] or [RECORDED]


def _changes(operations: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    whole = {
        str(o.get("name"))
        for o in operations
        if o.get("resource") == "deployment" and o.get("action") != "update"
    }
    for operation in operations:
        if operation.get("resource") == "automation":
            yield from _alert(operation, whole)
            continue
        action, resource = operation.get("action"), operation.get("resource")
        name, fields = str(operation.get("name", "")), list(_fields(operation))
        of = name.partition(": ")[0]
        if resource == "block" and ("image" in fields or action == "create"):
            yield NEW_IMAGE
        if resource == "block" and (others := [f for f in fields if f != "image"]):
            yield f"block: {', '.join(others)}"
        elif resource == "deployment" and action != "update":
            yield f"{'+' if action == 'create' else '-'} {name}"
        elif resource == "deployment" and fields:
            yield f"{name}: {', '.join(fields)}"
        elif resource == "schedule" and of not in whole:
            yield f"{of}: schedule"


def _alert(operation: Mapping[str, Any], whole: Collection[str]) -> Iterator[str]:
    """What changed of an alert: not that it is about a deployment that came or went with this
    release."""
    action, name = operation.get("action"), short_name(str(operation.get("name", "")))
    fields = [f for f in _fields(operation) if f != "deployments" or not whole]
    if action != "update":
        yield f"{'+' if action == 'create' else '-'} alert {name}"
    elif fields:
        yield f"alert {name}: {', '.join(fields)}"


def _fields(operation: Mapping[str, Any]) -> Iterator[str]:
    """The fields that changed for another reason than a new image."""
    listed = operation.get("changes")
    for change in listed if isinstance(listed, list) else []:
        if not isinstance(change, Mapping):
            continue
        of_image = operation.get("resource") == "deployment" and change.get("reason") == NEW_IMAGE
        if not of_image:
            yield str(change.get("field"))


def of_environment(environment: str | None) -> str:
    """ " of production" for a message; empty without an environment."""
    return f" of {environment}" if environment else ""


def first_release(environment: str | None) -> str:
    """The command that deploys to an environment, such as for its first release."""
    return f"flowship ship --env {shlex.quote(environment)}" if environment else "flowship ship"


def essence(part: ReleasedImage | ReleasedDeployment) -> str:
    """What a deploy writes to the server: not what a person paused there, nor what only some
    commands know or what is never written again."""
    if isinstance(part, ReleasedImage):
        written: object = replace(part, files={}, revision="", flows=(), configured={})
    else:
        schedules = tuple(replace(schedule, active=True) for schedule in part.schedules)
        written = replace(part, schedules=schedules, paused=False, configured="", labels={})
    return json.dumps(plain(written), sort_keys=True)


def differ(one: Release, other: Release) -> bool:
    """Whether two releases made something else of the project."""
    return _essences(one) != _essences(other)


def _essences(release: Release) -> set[str]:
    return {*map(essence, release.images), *map(essence, release.deployments)}
