"""What the server has after a deploy, as fingerprints: by them a later plan knows whose edit it
replaces. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.deployment import diff_alerts, diff_block, diff_deployment
from flowship.deployment.plan import Resource, field_key, fingerprint

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.observed import ServerState
    from flowship.prefect.types import Schedule


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
