"""Makes the report of a deploy, or of a dry run, from what was desired, planned and read. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from flowship.deployment import diff_alerts, diff_schedules, docker_block, drift, left, warnings
from flowship.deployment.desired import DesiredDeployment, DesiredState, ScheduleSource
from flowship.deployment.diff_block import block_after
from flowship.deployment.drift import LastRelease
from flowship.deployment.observed import ObservedDeployment, ServerState, SharingDeployment
from flowship.deployment.parameters import all_masked
from flowship.deployment.plan import Action, Editor, FieldChange, Operation, Plan, Resource
from flowship.deployment.pools import Pool, paused_pool, pool_of
from flowship.deployment.pools.docker import is_widened
from flowship.deployment.pools.job_variables import JobVariables
from flowship.deployment.report import (
    AlertReport,
    BlockReport,
    Change,
    DeploymentReport,
    DeployReport,
    NextRun,
    PoolReport,
    ScheduleReport,
)
from flowship.deployment.schedules import ScheduleSpec
from flowship.deployment.stored import in_order, parse_moment, stored_schedule, words_of
from flowship.prefect import versions
from flowship.prefect.command import prefect_command

if TYPE_CHECKING:
    from flowship.prefect.types import Schedule

NEXT_RUNS = 3
SHOWN_FLOWS = 3
UNREPORTED = ("parameter_openapi_schema",)
"""Fields of a deployment that follow the flow's code."""


@dataclass(frozen=True)
class Outcome:
    """Everything that a report is made of.

    Attributes:
        desired: What was to be deployed.
        plan: What was done, or in a dry run would be.
        before: What the server had.
        after: What it has now, as read back; None in a dry run.
        worker_online: Whether a worker sent a heartbeat lately; None where that is not known.
        start_command: What starts a worker.
        api_url: The server.
        page: A page of the server's UI.
        last: The last release.
    """

    desired: DesiredState
    plan: Plan
    before: ServerState
    after: ServerState | None
    worker_online: bool | None
    start_command: str
    api_url: str
    page: Callable[[str], str]
    last: LastRelease = field(default_factory=LastRelease)

    @property
    def now(self) -> ServerState:
        """What the server has, as far as it was read."""
        return self.after or self.before


def summarize(outcome: Outcome) -> DeployReport:
    """The report."""
    desired, before = outcome.desired, outcome.before
    block = _block(outcome)
    observed = zip(desired.deployments, before.deployments, outcome.now.deployments, strict=True)
    stored = str(before.block["data"].get("image") or "") if before.block else None
    moves = stored is not None and not docker_block.is_same_image(stored, desired.image.reference)
    deleted = {o.id for o in outcome.plan.operations if o.action is Action.DELETE}
    sharing = tuple(s for s in before.sharing if s.deployment["id"] not in deleted)
    return DeployReport(
        image=desired.image.reference,
        platform=desired.image.platform,
        pushed=desired.image.pushed,
        api_url=outcome.api_url,
        operations=outcome.plan.operations,
        kept=drift.kept(desired, outcome.now, outcome.last),
        left=left.left(desired, before, outcome.last, done=outcome.after is not None),
        block=block,
        pool=_pool(outcome),
        deployments=tuple(_deployment(outcome, *three) for three in observed),
        moved=tuple(s.name for s in sharing) if moves else (),
        warnings=(
            *desired.warnings,
            *_newer_image(outcome),
            *_paused_pool(outcome),
            *_invalid_on_server(block.kept),
            *_left_over(desired, sharing, outcome.last),
        ),
        dry_run=outcome.after is None,
        alerts=tuple(_alerts(outcome)),
        origin=desired.origin,
    )


# --- block and pool ----------------------------------------------------------------------------


def _block(outcome: Outcome) -> BlockReport:
    desired, document = outcome.desired, outcome.now.block
    found = outcome.plan.of(Resource.BLOCK, desired.block.name)
    after = block_after(desired, outcome.now)
    identity = document["id"] if document else ""
    had = outcome.before.block["data"] if outcome.before.block else {}
    return BlockReport(
        name=desired.block.name,
        id=identity,
        outcome=_outcome(found),
        edits=tuple(_change(c) for c in _changes(found) if _is_edit(c, had)),
        kept=docker_block.kept(
            after, desired.block.fields, has_credentials=desired.block.credentials is not None
        ),
        url=outcome.page(f"blocks/block/{identity}") if identity else "",
    )


def _is_edit(change: FieldChange, had: Mapping[str, Any]) -> bool:
    """Whether this overwrites a value that is not flowship's own last image."""
    if change.field not in had or change.field == "registry_credentials":
        return False
    return change.field != "image" or change.edited_by is not Editor.FLOWSHIP


def _pool(outcome: Outcome) -> PoolReport:
    desired = outcome.desired
    pool = pool_of(desired.pool, outcome.now.ground.pool)
    variables = _job_variables(outcome, pool)
    found = outcome.before.ground.pool
    return PoolReport(
        name=desired.pool,
        outcome="found" if found else "created",
        widened=is_widened(pool.template),
        live=variables.live,
        copied=variables.copied,
        paused=bool(found and found["is_paused"]),
        worker_online=outcome.worker_online,
        start_command=outcome.start_command,
        url=outcome.page(f"work-pools/work-pool/{desired.pool}"),
    )


def _job_variables(outcome: Outcome, pool: Pool) -> JobVariables:
    after = block_after(outcome.desired, outcome.now)
    return pool.type.job_variables(outcome.desired.block.name, after, pool.template)


# --- alerts ------------------------------------------------------------------------------------


def _alerts(outcome: Outcome) -> Iterator[AlertReport]:
    for match in diff_alerts.match(outcome.desired, outcome.now.alerts)[0]:
        name, stored = match.wanted.name, match.stored
        identity = stored["id"] if stored else ""
        yield AlertReport(
            id=identity,
            name=name,
            outcome=_outcome(outcome.plan.of(Resource.AUTOMATION, name)),
            enabled=stored["enabled"] if stored else True,
            url=outcome.page(f"automations/automation/{identity}") if identity else "",
        )


# --- a deployment ------------------------------------------------------------------------------


def _deployment(
    outcome: Outcome,
    wanted: DesiredDeployment,
    before: ObservedDeployment,
    now: ObservedDeployment,
) -> DeploymentReport:
    own = outcome.plan.of(Resource.DEPLOYMENT, wanted.full_name)
    on_schedules = _schedule_operations(outcome.plan, wanted)
    deployment = now.deployment
    created = next((o.body for o in own if o.action is Action.CREATE), {})
    at_first = bool(created.get("paused", wanted.paused_at_first))
    paused = bool(deployment["paused"]) if deployment else at_first
    if wanted.paused is not None:
        paused = wanted.paused
    schedules = tuple(_schedules(outcome, wanted, before, now))
    identity = deployment["id"] if deployment else ""
    result = _outcome(own)
    return DeploymentReport(
        id=identity,
        name=wanted.name,
        flow_name=wanted.flow_name,
        outcome="updated" if on_schedules and result == "unchanged" else result,
        paused=paused,
        schedules=schedules,
        removed_schedules=tuple(
            o.name.partition(": ")[2] for o in on_schedules if o.action is Action.DELETE
        ),
        parameters=wanted.parameter_values,
        changes=tuple(_change(c) for c in _changes(own) if c.field not in UNREPORTED),
        url=outcome.page(f"deployments/deployment/{identity}") if identity else "",
        warnings=(
            *_changed_project(outcome, before),
            *wanted.warnings,
            *warnings.of_image(outcome.desired.image, probed=wanted.schema is not None),
            *_uncountable(schedules),
            *_not_running(wanted, schedules, paused=paused),
            *_other_timezone(wanted, before),
            *_other_labels(wanted, before),
        ),
    )


def _schedule_operations(plan: Plan, wanted: DesiredDeployment) -> list[Operation]:
    prefix = f"{wanted.full_name}: "
    return [
        o for o in plan.operations if o.resource is Resource.SCHEDULE and o.name.startswith(prefix)
    ]


def _outcome(operations: Sequence[Operation]) -> str:
    if any(o.action is Action.CREATE for o in operations):
        return "created"
    return "updated" if operations else "unchanged"


def _changes(operations: Sequence[Operation]) -> Iterator[FieldChange]:
    return (change for operation in operations for change in operation.changes)


def _change(change: FieldChange) -> Change:
    return Change(change.field, change.before, change.after)


# --- schedules ---------------------------------------------------------------------------------


def _schedules(
    outcome: Outcome,
    wanted: DesiredDeployment,
    before: ObservedDeployment,
    now: ObservedDeployment,
) -> Iterator[ScheduleReport]:
    """flowship's own first, then a person's."""
    moment = outcome.desired.now
    # A parameter that the flow no longer has is known only by the stored schema.
    schemas = (wanted.schema, before.parameter_schema)
    matches, surplus = diff_schedules.match(wanted, now.schedules)
    changed = {o.id for o in _schedule_operations(outcome.plan, wanted)}
    existed = {s["id"] for s in before.schedules}
    pairs = {m.stored["id"]: m for m in matches if m.stored}
    for one in sorted(in_order(now.schedules), key=lambda s: not diff_schedules.is_own(s)):
        if one in surplus:
            continue  # in a dry run: it would be removed
        matched = pairs.get(one["id"])
        result = "kept"
        if matched:
            result = "created" if one["id"] not in existed else "unchanged"
            result = "updated" if one["id"] in changed else result
        if matched and outcome.after is None and result == "updated":
            source = wanted.schedule_source.value
            yield schedule_report(
                matched.schedule, moment, outcome="planned", source=source, stored=one,
                schemas=schemas,
            )  # fmt: skip
        else:
            yield _stored_report(one, moment, result, schemas)
    bodies = {o.body.get("slug"): o.body for o in _schedule_operations(outcome.plan, wanted)}
    for match in matches:
        if match.stored is None:
            planned: Any = {
                "id": None,
                "schedule": {},
                "active": True,
                **bodies.get(match.slug, {}),
            }
            yield schedule_report(
                match.schedule, moment, outcome="planned", source=wanted.schedule_source.value,
                stored=planned, schemas=schemas,
            )  # fmt: skip


def _stored_report(
    stored: Schedule, now: datetime, outcome: str, schemas: Sequence[Mapping[str, Any] | None]
) -> ScheduleReport:
    by_flag = (stored.get("slug") or "").startswith(diff_schedules.BY_FLAG)
    own = diff_schedules.is_own(stored)
    source = "flag" if by_flag else "configuration" if own else "server"
    schedule = stored_schedule(stored)
    if schedule is not None:
        return schedule_report(
            schedule, now, outcome=outcome, source=source, stored=stored, schemas=schemas
        )
    return ScheduleReport(
        id=stored["id"],
        outcome=outcome,
        source=source,
        words=words_of(stored),
        timezone="",
        active=bool(stored["active"]),
        next_runs=(),
        parameters=all_masked(stored.get("parameters") or {}, *schemas),
    )


def schedule_report(
    schedule: ScheduleSpec,
    now: datetime,
    *,
    outcome: str,
    source: str,
    stored: Schedule | None = None,
    schemas: Sequence[Mapping[str, Any] | None] = (),
) -> ScheduleReport:
    """A schedule with its next runs.

    Args:
        schedule: The schedule.
        now: From when on its runs are counted.
        outcome: See `ScheduleReport`.
        source: See `ScheduleReport`.
        stored: As the server has it, if it does.
        schemas: The flow's parameters, now and before; they say which values are secret.
    """
    anchor = (stored["schedule"] if stored else {}).get("anchor_date")
    begins = parse_moment(anchor) if anchor else now
    # An interval first runs when it is over, and not at the moment at which it begins.
    moments = schedule.next_runs(now + timedelta(seconds=1), NEXT_RUNS, anchor=begins)
    return ScheduleReport(
        id=stored["id"] if stored else None,
        outcome=outcome,
        source=source,
        words=schedule.words,
        timezone=schedule.timezone,
        active=bool(stored["active"]) if stored else True,
        next_runs=tuple(
            NextRun(
                m.isoformat(timespec="seconds"),
                m.astimezone(timezone.utc).isoformat(timespec="seconds"),
            )
            for m in moments
        ),
        parameters=all_masked(schedule.parameters, *schemas),
    )


# --- what deserves a look ----------------------------------------------------------------------


def _newer_image(outcome: Outcome) -> tuple[str, ...]:
    image, server = outcome.desired.image.prefect_version, outcome.before.ground.server
    warning = versions.newer_image(image, server)
    return (warning,) if warning else ()


def _paused_pool(outcome: Outcome) -> tuple[str, ...]:
    pool = outcome.before.ground.pool
    return (paused_pool(outcome.desired.pool),) if pool and pool["is_paused"] else ()


def _invalid_on_server(kept: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"the block's {invalid.field}: {invalid.message}; runs would crash: fix it in the block"
        " or set it in [block]"
        for invalid in docker_block.invalid_values(kept)
    )


def _left_over(
    desired: DesiredState, sharing: Sequence[SharingDeployment], last: LastRelease
) -> Iterator[str]:
    """Deployments on this block that no release of this project made and the project does not
    configure; for those that one made, see `flowship.deployment.left`."""
    image = desired.image
    names = {d.entrypoint: d.flow_name for d in desired.deployments}
    names = {flow.entrypoint: flow.deployed_name for flow in image.flows} | names
    ours = {f"{names.get(e)}/{name}" for name, e in desired.configured.items()}
    ours |= {deployment.full_name for deployment in desired.deployments}
    flows = set(desired.configured.values())
    known = names.keys() | flows if len(flows) > 1 else names.keys()
    for other in sharing:
        if other.name.rpartition("/")[2] in desired.elsewhere:
            continue  # until the other image is deployed
        delete = f"`{_delete_command(desired, other.name, last)}`"
        theirs = other.deployment.get("entrypoint")
        if theirs not in known:
            yield (
                f"{other.name} also runs this image and expects {theirs} in it, but the image was"
                f" built for {_listed(names)}: its runs may fail; delete it with {delete}, or give"
                " it its own block ([block] name)"
            )
        elif other.name not in {*ours, *last.deployments} and _runs_by_our_schedule(
            other.deployment
        ):
            yield (
                f"{other.name} is not in the configuration but still runs on its schedule; if it"
                f" was renamed, delete it: {delete}"
            )


def _delete_command(desired: DesiredState, name: str, last: LastRelease) -> str:
    """flowship's own for a deployment that it made; it also deletes what belongs to it."""
    if name in last.deployments:
        return f"{desired.deletes} {shlex.quote(name)}"
    return prefect_command(f"deployment delete {shlex.quote(name)}")


def _listed(entrypoints: Iterable[str]) -> str:
    shown = sorted(entrypoints)
    more = f" and {len(shown) - SHOWN_FLOWS} more" if len(shown) > SHOWN_FLOWS else ""
    return ", ".join(shown[:SHOWN_FLOWS]) + more


def _runs_by_our_schedule(deployment: Mapping[str, Any]) -> bool:
    return not deployment.get("paused") and any(
        s.get("active") and diff_schedules.is_own(s) for s in deployment.get("schedules") or ()
    )


def _changed_project(outcome: Outcome, before: ObservedDeployment) -> tuple[str, ...]:
    """A deployment is known by its flow's and its own name, whichever project it is from."""
    found = before.deployment
    block = docker_block.block_of(found["job_variables"] if found else None)
    own = outcome.desired.block
    if block in ("", own.name, *own.of_project, *outcome.last.blocks):
        return ()
    planned = outcome.after is None
    used, moves = ("uses", "would run this image") if planned else ("used", "now runs this image")
    return (
        f"it {used} the block {block}, which may belong to another project, and {moves}: to keep"
        " both, use another name in [[deployments]]",
    )


def _uncountable(schedules: Sequence[ScheduleReport]) -> Iterator[str]:
    for schedule in schedules:
        if schedule.active and not schedule.timezone:
            yield (
                f"Prefect schedules no runs of this deployment while the schedule {schedule.words},"
                " is active: delete it or pause it in the UI"
            )


def _other_timezone(wanted: DesiredDeployment, before: ObservedDeployment) -> Iterator[str]:
    """A schedule by flag, without a timezone, in place of one that had a timezone."""
    for match in diff_schedules.match(wanted, before.schedules)[0]:
        zone = match.stored and (match.stored["schedule"] or {}).get("timezone")
        if wanted.timezone_is_default and zone and zone != match.schedule.timezone:
            yield (
                f"the schedule's timezone was {zone} and is now {match.schedule.timezone}: add"
                f" --timezone {zone} to keep it"
            )


def _other_labels(wanted: DesiredDeployment, before: ObservedDeployment) -> tuple[str, ...]:
    """Labels that an existing deployment does not have: the server sets them only when it creates
    one (3.2 to 3.8 answer 422 to a change)."""
    stored = before.deployment.get("labels") or {} if before.deployment else wanted.labels
    differing = [name for name, value in wanted.labels.items() if stored.get(name) != value]
    if not differing:
        return ()
    delete = prefect_command(f"deployment delete {shlex.quote(wanted.full_name)}")
    return (
        f"the server has other values for the labels {', '.join(differing)}, and sets labels only"
        f" when a deployment is created: to change them, delete it with `{delete}` and deploy"
        " again; schedules that were added in the UI are lost",
    )


def _not_running(
    wanted: DesiredDeployment, schedules: Sequence[ScheduleReport], *, paused: bool
) -> Iterator[str]:
    """What keeps a schedule from running that a flag gave or resumed, and so is meant to run."""
    by_flag = wanted.schedule_source is ScheduleSource.FLAG
    if not by_flag and wanted.paused is not False:
        return
    if by_flag and paused and not wanted.paused:
        yield (
            "the deployment is paused: this schedule starts no runs until you resume it with"
            " --no-paused"
        )
    for schedule in schedules:
        if schedule.id and schedule.source != "server" and not schedule.active:
            name = shlex.quote(wanted.full_name)
            resume = prefect_command(f"deployment schedule resume {name} {schedule.id}")
            yield f"this schedule stays paused: resume it in the UI, or with `{resume}`"
