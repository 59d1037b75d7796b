"""Deletes deployments, with their schedules, and the blocks that nothing else uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flowship import __version__, scope
from flowship.deployment import alerts, block_users, diff_alerts, docker_block, lock
from flowship.deployment.diff_schedules import is_own
from flowship.deployment.execute import execute
from flowship.deployment.plan import Action, Operation, Plan, Resource
from flowship.deployment.stopping import Progress
from flowship.deployment.stored import in_order, words_of
from flowship.errors import ApiError, FlowshipError, UsageError
from flowship.prefect.command import prefect_command
from flowship.releases import store
from flowship.releases.record import Release
from flowship.scope import Scope

if TYPE_CHECKING:
    from flowship.events import Report
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Automation, Deployment
    from flowship.runs.find import FoundDeployment

WHY = "flowship delete"
_BLOCK = re.compile(r"prefect\.blocks\.docker-container\.([a-z0-9-]+)\.")


@dataclass(frozen=True)
class Deleted:
    """What came of it.

    Attributes:
        release: The number of the release that records it; None if no release knew the
            deployments, or it could not be recorded.
        warnings: Why it was not recorded, if it was to be.
    """

    release: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deletion:
    """What would be deleted; nothing has been changed.

    Attributes:
        project: The project's name; None if it is not known.
        last: The last release with one of the deployments; None if there is none.
        lock: The block after which the deploy lock is named.
        deployments: The full names.
        plan: The operations.
        kept: The blocks that other deployments use: name → one of those.
        configured: Those that the folder's configuration still has: full name → where.
    """

    project: str | None
    last: Release | None
    lock: str
    deployments: tuple[str, ...]
    plan: Plan
    kept: dict[str, str]
    configured: dict[str, str]

    def to_json(self, *, done: Deleted, dry_run: bool) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "project": self.project,
            "deployments": list(self.deployments),
            "operations": self.plan.to_json(),
            "kept_blocks": self.kept,
            "configured": self.configured,
            "release": done.release,
            "warnings": list(done.warnings),
            "dry_run": dry_run,
        }


def plan(api: PrefectApi, about: Scope) -> Deletion:
    """What would be deleted: the deployment that the user named, or else all of the project.

    Raises:
        UsageError: There is no such deployment or project, or flowship did not make it.
        ApiError: The API does not answer or refuses.
    """
    own = scope.deployments(api, about)
    found = own.found
    names = tuple(_full_name(each) for each in found)
    blocks = sorted({block for each in found for block in _blocks(each)})
    if not about.deployment:
        blocks = sorted({*blocks, *own.blocks})
    project, last = _release(api, about, names, blocks)
    for each, name in zip(found, names, strict=True):
        if not _blocks(each) and not (last and name in last.names):
            raise _not_ours(name)
    first = next((i.blocks[0] for i in last.images if i.blocks), "") if last else ""
    ids = {each["id"] for each in found}
    users = _users(api, blocks, ids)
    kept = {block: using[-1]["name"] for block, using in users.items() if using}
    whole = None if about.deployment else about.project
    # The deployments are the last: as long as one is there, the command can be run again.
    operations = [
        *_alerts(api, users, ids, whole),
        *(o for each in found for o in _schedules(each)),
        *_block_operations(api, [block for block in blocks if block not in kept]),
        *(
            Operation(Action.DELETE, Resource.DEPLOYMENT, name, WHY, id=each["id"])
            for each, name in zip(found, names, strict=True)
        ),
    ]
    if not operations:
        raise UsageError(
            f'the project "{about.project}" has no deployment at {api.url}',
            code="project-not-deployed",
            hint="there is nothing to delete",
        )
    held = first or (about.lock if about.project else next(iter(blocks), ""))
    configured = _configured(about, found)
    return Deletion(project, last, held, names, Plan(tuple(operations)), kept, configured)


def carry_out(
    api: PrefectApi, about: Scope, shown: Deletion, report: Report, *, wait: bool = True
) -> Deleted:
    """Delete what was shown, under the deploy lock, and record a release.

    Raises:
        ApiError: The API does not answer or refuses, or a deploy is in progress.
        Interrupted: Ctrl-C, after some of it was deleted.
    """
    with lock.held(api, shown.lock, wait=wait, report=report) as held:
        now = plan(api, about)
        agreed = {(o.resource, o.id) for o in shown.plan.operations}
        left = Plan(tuple(o for o in now.plan.operations if (o.resource, o.id) in agreed))
        done: list[Operation] = []
        progress = Progress(what="deletion")
        progress.planned(len(left.operations))

        def made(operation: Operation) -> None:
            progress.made()
            done.append(operation)

        with progress.explaining():
            try:
                execute(left, api, report, before_each=held.check, after_each=made)
            except FlowshipError as exc:
                _record(api, shown, done, held.who, exc.message)
                raise
            except KeyboardInterrupt:
                with suppress(KeyboardInterrupt):  # a second one leaves that out
                    missing = "" if progress.is_complete else "interrupted"
                    _record(api, shown, done, held.who, missing)
                raise
        return _record(api, shown, done, held.who)


def _record(
    api: PrefectApi, deletion: Deletion, done: Sequence[Operation], who: str, incomplete: str = ""
) -> Deleted:
    """Record what is left of the project."""
    if deletion.last is None or not done:
        return Deleted()
    try:
        previous = store.read_previous(api, deletion.last.project, deletion.last.environment)
        last = previous.release or deletion.last
        return Deleted(store.add(api, _without(last, done, who, incomplete)).number)
    except ApiError as exc:
        return Deleted(warnings=(store.not_recorded(exc),))


def _without(last: Release, done: Sequence[Operation], who: str, incomplete: str) -> Release:
    """The release of a project from which something was deleted."""
    gone = {o.name for o in done if o.resource is Resource.DEPLOYMENT}
    blocks = {o.name for o in done if o.resource is Resource.BLOCK}
    resources = {*(f"deployment {name}" for name in gone), *(f"block {name}" for name in blocks)}
    resources |= {f"schedule {o.id}" for o in done}
    return replace(
        last,
        made_by="delete",
        who=who,
        flowship=__version__,
        images=tuple(i for i in last.images if i.block not in blocks),
        deployments=tuple(d for d in last.deployments if d.full_name not in gone),
        operations=tuple(o.to_json() for o in done),
        applied={k: v for k, v in last.applied.items() if k.rpartition(" ")[0] not in resources},
        incomplete=incomplete,
    )


# --- what is deleted -----------------------------------------------------------------------------


def _configured(about: Scope, found: Sequence[FoundDeployment]) -> dict[str, str]:
    """Those that the folder's project configures, and where: its next deploy makes them again."""
    here = about.outline
    if here is None or about.unconfigured:
        return {}
    places = {name: here.place("default-deployment") for name in here.deployment_names}
    for number, deployment in enumerate(here.deployments):
        places[deployment.name] = here.place("deployments", number, "name")
    blocks = {*here.blocks}
    own = (each for each in found if each["name"] in places and blocks & _blocks(each))
    return {_full_name(each): places[each["name"]] for each in own}


def _full_name(deployment: FoundDeployment) -> str:
    return f"{deployment['flow_name']}/{deployment['name']}"


def _blocks(deployment: FoundDeployment) -> set[str]:
    """The Docker Container blocks that a deployment refers to."""
    return set(_BLOCK.findall(str(deployment["job_variables"])))


def _schedules(deployment: FoundDeployment) -> Iterator[Operation]:
    why = "its deployment is deleted"
    for schedule in in_order(deployment["schedules"]):
        yield Operation(
            Action.DELETE,
            Resource.SCHEDULE,
            f"{_full_name(deployment)}: {words_of(schedule)}",
            why if is_own(schedule) else f"{why}; a person made it, and no rollback brings it back",
            id=schedule["id"],
            parent=deployment["id"],
        )


def _alerts(
    api: PrefectApi, users: Mapping[str, Sequence[Deployment]], deleted: set[str], whole: str | None
) -> Iterator[Operation]:
    """The automations that are about nothing else.

    Args:
        api: The server.
        users: Block → the deployments that stay on it.
        deleted: The ids of the deployments that are deleted.
        whole: The project, if all of it is deleted: then its alerts go too that are about
            deployments which are gone, or now another project's.
    """
    for automation in alerts.stored(api, users):
        about = diff_alerts.stored_deployments(automation)
        if about and deleted.issuperset(about):
            yield _alert(automation, "its deployments are deleted")
    for block, using in users.items() if whole else ():
        stay = {each["id"] for each in using}
        for automation in api.automations_of(alerts.owner_of(str(whole), block)):
            about = diff_alerts.stored_deployments(automation)
            if stay.isdisjoint(about) and not deleted.issuperset(about):
                yield _alert(automation, f"it is about no deployment of {whole}")


def _alert(automation: Automation, why: str) -> Operation:
    return Operation(
        Action.DELETE, Resource.AUTOMATION, automation["name"], why, id=automation["id"]
    )


def _users(
    api: PrefectApi, blocks: Sequence[str], deleted: set[str]
) -> dict[str, list[Deployment]]:
    """Of each block, the other deployments that refer to it."""
    return {
        block: [
            other
            for other in api.deployments(flows=block_users.flows(api, block))
            if other["id"] not in deleted and docker_block.refers_to(other["job_variables"], block)
        ]
        for block in blocks
    }


def _block_operations(api: PrefectApi, blocks: Sequence[str]) -> list[Operation]:
    found = api.block_documents(docker_block.SLUG, blocks) if blocks else []
    return [
        Operation(
            Action.DELETE,
            Resource.BLOCK,
            document["name"],
            "no other deployment uses it",
            id=document["id"],
        )
        for document in found
    ]


def _release(
    api: PrefectApi, about: Scope, names: Sequence[str], blocks: Sequence[str]
) -> tuple[str | None, Release | None]:
    """The project, and its last release that has one of the deployments.

    Outside of a project, the name of the block says which project it may be.
    """
    candidates = [about.project] if about.project else [b.removesuffix("-docker") for b in blocks]
    for project in candidates:
        for release in store.current(api, project):
            if release.names & {*names}:
                return project, release
    return about.project, None


def _not_ours(name: str) -> UsageError:
    return UsageError(
        f"{name} was not deployed by flowship",
        code="deployment-not-flowships",
        hint=f"delete it with `{prefect_command(f'deployment delete {name}')}`",
        where="DEPLOYMENT",
    )
