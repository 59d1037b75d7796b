"""The automations of the alerts: created, changed in place, or deleted. Pure.

An automation is flowship's by its owner, which only its creator can set. A person's are never read.
Whether one is enabled is a person's, as whether a schedule is paused.

A deploy of some of the deployments adds them to what is stored; one of all of them also removes
those that left the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowship.deployment.plan import Action, FieldChange, IdOf, Operation, Resource, fingerprint

if TYPE_CHECKING:
    from flowship.deployment.alerts import DesiredAutomation
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.observed import ServerState
    from flowship.prefect.types import Automation

DEPLOYMENT = "prefect.deployment."
_TRIGGER = ("type", "posture", "match", "after", "expect", "for_each", "threshold", "within")


@dataclass(frozen=True)
class Match:
    """An automation wanted, and the stored one that becomes it (None: to be created)."""

    wanted: DesiredAutomation
    stored: Automation | None


def operations(desired: DesiredState, state: ServerState) -> Iterator[Operation]:
    """Make flowship's own automations what is wanted, each in place."""
    matches, surplus = match(desired, state.alerts)
    names = _names(desired, state)
    for one in matches:
        ids = _deployments(one, desired, state)
        if one.stored is None and ids:
            yield _create(one.wanted, ids, desired, state)
        elif one.stored is not None:
            yield from _update(one.wanted, one.stored, ids, desired, state, names)
    for left in surplus:
        yield Operation(
            Action.DELETE, Resource.AUTOMATION, left["name"], "no longer configured", id=left["id"]
        )


def match(
    desired: DesiredState, stored: Sequence[Automation]
) -> tuple[list[Match], list[Automation]]:
    """Pair what is wanted with what exists: same name, else same trigger and action, else the same
    kind of both.

    A disabled automation stays disabled through its pair, so the pairs matter.

    Returns:
        The pairs, and the automations that are no longer wanted.
    """
    left = sorted(stored, key=lambda a: (a["name"], a["id"]))
    pairs: dict[str, Automation] = {}
    rules: tuple[Callable[[DesiredAutomation, Automation], bool], ...] = (
        lambda wanted, found: found["name"] == wanted.name,
        lambda wanted, found: _content(wanted) == _stored_content(found),
        lambda wanted, found: _kind(_content(wanted)) == _kind(_stored_content(found)),
    )
    for rule in rules:
        for wanted in desired.alerts.automations:
            fitting = [a for a in left if rule(wanted, a)]
            if wanted.name not in pairs and fitting:
                pairs[wanted.name] = fitting[0]
                left.remove(fitting[0])
    return [Match(w, pairs.get(w.name)) for w in desired.alerts.automations], left


def stored_fields(automation: Automation) -> dict[str, Any]:
    """Its fields as flowship writes them, one value each: ``trigger.within``, ``action.body``."""
    fields: dict[str, Any] = {k: automation[k] for k in ("name", "description")}
    fields |= _flat("trigger", _stored_trigger(automation))
    fields["deployments"] = sorted(stored_deployments(automation))
    first, *others = automation["actions"] or [{}]
    fields |= _flat("action", {k: v for k, v in first.items() if v is not None})
    return fields | ({"other actions": others} if others else {})


# --- one automation ------------------------------------------------------------------------------


def _create(
    wanted: DesiredAutomation,
    ids: Sequence[str | IdOf],
    desired: DesiredState,
    state: ServerState,
) -> Operation:
    body = _body(wanted, ids, desired, state)
    return Operation(
        Action.CREATE,
        Resource.AUTOMATION,
        wanted.name,
        "it does not exist",
        body={**body, "owner_resource": desired.alerts.owner},
    )


def _update(
    wanted: DesiredAutomation,
    stored: Automation,
    ids: Sequence[str | IdOf],
    desired: DesiredState,
    state: ServerState,
    names: _Names,
) -> Iterator[Operation]:
    body = _body(wanted, ids, desired, state)
    before, after = stored_fields(stored), _fields(body, ids)
    changes = tuple(
        FieldChange(
            name,
            names.shown(name, before),
            names.shown(name, after),
            "configuration" if name in after else "not configured",
            fingerprint=fingerprint(before.get(name)),
        )
        for name in dict.fromkeys((*after, *before))
        if (name in after or name in ("other actions",) or not name.startswith("action"))
        and before.get(name) != after.get(name)
    )
    if changes:
        yield Operation(
            Action.UPDATE,
            Resource.AUTOMATION,
            wanted.name,
            ", ".join(dict.fromkeys(change.reason for change in changes)),
            changes=changes,
            id=stored["id"],
            body={**body, "enabled": stored["enabled"]},
        )


def _body(
    wanted: DesiredAutomation,
    ids: Sequence[str | IdOf],
    desired: DesiredState,
    state: ServerState,
) -> dict[str, Any]:
    """What the API takes."""
    resources = [
        IdOf(each.key, DEPLOYMENT) if isinstance(each, IdOf) else DEPLOYMENT + each for each in ids
    ]
    related = {"prefect.resource.role": "deployment", "prefect.resource.id": resources}
    block = state.ground.notifications.get(wanted.notify)
    action = {**wanted.action, "block_document_id": block} if wanted.notify else wanted.action
    return {
        "name": wanted.name,
        "description": desired.alerts.description,
        "trigger": {**wanted.trigger, "match_related": related},
        "actions": [dict(action)],
    }


def _fields(body: Mapping[str, Any], ids: Sequence[str | IdOf]) -> dict[str, Any]:
    """As `stored_fields`, of what is sent."""
    shown = sorted(each.key if isinstance(each, IdOf) else each for each in ids)
    return {
        "name": body["name"],
        "description": body["description"],
        **_flat("trigger", _normal(body["trigger"])),
        "deployments": shown,
        **_flat("action", body["actions"][0]),
    }


# --- which deployments ---------------------------------------------------------------------------


def _deployments(one: Match, desired: DesiredState, state: ServerState) -> list[str | IdOf]:
    pairs = list(zip(desired.deployments, state.deployments, strict=True))
    ids: list[str | IdOf] = [
        found.deployment["id"] if found.deployment else IdOf(f"deployment {wanted.full_name}")
        for wanted, found in pairs
        if one.wanted.is_about(wanted.name)
    ]
    if one.stored is None or not set(desired.configured) - {d.name for d in desired.deployments}:
        return ids
    known = {found.deployment["id"] for _, found in pairs if found.deployment}
    kept = [each for each in stored_deployments(one.stored) if each not in known]
    return [*kept, *ids]


def stored_deployments(automation: Automation) -> list[str]:
    """The ids of the deployments that an automation is about."""
    related = automation["trigger"].get("match_related") or {}
    tables = related if isinstance(related, list) else [related]
    found = [each for table in tables for each in _listed(table.get("prefect.resource.id"))]
    return [each.removeprefix(DEPLOYMENT) for each in found]


@dataclass(frozen=True)
class _Names:
    """How deployments are shown.

    Attributes:
        known: Id → full name.
        unknown: In place of an id that is in no list.
    """

    known: Mapping[str, str]
    unknown: str

    def shown(self, field: str, fields: Mapping[str, Any]) -> object:
        """The value of a field, with names in place of ids."""
        value = fields.get(field)
        if field != "deployments":
            return value
        return sorted(self.known.get(str(i), self.unknown) for i in _listed(value))


def _names(desired: DesiredState, state: ServerState) -> _Names:
    """Of this deploy, and of others that are or were on the project's blocks."""
    pairs = zip(desired.deployments, state.deployments, strict=True)
    known = {each.deployment["id"]: each.name for each in (*state.sharing, *state.former)}
    known |= {found.deployment["id"]: d.full_name for d, found in pairs if found.deployment}
    known |= {f"deployment {d.full_name}": d.full_name for d in desired.deployments}
    # One that moved to another image is not in the lists of this one.
    return _Names(known, "another deployment" if desired.elsewhere else "a deleted deployment")


# --- triggers and actions, compared --------------------------------------------------------------


def _content(wanted: DesiredAutomation) -> tuple[object, object]:
    return _normal(wanted.trigger), dict(wanted.action)


def _stored_content(stored: Automation) -> tuple[object, object]:
    action = dict(stored["actions"][0]) if stored["actions"] else {}
    action.pop("block_document_id", None)
    return _stored_trigger(stored), {k: v for k, v in action.items() if v not in (None, False)}


def _kind(content: tuple[Any, Any]) -> tuple[object, ...]:
    """What stays of an automation whose time or notification block changes."""
    trigger, action = content
    labels = {k: v for k, v in trigger["match"].items() if k != "prefect.resource.id"}
    return (trigger["posture"], trigger["after"], labels, action.get("type"))


def _stored_trigger(stored: Automation) -> dict[str, Any]:
    return _normal(stored["trigger"])


def _normal(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger as every server answers it: sets in one order, a single text as a list."""
    found = {name: trigger.get(name) for name in _TRIGGER}
    for name in ("after", "expect", "for_each"):
        found[name] = sorted(found[name] or [])
    found["match"] = {k: _listed(v) for k, v in (found["match"] or {}).items()}
    found["within"] = float(found["within"] or 0)
    return found


def _listed(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [str(value)] if value else []


def _flat(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}.{key}": value for key, value in table.items()}
