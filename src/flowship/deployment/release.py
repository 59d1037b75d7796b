"""What a deploy applied, recorded on the server: by it a later plan knows whose edit it replaces.

An artifact with the project's key; each deploy that changed something adds a version. It holds
fingerprints of values, never the values. The server keeps artifacts that belong to no run.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from flowship import __version__
from flowship.deployment import diff_alerts, diff_block, diff_deployment
from flowship.deployment.diff import field_key
from flowship.deployment.plan import Resource, fingerprint
from flowship.errors import ApiError

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.observed import ServerState
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Schedule

FORMAT = 1


def artifact_key(project: str) -> str:
    """The key of a project's releases."""
    return f"flowship-release-{project}"


def record(
    api: PrefectApi,
    project: str,
    desired: DesiredState,
    state: ServerState,
    before: Mapping[str, str],
) -> None:
    """Record what the server has after a deploy. A release that cannot be recorded does not make
    the deploy fail: the next plan then does not know whose edit it replaces.

    Args:
        api: The server.
        project: The project's name.
        desired: What was deployed.
        state: As read back.
        before: What the last release recorded; of deployments that this one leaves alone it
            still holds.
    """
    fields = applied(desired, state)
    resources = {key.rpartition(" ")[0] for key in fields}
    kept = {k: v for k, v in before.items() if k.rpartition(" ")[0] not in resources}
    body = {
        "type": "json",
        "description": f"Deployed by flowship: {desired.image.reference}",
        "data": {
            "format": FORMAT,
            "flowship": __version__,
            "image": desired.image.reference,
            "applied": kept | fields,
        },
    }
    with suppress(ApiError):
        api.create_artifact(artifact_key(project), body)


def last_applied(api: PrefectApi, project: str) -> Mapping[str, str]:
    """The fingerprints of the last release; empty where there is none that can be read."""
    found = None
    with suppress(ApiError):
        found = api.latest_artifact(artifact_key(project))
    data = found["data"] if found else None
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        return {}
    fields = data.get("applied")
    return fields if isinstance(fields, Mapping) else {}


def deployment_names(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The full names of the deployments that a release's fields are of."""
    head = f"{Resource.DEPLOYMENT.value} "
    names = {k.removeprefix(head).rpartition(" ")[0] for k in fields if k.startswith(head)}
    return tuple(sorted(names))


def projects(api: PrefectApi, like: str = "") -> tuple[str, ...]:
    """The names of the projects with a release that begin with `like`; at most 200."""
    head = artifact_key("")
    keys = [str(each["key"]) for each in api.latest_artifacts_like(head + like)]
    return tuple(sorted(key.removeprefix(head) for key in keys if key.startswith(head)))


def applied(desired: DesiredState, state: ServerState) -> dict[str, str]:
    """Fingerprints of what the server has now: field → fingerprint."""
    fields: dict[str, str] = {}
    if state.block:
        for name in state.block["data"]:
            key = field_key(Resource.BLOCK, desired.block.name, name)
            fields[key] = fingerprint(diff_block.stored_field(state.block, name))
    for wanted, found in zip(desired.deployments, state.deployments, strict=True):
        if found.deployment is None:
            continue
        for name in diff_deployment.FIELDS:
            value = diff_deployment.stored_field(found.deployment, name)
            if name in diff_deployment.TABLES:
                for item, inner in (value or {}).items():
                    key = field_key(Resource.DEPLOYMENT, wanted.full_name, f"{name}.{item}")
                    fields[key] = fingerprint(inner)
            else:
                fields[field_key(Resource.DEPLOYMENT, wanted.full_name, name)] = fingerprint(value)
        for schedule in found.schedules:
            fields |= _schedule(schedule)
    for automation in state.alerts:
        for name, value in diff_alerts.stored_fields(automation).items():
            key = field_key(Resource.AUTOMATION, automation["id"], name)
            fields[key] = fingerprint(value)
    return fields


def _schedule(schedule: Schedule) -> dict[str, str]:
    values = {"schedule": schedule.get("schedule"), "slug": schedule["slug"]}
    given = (schedule.get("parameters") or {}).items()
    values |= {f"parameters.{name}": value for name, value in given}
    return {
        field_key(Resource.SCHEDULE, schedule["id"], name): fingerprint(value)
        for name, value in values.items()
    }
