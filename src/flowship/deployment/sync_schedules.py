"""A deployment's schedules on the server: ours converged one by one, a person's never touched.

Schedules are ours by their slug. ``flowship-<content>`` comes from the configuration;
``flowship-cli-<configuration>`` was given by flag, and stays until a flag or the configuration's
schedules change, which is why their fingerprint is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from flowship.deployment import parameters
from flowship.deployment.desired import DeploymentSpec
from flowship.deployment.report import ScheduleReport, schedule_report, stored_schedule
from flowship.deployment.schedules import ScheduleSpec, same_rrule
from flowship.events import Phase, Report
from flowship.prefect.client import Json, PrefectApi

OWN = "flowship-"
BY_FLAG = "flowship-cli-"
ROUNDS = timedelta(minutes=2)  # within which the server has looked at every schedule


@dataclass(frozen=True)
class Converged:
    """What was made of a deployment's schedules.

    Attributes:
        schedules: Every one that the deployment now has, a person's too.
        removed: Those taken away, in words.
        touched: Whether anything was changed.
    """

    schedules: tuple[ScheduleReport, ...]
    removed: tuple[str, ...]
    touched: bool


@dataclass(frozen=True)
class _Step:
    """A schedule wanted, and the stored one that becomes it (None: to be created)."""

    slug: str
    schedule: ScheduleSpec
    stored: Json | None


def is_own(stored: Json) -> bool:
    """Whether flowship made this schedule."""
    return (stored.get("slug") or "").startswith(OWN)


def kept_flag(spec: DeploymentSpec, stored: Sequence[Json]) -> list[Json]:
    """Schedules given by an earlier flag that nothing has changed since."""
    if spec.schedule_source != "configuration":
        return []
    return [one for one in stored if one.get("slug") == BY_FLAG + spec.configured]


def converge(
    api: PrefectApi,
    spec: DeploymentSpec,
    deployment_id: str,
    stored: Sequence[Json],
    report: Report,
) -> Converged:
    """Make flowship's own schedules what `spec` wants, one by one, each in place.

    Args:
        api: The server.
        spec: What is wanted.
        deployment_id: Whose schedules.
        stored: All that the deployment has.
        report: Told what is being done.
    """
    steps, surplus = _match(spec, stored)
    outcomes: dict[str, str] = {}
    for step in steps:
        if step.stored is None:
            report(Phase(f"adding the schedule: {step.schedule.words}"))
            outcomes[_create(api, deployment_id, step)] = "created"
        else:
            body = _changes(step)
            outcomes[step.stored["id"]] = "updated" if body else "unchanged"
            if body:
                report(Phase(f"changing the schedule: {step.schedule.words}"))
                api.update_schedule(deployment_id, step.stored["id"], body)
    for one in surplus:
        report(Phase(f"removing the schedule: {_words(one)}"))
        api.delete_schedule(deployment_id, one["id"])
    touched = bool(surplus) or any(o != "unchanged" for o in outcomes.values())
    after = api.schedules(deployment_id) if touched else stored
    removed = tuple(_words(one) for one in surplus)
    return Converged(_reports(after, outcomes, spec), removed, touched)


def due_soon(schedules: Sequence[ScheduleReport]) -> bool:
    """Whether a run is due before the server's own rounds, which come every minute, put it down
    again: a change of the deployment has taken back what was put down before."""
    soon = datetime.now(timezone.utc) + ROUNDS
    return any(
        datetime.fromisoformat(run.utc) < soon for s in schedules if s.active for run in s.next_runs
    )


def uncountable(schedules: Sequence[ScheduleReport]) -> tuple[ScheduleReport, ...]:
    """Schedules that a person added and that never come to a time: the server plans no run at all
    of a deployment that has an active one, and answers 500 when it is asked to."""
    return tuple(s for s in schedules if s.active and not s.timezone)


def _match(spec: DeploymentSpec, stored: Sequence[Json]) -> tuple[list[_Step], list[Json]]:
    """Pair what is wanted with what is there: same slug, else same content, else in order.

    A paused schedule stays paused through its pair, so the pairs matter.
    """
    own, kept = [s for s in stored if is_own(s)], kept_flag(spec, stored)
    if kept:
        return [], [s for s in own if s not in kept]
    left = sorted(own, key=lambda s: (s["created"], s["slug"]))
    wanted = {_slug(spec, s): s for s in spec.schedules}
    pairs: dict[str, Json] = {}
    rules: tuple[Callable[[str, ScheduleSpec, Json], bool], ...] = (
        lambda slug, schedule, stored: stored["slug"] == slug,
        lambda slug, schedule, stored: _same_times(schedule, stored),
        lambda slug, schedule, stored: True,
    )
    for rule in rules:
        for slug, schedule in wanted.items():
            fitting = [s for s in left if rule(slug, schedule, s)]
            if slug not in pairs and fitting:
                pairs[slug] = fitting[0]
                left.remove(fitting[0])
    return [_Step(slug, s, pairs.get(slug)) for slug, s in wanted.items()], left


def _slug(spec: DeploymentSpec, schedule: ScheduleSpec) -> str:
    if spec.schedule_source == "flag":
        return BY_FLAG + spec.configured
    return OWN + schedule.fingerprint()


def _same_times(schedule: ScheduleSpec, stored: Json) -> bool:
    """Whether the stored one runs at the same times, its parameters apart."""
    body = stored.get("schedule") or {}
    if (body.get("timezone") or "UTC") != schedule.timezone:
        return False
    if schedule.kind == "rrule":
        return same_rrule(body.get("rrule") or "", schedule.expression)
    wanted = schedule.payload()
    return all(body.get(key) == value for key, value in wanted.items() if key != "timezone")


def _changes(step: _Step) -> Json | None:
    """The body that makes the stored schedule the wanted one; None when it is. Never says
    whether it is paused, and sends an interval's stored anchor again, or it would move."""
    assert step.stored is not None
    given = dict(step.schedule.parameters)
    same_times = _same_times(step.schedule, step.stored)
    same_parameters = (step.stored.get("parameters") or {}) == given
    if same_times and same_parameters and step.stored["slug"] == step.slug:
        return None
    body: Json = {"slug": step.slug, "parameters": given}
    if not same_times:
        anchor = (step.stored.get("schedule") or {}).get("anchor_date")
        body["schedule"] = step.schedule.payload(anchor or _now())
    return body


def _create(api: PrefectApi, deployment_id: str, step: _Step) -> str:
    body = {
        "slug": step.slug,
        "schedule": step.schedule.payload(_now()),
        "parameters": dict(step.schedule.parameters),
    }
    created_id: str = api.create_schedule(deployment_id, body)["id"]
    return created_id


def _now() -> str:
    return datetime.now(timezone.utc).replace(microsecond=0).isoformat()


def _reports(
    stored: Sequence[Json], outcomes: Mapping[str, str], spec: DeploymentSpec
) -> tuple[ScheduleReport, ...]:
    now = datetime.now(timezone.utc)
    reports = []
    for one in sorted(stored, key=lambda s: (not is_own(s), s["id"])):
        by_flag = (one.get("slug") or "").startswith(BY_FLAG)
        source = "flag" if by_flag else "configuration" if is_own(one) else "server"
        schedule = stored_schedule(one)
        outcome = outcomes.get(one["id"], "kept")
        if schedule is not None:
            told = schedule_report(
                schedule, now, outcome=outcome, source=source, stored=one,
                schema=spec.image.parameters,
            )  # fmt: skip
        else:
            told = ScheduleReport(
                one["id"], outcome, source, _words(one), "", bool(one["active"]), (),
                parameters.all_masked(one.get("parameters") or {}, spec.image.parameters),
            )  # fmt: skip
        reports.append(told)
    return tuple(reports)


def _words(stored: Json) -> str:
    schedule = stored_schedule(stored)
    return schedule.words if schedule else f"{stored.get('schedule')}, which cannot be counted"
