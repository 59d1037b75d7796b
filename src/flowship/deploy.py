"""The deploy step: observe the server, compare, execute under the deploy lock, read back.

Deploying twice changes nothing, and what a person did in the UI stays: a paused schedule stays
paused, a schedule added there stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowship.deployment import (
    block_users,
    diff_schedules,
    docker_block,
    lock,
    other_environments,
    parameters,
    references,
    secrets,
)
from flowship.deployment.desired import DesiredDeployment, DesiredState, FlowFacts, ImageFacts
from flowship.deployment.diff import attribute, diff
from flowship.deployment.draft import Draft, parameter_required
from flowship.deployment.drift import LastRelease
from flowship.deployment.execute import execute
from flowship.deployment.observed import (
    Ground,
    ObservedDeployment,
    ServerState,
    observe,
    observe_again,
    observe_deployments,
    observe_ground,
)
from flowship.deployment.plan import Operation, Plan
from flowship.deployment.pools import creation, job_variables, pool_of, worker_command
from flowship.deployment.report import DeployReport
from flowship.deployment.stopping import Progress
from flowship.deployment.stored import stored_schedule
from flowship.deployment.summary import Outcome, summarize
from flowship.errors import ApiError, FlowshipError
from flowship.events import Phase, Report, silent
from flowship.local.online import ended_worker, online
from flowship.prefect import versions
from flowship.prefect.errors import ConflictError
from flowship.releases import store
from flowship.releases.last import last_release
from flowship.releases.making import Deployed, Origin
from flowship.releases.recording import Recorder

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Deployment

ATTEMPTS = 3

Each = Callable[..., list[Any]]
"""Calls a function with the item of each column, once for each image."""


def map_all(work: Callable[..., Any], *columns: Sequence[Any]) -> list[Any]:
    """The results of `work`, called with the items of each column."""
    return [work(*items) for items in zip(*columns, strict=True)]


def preflight(draft: Draft, api: PrefectApi, planned_prefect: str | None = None) -> Ground:
    """Validate what only the server knows, before a slow build: that it answers, that its version
    runs the image, that the pool runs containers and has the job variables, that the credentials
    block exists, and so do all secrets and everything that the configuration refers to, and that no
    deployment is the one of another environment.

    Args:
        draft: What is to be deployed.
        api: The server.
        planned_prefect: The version of Prefect that the image is going to have, where the base
            image says it.

    Raises:
        ApiError, ConfigError: As `deploy`, with nothing changed.
    """
    server = api.check()
    versions.validate(planned_prefect, server)
    found = observe_ground(api, draft.pool, draft.block.credentials, draft.alerts.notify)
    ground = replace(found, server=server)
    pool = pool_of(draft.pool, ground.pool)
    for deployment in draft.deployments:
        name, given = deployment.wanted.name, deployment.job_variables
        job_variables.validate(name, given, pool.template, deployment.places.of)
    settings = draft.deployments[0].places.settings
    environment = settings.environment
    other_environments.validate(draft, api)
    references.validate(references.of_draft(draft), draft.block.name, api, environment)
    secrets.validate(draft.deployments, api, settings, environment)
    return ground


def expected_image(wanted: Draft, api: PrefectApi, *, reference: str, platform: str) -> ImageFacts:
    """What a dry run shows for an image that is not built yet: its flows as the server has them.

    Args:
        wanted: What is to be deployed.
        api: The server.
        reference: What to show in place of the image's reference.
        platform: ``linux/amd64``.
    """
    block = wanted.block.name
    entrypoints = {d.wanted.name: d.entrypoint for d in wanted.deployments}
    found: dict[str, Deployment] = {}
    for each in api.deployments(sorted(entrypoints), block_users.flows(api, block)):
        on_block = docker_block.refers_to(each["job_variables"], block)
        if on_block and each["entrypoint"] == entrypoints[each["name"]]:
            found.setdefault(each["entrypoint"], each)
    flows = api.flows_by_id(sorted({each["flow_id"] for each in found.values()}))
    names = {flow["id"]: flow["name"] for flow in flows}
    return ImageFacts(
        reference=reference,
        pushed=True,
        platform=platform,
        prefect_version=None,
        flows=tuple(_expected_flow(e, found.get(e), names) for e in {*entrypoints.values()}),
        built=False,
    )


def _expected_flow(
    entrypoint: str, found: Deployment | None, names: Mapping[str, str]
) -> FlowFacts:
    if found is None:
        return FlowFacts(entrypoint)
    return FlowFacts(
        entrypoint,
        name=names.get(found["flow_id"]),
        description=found["description"],
        parameters=found["parameter_openapi_schema"],
    )


def validate_image(desired: DesiredState, api: PrefectApi, ground: Ground) -> None:
    """Validate what only the built image shows, before its push: its version of Prefect, and that
    the schedules which stay from an earlier flag have the parameters that it requires.

    Raises:
        ConfigError: Runs would crash or lack a parameter; nothing was changed.
    """
    versions.validate(desired.image.prefect_version, ground.server)
    lacking = [d for d in desired.deployments if parameters.missing(d.schema, d.parameters)]
    if lacking:
        for wanted, found in zip(lacking, observe_deployments(api, lacking), strict=True):
            _validate_kept(wanted, found)


def plan(
    desired: DesiredState,
    api: PrefectApi,
    project: str,
    ground: Ground | None = None,
    environment: str | None = None,
) -> DeployReport:
    """What a deploy would change, and nothing is changed.

    Raises:
        ConfigError, ApiError: As `deploy`.
    """
    before = store.previous(api, project, environment)
    last = last_release(before.release if before else None)
    state = observe(api, desired, ground, last)
    found = _compare(desired, state, last)
    attributed = attribute(found, last, state)
    if attributed.by_person:
        killed = lock.was_killed(api, desired.block.lock)
        attributed = attribute(found, last, replace(state, killed=killed))
    return _report(desired, attributed, state, None, api, last)


def deploy(
    desired: DesiredState,
    api: PrefectApi,
    project: str,
    *,
    origin: Origin | None = None,
    ground: Ground | None = None,
    new_image: bool = False,
    wait: bool = True,
    report: Report = silent,
) -> DeployReport:
    """Deploy one image; see `deploy_all`."""
    [done] = deploy_all(
        [desired],
        api,
        project,
        origin or Origin("deploy"),
        ground=ground,
        new=[new_image],
        wait=wait,
        report=report,
    )
    return done


def deploy_all(
    wanted: Sequence[DesiredState],
    api: PrefectApi,
    project: str,
    origin: Origin,
    *,
    ground: Ground | None = None,
    new: Sequence[bool] = (),
    wait: bool = True,
    report: Report = silent,
    each: Each = map_all,
    review: Callable[[Sequence[DeployReport]], None] | None = None,
) -> list[DeployReport]:
    """Make the server what is desired, and record a release; what agrees already is not written.

    Args:
        wanted: What is to be deployed, of each image of the project.
        api: The server.
        project: Whose deployments they are.
        origin: What the release says of where it comes from.
        ground: From `preflight`.
        new: Whether each image was pushed a moment ago. If one was, something is certain to
            change, and the lock is taken without a look at the server.
        wait: Wait for another deploy of this project to end; else it is an error.
        report: Receives what is being done.
        each: Calls a function for each image.
        review: Receives what would be done, under the lock, and raises where it must not be.

    Raises:
        ConfigError: The server shows that the configuration is wrong; nothing was changed.
        ApiError: The API does not answer or refuses, or another deploy is in progress.
    """
    if not any(new) and not review:
        recorder = Recorder(api, project, origin)
        last = recorder.last
        states = each(lambda desired: observe(api, desired, ground, last), wanted)
        plans = each(lambda desired, state: _compare(desired, state, last), wanted, states)
        if not any(plans):  # the server agrees: there is nothing to lock
            found = [Deployed(*pair) for pair in zip(wanted, states, strict=True)]
            if recorder.is_recorded(found):
                return each(
                    lambda desired, state: _report(desired, Plan(()), state, state, api, last),
                    wanted, states,
                )  # fmt: skip
    # The first deploy creates a work pool that is missing, so the others read it again.
    grounds = [ground, *([ground if ground and ground.pool else None] * (len(wanted) - 1))]
    with lock.held(api, wanted[0].block.lock, wait=wait, report=report) as held:
        recorder = Recorder(api, project, origin)
        if review:
            review(each(lambda d: plan(d, api, project, ground, origin.environment), wanted))
        progress = Progress(len(wanted))
        deploying = _Deploying(api, recorder, held, report, progress)
        with progress.explaining():
            try:
                done = each(deploying.deploy, wanted, grounds)
            except FlowshipError as exc:
                deploying.record(incomplete=exc.message)
                raise
            except KeyboardInterrupt:
                deploying.interrupted()
                raise
            number, problem = deploying.record()
    done = [replace(one, release=number) for one in done]
    done[-1] = replace(done[-1], warnings=(*done[-1].warnings, *problem))
    return done


class _Deploying:
    """A deploy that holds the lock.

    Args:
        api: The server.
        recorder: Receives what was done.
        held: The lock.
        report: Receives what is being done.
        progress: Counts what was done.
    """

    def __init__(
        self,
        api: PrefectApi,
        recorder: Recorder,
        held: lock.DeployLock,
        report: Report,
        progress: Progress,
    ) -> None:
        self._api, self._recorder, self._held, self._report = api, recorder, held, report
        self._progress = progress

    def deploy(self, desired: DesiredState, ground: Ground | None) -> DeployReport:
        """Observe under the lock, execute, and read back the result."""
        last = self._recorder.last
        observed = observe(self._api, desired, ground, last)
        state = before = replace(observed, killed=self._held.after_dead)
        found = _compare(desired, state, last)
        if found:
            _record_users(desired, state, self._api, self._held)
        done: list[Operation] = []
        try:
            for _ in range(ATTEMPTS):
                if not found:
                    break
                planned = attribute(found, last, state)
                if self._execute(planned, done):
                    state = observe_again(self._api, desired, state, planned, last)
                else:
                    state = observe(self._api, desired, last=last)
                found = _compare(desired, state, last)
            if found:
                raise _not_verified(found, self._api)
        except (FlowshipError, KeyboardInterrupt):
            self._failed(desired, done)
            raise
        self._recorder.add(Deployed(desired, state, tuple(done)))
        return _report(desired, Plan(tuple(done)), before, state, self._api, last)

    def _execute(self, plan: Plan, done: list[Operation]) -> bool:
        """Carry out the plan; False if something else was in the way."""

        def made(operation: Operation) -> None:
            self._progress.made()
            done.append(operation)

        self._progress.planned(len(plan.operations))
        try:
            execute(plan, self._api, self._report, before_each=self._held.check, after_each=made)
        except ConflictError:
            # Other projects create the same work pool and block type, and a person may delete
            # something, without this lock.
            self._report(
                Phase("something else changed the server at the same time; comparing again")
            )
            return False
        return True

    def _failed(self, desired: DesiredState, done: Sequence[Operation]) -> None:
        """What a deploy that failed halfway has changed belongs into the release too."""
        if done:
            with suppress(FlowshipError):
                state = observe(self._api, desired)
                self._recorder.add(Deployed(desired, state, tuple(done)))

    def interrupted(self) -> None:
        """Record what was done until Ctrl-C; a second Ctrl-C leaves that out."""
        if self._progress.done:
            with suppress(KeyboardInterrupt):
                self.record(incomplete="" if self._progress.is_complete else "interrupted")

    def record(self, incomplete: str = "") -> tuple[int | None, tuple[str, ...]]:
        """Record the release: everything is deployed by now, so this must not fail.

        Returns:
            Its number, None if there is none; and the warning if it could not be recorded.
        """
        try:
            self._held.check()  # a lock that was lost is someone else's
            return self._recorder.record(self._held.who, incomplete), ()
        except ApiError as exc:
            return None, (store.not_recorded(exc),)


def _record_users(
    desired: DesiredState, state: ServerState, api: PrefectApi, held: lock.DeployLock
) -> None:
    """Record that the flow has deployments on the block, and its image, before it has them."""
    others = {shared.name.rpartition("/")[0] for shared in state.sharing}
    users = desired.flows | others | (state.users or frozenset())
    image, owner = desired.image.reference, desired.alerts.owner
    alerts = state.alerts_recorded - {owner}
    if desired.alerts.automations or state.alerts:
        alerts |= {owner}
    if (users, image, alerts) != (state.users, state.image, state.alerts_recorded):
        held.check()
        block_users.record(api, desired.block.name, users, image=image, alerts=alerts)


def _compare(desired: DesiredState, state: ServerState, last: LastRelease) -> Plan:
    """The plan, after the server's part of validation."""
    versions.validate(desired.image.prefect_version, state.ground.server)
    pool = pool_of(desired.pool, state.ground.pool)
    for wanted, found in zip(desired.deployments, state.deployments, strict=True):
        job_variables.validate(wanted.name, wanted.job_variables, pool.template)
        _validate_kept(wanted, found)
    return diff(desired, state, last)


def _validate_kept(wanted: DesiredDeployment, found: ObservedDeployment) -> None:
    for stored in diff_schedules.kept_from_flag(wanted, found.schedules):
        schedule = stored_schedule(stored)
        given = {**wanted.parameters, **(stored.get("parameters") or {})}
        absent = parameters.missing(wanted.schema, given)
        if schedule and absent:
            raise parameter_required(wanted.name, absent[0], schedule)


def _not_verified(left: Plan, api: PrefectApi) -> ApiError:
    fields = [
        f"{operation.action.value} {operation.resource.value} {operation.name}"
        + "".join(f"\n  {change.field}" for change in operation.changes)
        for operation in left.operations
    ]
    return ApiError(
        f"the server at {api.url} does not match what was deployed: something else is changing"
        " it at the same time",
        code="deploy-not-verified",
        hint="`flowship deploy --dry-run` shows what differs; run the command again",
        details="\n".join(fields),
    )


def _report(
    desired: DesiredState,
    found: Plan,
    before: ServerState,
    after: ServerState | None,
    api: PrefectApi,
    last: LastRelease | None = None,
) -> DeployReport:
    return summarize(
        Outcome(
            desired=desired,
            plan=found,
            before=before,
            after=after,
            worker_online=_worker_online(api, desired.pool, after or before),
            start_command=worker_command(desired.pool, before.ground.pool, local=api.is_local),
            api_url=api.url,
            page=api.ui_url,
            last=last or LastRelease(),
        )
    )


def _worker_online(api: PrefectApi, name: str, state: ServerState) -> bool | None:
    """None where it is not known: everything is deployed by now, so this must not fail."""
    pool = state.ground.pool
    if pool is None:  # a dry run for a pool that does not exist yet
        return False
    # The server keeps a pool READY as long as a worker is online, unless the pool is paused. Only
    # this machine knows that the worker of its `flowship up` was killed just now.
    if not pool["is_paused"] and not (pool["status"] == "READY" and ended_worker(api.url, name)):
        return pool["status"] == "READY"
    try:
        return bool(online(api.workers(name), api.url, name))
    except ApiError:
        return None


def ensure_pool(api: PrefectApi, name: str) -> bool:
    """Create the work pool if it does not exist; whether it was created.

    Raises:
        ConfigError: It exists and does not run containers.
    """
    found = api.work_pool(name)
    pool = pool_of(name, found)
    if found is None:
        api.create_work_pool(creation(pool))
    return found is None
