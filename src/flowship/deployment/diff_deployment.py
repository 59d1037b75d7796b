"""A deployment: created, or changed field by field. Pure.

No field depends on the image: a new one changes the block, and all runs start it from then on. A
changed deployment would lose the runs that are planned, and a project has up to hundreds of them.

Whether it is paused is a person's, unless a flag says so; so are the schedules that flowship did
not make (`flowship.deployment.diff_schedules`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flowship.deployment import diff_schedules, parameters, secrets
from flowship.deployment.alerts import HEARTBEATS, heartbeat_variable
from flowship.deployment.plan import Action, FieldChange, IdOf, Operation, Resource, fingerprint
from flowship.deployment.stored import parse_moment, stored_schedule
from flowship.redaction import mask_value

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredDeployment, DesiredState
    from flowship.deployment.observed import ObservedDeployment
    from flowship.deployment.pools.job_variables import JobVariables
    from flowship.prefect.types import Deployment, Schedule

ROUNDS = timedelta(minutes=2)
"""Within this time the server has looked at every schedule and planned its runs."""

TABLES = ("parameters", "job_variables")
SCHEMA = "parameter_openapi_schema"
QUEUE = "work_queue_name"
OPTIONS = "concurrency_options"
ENFORCE = "enforce_parameter_schema"
COLLISIONS = {"queue": "ENQUEUE", "cancel-new": "CANCEL_NEW"}
"""What a run does that exceeds the limit → as the API writes it."""
FIELDS = (
    "description", "version", "entrypoint", "path", "pull_steps", "parameters", "tags",
    "concurrency_limit", OPTIONS, "work_pool_name", QUEUE, "job_variables", SCHEMA, ENFORCE,
)  # fmt: skip


@dataclass(frozen=True)
class DeploymentPlan:
    """The operations on one deployment and its schedules, and which runs to plan at once."""

    operations: tuple[Operation, ...]
    reschedule: tuple[str | IdOf, ...]


def operations(
    desired: DesiredState,
    wanted: DesiredDeployment,
    found: ObservedDeployment,
    variables: JobVariables,
) -> DeploymentPlan:
    """Create the deployment, or change what differs; then its schedules.

    Args:
        desired: What the deployment is part of.
        wanted: The deployment.
        found: The same on the server.
        variables: The job variables that point at the block.
    """
    fields = wanted_fields(desired, wanted, variables)
    key = IdOf(f"deployment {wanted.full_name}")
    if found.deployment is None:
        own = list(_creation(wanted, found, fields, key.key))
        parent: str | IdOf = key
    else:
        own = list(_update(desired, wanted, found.deployment, fields))
        parent = found.deployment["id"]
    schedules = list(diff_schedules.operations(wanted, found, parent, desired))
    reschedule = _must_reschedule(
        desired, wanted, found, changed=bool(own), rescheduled=bool(schedules)
    )
    return DeploymentPlan((*own, *schedules), (parent,) if reschedule else ())


def wanted_fields(
    desired: DesiredState, wanted: DesiredDeployment, variables: JobVariables
) -> dict[str, Any]:
    """A deployment's fields, schedules apart; `_sent` makes them what the API takes."""
    extra = dict(wanted.job_variables)
    heartbeat = desired.alerts.heartbeats.get(wanted.name)
    variable = heartbeat_variable(desired.image.prefect_version)
    env = {
        **({variable: str(heartbeat)} if heartbeat else {}),
        **variables.values.get("env", {}),
        **desired.block.references,
        **secrets.references(wanted.secrets),
        **extra.pop("env", {}),
    }
    fields: dict[str, Any] = {
        "version": wanted.version,
        "entrypoint": wanted.entrypoint,
        "path": wanted.path,
        "pull_steps": [
            {"prefect.deployments.steps.set_working_directory": {"directory": wanted.path}}
        ],
        "parameters": wanted.parameters,
        "tags": list(wanted.tags),
        "concurrency_limit": wanted.concurrency_limit,
        "work_pool_name": desired.pool,
        "job_variables": {**variables.values, **extra, "env": env},
    }
    probed = wanted.schema is not None
    if probed or wanted.description:  # else the flow's own description is not known
        fields["description"] = wanted.description or None
    if probed:
        fields[SCHEMA] = wanted.schema
    given = {
        OPTIONS: wanted.on_conflict,
        QUEUE: wanted.work_queue,
        ENFORCE: wanted.enforce_parameters if probed or not wanted.enforce_parameters else None,
        "paused": wanted.paused,
    }
    return fields | {name: value for name, value in given.items() if value is not None}


def stored_field(deployment: Deployment, name: str) -> Any:  # noqa: ANN401 JSON
    """A field as the API takes it."""
    if name == "concurrency_limit":
        limit = deployment.get("global_concurrency_limit")
        return limit["limit"] if limit else None
    if name == OPTIONS:
        options = deployment.get("concurrency_options")
        strategy = options["collision_strategy"] if options else None
        return next((words for words, own in COLLISIONS.items() if own == strategy), strategy)
    if name == "description":
        return deployment.get("description") or None
    return deployment.get(name)


def _creation(
    wanted: DesiredDeployment,
    found: ObservedDeployment,
    fields: Mapping[str, Any],
    key: str,
) -> Iterator[Operation]:
    flow: str | IdOf | None = found.flow
    if flow is None:
        flow = IdOf(f"flow {wanted.flow_name}")
        yield Operation(
            Action.CREATE,
            Resource.FLOW,
            wanted.flow_name,
            "it is not registered",
            body={"name": wanted.flow_name},
            key=flow.key,
        )
    body = {
        **({ENFORCE: True} if SCHEMA in fields else {}),
        **({"labels": dict(wanted.labels)} if wanted.labels else {}),
        **_sent(fields, None),
        "paused": wanted.paused_at_first,
        "name": wanted.name,
        "flow_id": flow,
    }
    yield Operation(
        Action.CREATE, Resource.DEPLOYMENT, wanted.full_name, "it does not exist",
        body=body, key=key,
    )  # fmt: skip


def _update(
    desired: DesiredState,
    wanted: DesiredDeployment,
    deployment: Deployment,
    fields: Mapping[str, Any],
) -> Iterator[Operation]:
    body = {k: v for k, v in fields.items() if not _same(deployment, k, v)}
    if not body:
        return
    changes = tuple(_changes(wanted, deployment, body))
    body = _sent(body, deployment)
    if "job_variables" in body or QUEUE in body:
        # The server validates job variables only together with their pool, and looks for a queue
        # in the pool that is named with it.
        body["work_pool_name"] = desired.pool
    same_pool = deployment.get("work_pool_name") == desired.pool
    queue = fields.get(QUEUE) or (deployment.get(QUEUE) if same_pool else None)
    if "work_pool_name" in body and queue:
        body[QUEUE] = queue  # without it, the server moves the deployment to the default queue
    yield Operation(
        Action.UPDATE,
        Resource.DEPLOYMENT,
        wanted.full_name,
        _operation_reason(changes),
        changes=changes,
        id=deployment["id"],
        body=body,
    )


def _sent(fields: Mapping[str, Any], deployment: Deployment | None) -> dict[str, Any]:
    """The fields as the API takes them.

    Args:
        fields: Those to write.
        deployment: As the server has it.
    """
    body = dict(fields)
    if OPTIONS in fields:
        options = deployment.get("concurrency_options") if deployment else None
        kept = {k: v for k, v in options.items() if v is not None} if options else {}
        body[OPTIONS] = {**kept, "collision_strategy": COLLISIONS[fields[OPTIONS]]}
    return body


def _operation_reason(changes: Sequence[FieldChange]) -> str:
    return ", ".join(dict.fromkeys(change.reason for change in changes))


def _same(deployment: Deployment, name: str, value: object) -> bool:
    stored = stored_field(deployment, name)
    if name == "tags":
        return sorted(stored or []) == sorted(value or [])  # type: ignore[call-overload,no-any-return]
    return bool(stored == value)


def _changes(
    wanted: DesiredDeployment,
    deployment: Deployment,
    body: Mapping[str, Any],
) -> Iterator[FieldChange]:
    for name, value in body.items():
        before = stored_field(deployment, name)
        if name in TABLES:
            shown = (
                _shown(wanted, deployment, name, before or {}),
                _shown(wanted, deployment, name, value),
            )
            yield from _table(wanted, name, (before or {}, value), shown)
        elif name == SCHEMA:
            names = _names(before), _names(value)
            yield FieldChange(
                name, *names, "the flow's parameters", fingerprint=fingerprint(before)
            )
        else:
            reason = _reason(name)
            yield FieldChange(name, before, value, reason, fingerprint=fingerprint(before))


def _table(
    wanted: DesiredDeployment,
    name: str,
    values: tuple[Mapping[str, Any], Mapping[str, Any]],
    shown: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Iterator[FieldChange]:
    before, after = values
    for key in sorted({*before, *after}):
        if before.get(key) == after.get(key):
            continue
        reason = "configuration"
        if name == "parameters" and key in wanted.from_flags:
            reason = "--param"
        elif key not in after:
            reason = "not configured"
        elif (name, key) == ("job_variables", "env") and _is_of_secrets(wanted, before, after):
            reason = "secrets"
        elif (name, key) == ("job_variables", "env") and _is_of_alerts(before, after):
            reason = "alerts"
        elif name == "job_variables" and key not in wanted.job_variables:
            reason = "follows the block"
        yield FieldChange(f"{name}.{key}", shown[0].get(key), shown[1].get(key), reason,
                          fingerprint=fingerprint(before.get(key)))  # fmt: skip


def _is_of_secrets(
    wanted: DesiredDeployment, before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Whether a reference to a Secret block is among what changes in the environment."""
    had, gets = before.get("env") or {}, after.get("env") or {}
    return any(had.get(name) != gets.get(name) for name in wanted.secrets)


def _is_of_alerts(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether only the heartbeat changes in the environment."""
    had, gets = before.get("env") or {}, after.get("env") or {}
    changed = {name for name in {*had, *gets} if had.get(name) != gets.get(name)}
    return bool(changed) and changed <= {*HEARTBEATS}


def _shown(
    wanted: DesiredDeployment, deployment: Deployment, name: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    if name == "parameters":
        # A parameter that the flow no longer has is known only by the stored schema.
        stored = deployment.get("parameter_openapi_schema")
        return parameters.all_masked(values, wanted.schema, stored)
    shown: dict[str, Any] = mask_value(values)
    return shown


def _names(schema: Mapping[str, Any] | None) -> list[str]:
    return list((schema or {}).get("properties", {}))


def _reason(name: str) -> str:
    if name == "paused":
        return "--paused or --no-paused"
    return "configuration"


# --- when the next runs are planned -------------------------------------------------------------


def _must_reschedule(
    desired: DesiredState,
    wanted: DesiredDeployment,
    found: ObservedDeployment,
    *,
    changed: bool,
    rescheduled: bool,
) -> bool:
    """Whether to have the next runs planned at once. A change of the deployment has deleted the
    runs that were planned before; the server's own rounds put them back within a minute or two,
    which is too late for a run that is due sooner."""
    if not changed and not rescheduled:
        return False
    if _paused(wanted, found):
        return False
    surplus = diff_schedules.match(wanted, found.schedules)[1]
    active = [s for s in found.schedules if s["active"] and s not in surplus]
    if any(stored_schedule(s) is None for s in active):
        return False  # the server plans no run of such a deployment, and answers 500
    return rescheduled or any(_due_soon(s, desired.now) for s in active)


def _paused(wanted: DesiredDeployment, found: ObservedDeployment) -> bool:
    if found.deployment is None:
        return wanted.paused_at_first
    return bool(found.deployment["paused"] if wanted.paused is None else wanted.paused)


def _due_soon(stored: Schedule, now: datetime) -> bool:
    schedule = stored_schedule(stored)
    if schedule is None:
        return False
    anchor = (stored.get("schedule") or {}).get("anchor_date")
    runs = schedule.next_runs(now, 1, anchor=parse_moment(anchor) if anchor else None)
    return bool(runs) and runs[0] < now + ROUNDS
