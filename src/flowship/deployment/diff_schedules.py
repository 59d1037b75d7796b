"""A deployment's schedules: flowship's own are changed one by one, a person's never. Pure.

A schedule is flowship's by the beginning of its slug. ``flowship-<times>`` comes from the
configuration, with a fingerprint at its end if several have these times.
``flowship-cli-<times>-<configuration>`` was given by flag, and stays until a flag or the
configuration's schedules change, which is why their fingerprint is in it.

Earlier versions wrote fingerprints in place of the times. Such a schedule is found by its content
and gets the new slug; its id stays, and so does whether it is paused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flowship.deployment import parameters
from flowship.deployment.desired import DesiredDeployment, DesiredState, ScheduleSource
from flowship.deployment.plan import Action, FieldChange, IdOf, Operation, Resource, fingerprint
from flowship.deployment.schedules import ScheduleSpec, same_rrule
from flowship.deployment.stored import parse_moment, words_of

if TYPE_CHECKING:
    from flowship.deployment.observed import ObservedDeployment
    from flowship.prefect.types import Schedule

OWN = "flowship-"
BY_FLAG = "flowship-cli-"


@dataclass(frozen=True)
class Match:
    """A schedule wanted, and the stored one that becomes it (None: to be created)."""

    slug: str
    schedule: ScheduleSpec
    stored: Schedule | None


def is_own(stored: Schedule) -> bool:
    """Whether flowship made this schedule."""
    return (stored.get("slug") or "").startswith(OWN)


def kept_from_flag(wanted: DesiredDeployment, stored: Sequence[Schedule]) -> list[Schedule]:
    """Schedules given by an earlier flag that nothing has changed since."""
    if wanted.schedule_source is not ScheduleSource.CONFIGURATION:
        return []
    return [one for one in stored if _is_of_flag(one.get("slug") or "", wanted.configured)]


def _is_of_flag(slug: str, configured: str) -> bool:
    return slug.startswith(BY_FLAG) and slug.endswith(f"-{configured}")


def operations(
    wanted: DesiredDeployment,
    found: ObservedDeployment,
    parent: str | IdOf,
    desired: DesiredState,
) -> Iterator[Operation]:
    """Make flowship's own schedules what is wanted, one by one, each in place.

    Args:
        wanted: The deployment.
        found: The same on the server, with all its schedules.
        parent: The deployment's id.
        desired: What the deployment is part of.
    """
    matches, surplus = match(wanted, found.schedules)
    schemas = (wanted.schema, found.parameter_schema)
    for one in matches:
        if one.stored is None:
            yield _create(wanted, one, parent, desired.now)
        elif body := _update_body(one, one.stored, desired.now):
            yield Operation(
                Action.UPDATE,
                Resource.SCHEDULE,
                f"{wanted.full_name}: {one.schedule.words}",
                _why(wanted),
                changes=tuple(_changes(wanted, one, one.stored, schemas)),
                id=one.stored["id"],
                parent=parent,
                body=body,
            )
    for left in surplus:
        yield Operation(
            Action.DELETE,
            Resource.SCHEDULE,
            f"{wanted.full_name}: {words_of(left)}",
            _why_removed(wanted),
            id=left["id"],
            parent=parent,
        )


def match(
    wanted: DesiredDeployment, stored: Sequence[Schedule]
) -> tuple[list[Match], list[Schedule]]:
    """Pair what is wanted with what exists: same slug, else same times and parameters, else same
    times, else in order.

    A paused schedule stays paused through its pair, so the pairs matter.

    Returns:
        The pairs, and flowship's own schedules that are no longer wanted.
    """
    own, kept = [s for s in stored if is_own(s)], kept_from_flag(wanted, stored)
    if kept:
        return [], [s for s in own if s not in kept]
    left = sorted(own, key=lambda s: (s["created"], str(s["slug"])))
    slugs = _slugs(wanted)
    pairs: dict[str, Schedule] = {}
    rules: tuple[Callable[[str, ScheduleSpec, Schedule], bool], ...] = (
        lambda slug, schedule, stored: stored["slug"] == slug,
        lambda slug, schedule, stored: _same_content(schedule, stored),
        lambda slug, schedule, stored: _same_times(schedule, stored),
        lambda slug, schedule, stored: True,
    )
    for rule in rules:
        for slug, schedule in slugs.items():
            fitting = [s for s in left if rule(slug, schedule, s)]
            if slug not in pairs and fitting:
                pairs[slug] = fitting[0]
                left.remove(fitting[0])
    return [Match(slug, s, pairs.get(slug)) for slug, s in slugs.items()], left


def _slugs(wanted: DesiredDeployment) -> dict[str, ScheduleSpec]:
    """The schedules by their slugs, each of them unique within the deployment."""
    if wanted.slugs:
        return dict(zip(wanted.slugs, wanted.schedules, strict=True))
    if wanted.schedule_source is ScheduleSource.FLAG:
        return {f"{BY_FLAG}{s.slug}-{wanted.configured}": s for s in wanted.schedules}
    often = Counter(s.slug for s in wanted.schedules)
    return {
        OWN + (s.slug if often[s.slug] == 1 else f"{s.slug}-{s.fingerprint()}"): s
        for s in wanted.schedules
    }


def has_slug(one: Match, stored: Mapping[str, Any]) -> bool:
    """Whether a stored schedule has the slug of one that is wanted."""
    return bool(stored["slug"] == one.slug)


def has_content(one: Match, stored: Mapping[str, Any]) -> bool:
    """Whether a stored schedule runs at the same times, with the same parameters."""
    return _same_content(one.schedule, stored)


def has_times(one: Match, stored: Mapping[str, Any]) -> bool:
    """Whether a stored schedule runs at the same times, whatever its parameters."""
    return _same_times(one.schedule, stored)


def _same_content(schedule: ScheduleSpec, stored: Mapping[str, Any]) -> bool:
    given = dict(schedule.parameters)
    return _same_times(schedule, stored) and (stored.get("parameters") or {}) == given


def _same_times(schedule: ScheduleSpec, stored: Mapping[str, Any]) -> bool:
    """Whether the stored one runs at the same times, whatever its parameters."""
    body = stored.get("schedule") or {}
    if (body.get("timezone") or "UTC") != schedule.timezone:
        return False
    if schedule.kind == "rrule":
        return same_rrule(body.get("rrule") or "", schedule.expression)
    anchor = body.get("anchor_date")
    if schedule.anchor and not (anchor and _are_equal(parse_moment(anchor), schedule.anchor)):
        return False
    wanted = schedule.payload()
    apart = ("timezone", "anchor_date")
    return all(body.get(key) == value for key, value in wanted.items() if key not in apart)


def _are_equal(one: datetime, other: datetime) -> bool:
    """Python calls two moments different if the clock of one of them shows this time twice."""
    return one.timestamp() == other.timestamp()


def _create(wanted: DesiredDeployment, one: Match, parent: str | IdOf, now: datetime) -> Operation:
    return Operation(
        Action.CREATE,
        Resource.SCHEDULE,
        f"{wanted.full_name}: {one.schedule.words}",
        _why(wanted),
        parent=parent,
        body={
            "slug": one.slug,
            "schedule": one.schedule.payload(wanted.anchors.get(one.slug, now.isoformat())),
            "parameters": dict(one.schedule.parameters),
            **({"active": False} if one.slug in wanted.paused_slugs else {}),
        },
    )


def _update_body(one: Match, stored: Schedule, now: datetime) -> dict[str, Any] | None:
    """What to send, or None where nothing differs. It never says whether the schedule is paused,
    and it repeats an interval's stored anchor, or the interval would move."""
    if _same_content(one.schedule, stored) and stored["slug"] == one.slug:
        return None
    body: dict[str, Any] = {"slug": one.slug, "parameters": dict(one.schedule.parameters)}
    if not _same_times(one.schedule, stored):
        anchor = (stored.get("schedule") or {}).get("anchor_date")
        body["schedule"] = one.schedule.payload(anchor or now.isoformat())
    return body


def _changes(
    wanted: DesiredDeployment,
    one: Match,
    stored: Schedule,
    schemas: Sequence[Mapping[str, Any] | None],
) -> Iterator[FieldChange]:
    why, found = _why(wanted), False
    if not _same_times(one.schedule, stored):
        mark = fingerprint(stored.get("schedule"))
        yield FieldChange("schedule", words_of(stored), one.schedule.words, why, fingerprint=mark)
        found = True
    had, given = stored.get("parameters") or {}, dict(one.schedule.parameters)
    before, after = parameters.all_masked(had, *schemas), parameters.all_masked(given, *schemas)
    for name in sorted({*had, *given}):
        if had.get(name) != given.get(name):
            mark = fingerprint(had.get(name))
            shown = before.get(name), after.get(name)
            yield FieldChange(f"parameters.{name}", *shown, why, fingerprint=mark)
            found = True
    if not found:
        yield FieldChange("slug", stored["slug"], one.slug, why)


def _why(wanted: DesiredDeployment) -> str:
    return "by flag" if wanted.schedule_source is ScheduleSource.FLAG else "configuration"


def _why_removed(wanted: DesiredDeployment) -> str:
    if wanted.schedule_source is ScheduleSource.NONE:
        return "--no-schedule"
    by_flag = wanted.schedule_source is ScheduleSource.FLAG
    return "replaced by flag" if by_flag else "no longer configured"
