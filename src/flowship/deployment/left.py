"""Deployments that an earlier release made and the configuration no longer has. Pure.

They run as before until they are removed: with ``--prune`` a deploy deletes them. One that was
renamed hands its state on to its new name: what a person paused stays paused.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowship.deployment import diff_alerts, diff_schedules, docker_block
from flowship.deployment.desired import WhenRemoved
from flowship.deployment.plan import Action, FieldChange, IdOf, Operation, Resource, fingerprint
from flowship.deployment.stored import words_of

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredDeployment, DesiredState
    from flowship.deployment.drift import LastRelease
    from flowship.deployment.observed import ObservedDeployment, ServerState
    from flowship.prefect.types import Deployment, Schedule

NOT_CONFIGURED = "no longer configured"
ADDED = "it has a schedule that was added on the server"


@dataclass(frozen=True)
class Left:
    """One such deployment, which stays.

    Attributes:
        name: ``flow/deployment``.
        id: The server's.
        block: The block that its runs read.
        runs: Its active schedules in English; empty for one that is paused.
        paused: Whether it is paused, or is now.
        added: The schedules that a person added to it, in English: they keep it from being deleted.
        renamed_to: The configured deployment that has its flow and parameters under a new name.
        prune: Whether it was to be deleted.
        watched: Whether alerts report its runs; None if the project has none.
        deletes: What deletes it: an option, or a command.
        prunable: Whether ``--prune`` would delete it.
    """

    name: str
    id: str
    block: str
    runs: tuple[str, ...]
    paused: bool
    added: tuple[str, ...] = ()
    renamed_to: str | None = None
    prune: bool = False
    watched: bool | None = None
    deletes: str = "--prune"
    prunable: bool = True

    @property
    def words(self) -> str:
        """What it does, and how it is removed."""
        state = "paused" if self.paused else "no active schedule"
        doing = f"still runs {' and '.join(self.runs)}" if self.runs else state
        if self.runs and self.watched is not None:
            doing += f", {'with' if self.watched else 'without'} alerts"
        renamed = f"renamed to {self.renamed_to}? " if self.renamed_to else ""
        if self.prune:
            return f"{doing}; not deleted: {ADDED}; {self.deletes} deletes it"
        but = "" if self.prunable else f"; --prune does not: {ADDED}"
        return f"{doing}; {renamed}{self.deletes} deletes it{but}"

    def to_json(self) -> dict[str, Any]:
        """The deployment as JSON values only."""
        return {
            "name": self.name,
            "id": self.id,
            "block": self.block,
            "runs": list(self.runs),
            "paused": self.paused,
            "added": list(self.added),
            "renamed_to": self.renamed_to,
        }


def left(
    desired: DesiredState, state: ServerState, last: LastRelease, *, done: bool = False
) -> tuple[Left, ...]:
    """Those that stay after the deploy.

    Args:
        desired: What is to be deployed.
        state: What the server had before.
        last: The last release.
        done: Whether it was deployed: then the new name exists, and nothing moves along later.
    """
    renamed = {stored["id"]: to for to, stored in _renamed(desired, state, last).items()}
    prune = desired.when_removed is WhenRemoved.PRUNE
    pause = desired.when_removed is WhenRemoved.PAUSE
    found: list[Left] = []
    for name, stored in _gone(desired, state, last).items():
        if prune and _may_delete(stored, renamed):
            continue
        prunable = _may_delete(stored, {} if done else renamed)
        # A ship can be repeated with the option; after a rollback, the command is simpler.
        by_option = prunable and not desired.origin
        one = _left(name, stored, renamed.get(stored["id"]), prune=prune, pause=pause)
        watched = _watched(desired, state, stored)
        deletes = "--prune" if by_option else f"`{desired.deletes} {shlex.quote(name)}`"
        found.append(replace(one, watched=watched, deletes=deletes, prunable=prunable))
    return tuple(found)


def _watched(desired: DesiredState, state: ServerState, stored: Deployment) -> bool | None:
    """Whether alerts report its runs after the deploy: those of its image are about what is
    deployed of it, and those of an image that is gone stay as they are."""
    about = (diff_alerts.stored_deployments(each) for each in state.former_alerts)
    if any(stored["id"] in ids for ids in about):
        return True
    return False if desired.alerts.automations or state.alerts else None


def operations(desired: DesiredState, state: ServerState, last: LastRelease) -> Iterator[Operation]:
    """Delete or pause them, as far as that is wanted."""
    renamed = {stored["id"]: to for to, stored in _renamed(desired, state, last).items()}
    for name, stored in _gone(desired, state, last).items():
        if desired.when_removed is WhenRemoved.PRUNE and _may_delete(stored, renamed):
            to = renamed.get(stored["id"])
            reason = f"renamed to {to}" if to else NOT_CONFIGURED
            yield Operation(Action.DELETE, Resource.DEPLOYMENT, name, reason, id=stored["id"])
        elif desired.when_removed is WhenRemoved.PAUSE and not stored["paused"]:
            change = FieldChange(
                "paused", False, True, "when-removed", fingerprint=fingerprint(False)
            )
            yield Operation(
                Action.UPDATE,
                Resource.DEPLOYMENT,
                name,
                NOT_CONFIGURED,
                changes=(change,),
                id=stored["id"],
                body={"paused": True},
            )


def without_their_alerts(deleted: Collection[str], state: ServerState) -> Iterator[Operation]:
    """Delete the alerts of images that are gone, if they are about nothing else.

    Args:
        deleted: The ids of the deployments that are deleted.
        state: What the server has.
    """
    for automation in state.former_alerts:
        about = diff_alerts.stored_deployments(automation)
        if about and set(about) <= set(deleted):
            yield Operation(
                Action.DELETE, Resource.AUTOMATION, automation["name"], NOT_CONFIGURED,
                id=automation["id"],
            )  # fmt: skip


def alerts_of_taken(desired: DesiredState, state: ServerState) -> Iterator[Operation]:
    """Delete the alerts of another project, or of an earlier name of this project's block, that
    are about nothing but deployments which this deploy moves here: each failure would be reported
    by both."""
    ours = {each.deployment["id"] for each in state.deployments if each.deployment}
    ours |= {each.deployment["id"] for each in state.sharing}
    for automation in state.taken_alerts:
        about = diff_alerts.stored_deployments(automation)
        if about and ours.issuperset(about):
            yield Operation(
                Action.DELETE, Resource.AUTOMATION, automation["name"],
                f"its deployments move to the block {desired.block.name}", id=automation["id"],
            )  # fmt: skip


def moved(
    wanted: DesiredDeployment, found: ObservedDeployment, old: Deployment
) -> Iterator[Operation]:
    """Create the schedules that a person added to a deployment that is deleted under its old name.

    Args:
        wanted: The deployment.
        found: The same on the server.
        old: The one of the old name.
    """
    parent: str | IdOf = IdOf(f"deployment {wanted.full_name}")
    parent = found.deployment["id"] if found.deployment else parent
    yield from (_moved(wanted, one, parent) for one in _added(old))


def renamed(
    desired: DesiredState, state: ServerState, last: LastRelease
) -> Mapping[str, Deployment]:
    """Deployments that are created under a new name → what they were."""
    return _renamed(desired, state, last)


def _moved(wanted: DesiredDeployment, stored: Schedule, parent: str | IdOf) -> Operation:
    body = {key: stored.get(key) for key in ("schedule", "parameters", "active", "slug")}
    return Operation(
        Action.CREATE,
        Resource.SCHEDULE,
        f"{wanted.full_name}: {words_of(stored)}",
        "added on the server, moves along",
        parent=parent,
        body={key: value for key, value in body.items() if value is not None},
    )


def _gone(desired: DesiredState, state: ServerState, last: LastRelease) -> dict[str, Deployment]:
    """What the project deployed and does not configure."""
    if desired.when_removed is WhenRemoved.SELECTED:
        return {}
    return {
        other.name: other.deployment
        for other in (*state.sharing, *state.former)
        if other.name in last.deployments and other.name.rpartition("/")[2] not in desired.elsewhere
    }


def _left(
    name: str, stored: Deployment, renamed_to: str | None, *, prune: bool, pause: bool
) -> Left:
    paused = bool(stored["paused"]) or pause
    active = [s for s in stored["schedules"] if s["active"]]
    return Left(
        name=name,
        id=stored["id"],
        block=docker_block.block_of(stored["job_variables"]),
        runs=() if paused else tuple(words_of(s) for s in active),
        paused=paused,
        added=tuple(words_of(s) for s in _added(stored)),
        renamed_to=renamed_to,
        prune=prune,
    )


def _added(stored: Deployment) -> list[Schedule]:
    return [s for s in stored["schedules"] if not diff_schedules.is_own(s)]


def _may_delete(stored: Deployment, renamed: Mapping[str, str]) -> bool:
    """A schedule that a person added would be lost, unless it moves along."""
    return not _added(stored) or stored["id"] in renamed


def _renamed(desired: DesiredState, state: ServerState, last: LastRelease) -> dict[str, Deployment]:
    gone = _gone(desired, state, last)
    new = [
        wanted
        for wanted, found in zip(desired.deployments, state.deployments, strict=True)
        if _is_new(found, known=wanted.full_name in last.deployments, last=last)
    ]
    pairs: dict[str, Deployment] = {}
    for wanted in new:
        fitting = [name for name, stored in gone.items() if _is_same(wanted, name, stored)]
        others = [n for n in new for f in fitting if _is_same(n, f, gone[f])]
        if len(fitting) == 1 and len(others) == 1:  # else nothing says which one it was
            pairs[wanted.full_name] = gone[fitting[0]]
    return pairs


def _is_new(found: ObservedDeployment, *, known: bool, last: LastRelease) -> bool:
    """Whether it is created now, or was by a deploy that did not come to its schedules; what an
    earlier release has under its new name was not renamed since."""
    if found.deployment is None:
        return not known
    return not found.schedules and (last.incomplete or not known)


def _is_same(wanted: DesiredDeployment, name: str, stored: Deployment) -> bool:
    """Whether a deployment is the stored one under another name: of itself, or of its flow."""
    flow, _, own = name.rpartition("/")
    if stored["entrypoint"] != wanted.entrypoint:
        return False
    return own == wanted.name or (
        flow == wanted.flow_name and (stored["parameters"] or {}) == wanted.parameters
    )
