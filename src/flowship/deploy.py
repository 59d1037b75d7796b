"""The deploy step: what is wanted, made on the server.

`preflight` asks the server what a slow build would only find out later. `apply` reads and judges
the rest (the block, what is deployed), then changes only what differs, so that deploying twice
changes nothing and what a person did in the UI stays: a paused schedule stays paused, a schedule
added there stays.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowship.config.settings import Settings
from flowship.deployment import docker_block, json_schema, parameters, sync_block, sync_schedules
from flowship.deployment.desired import (
    DeploymentSpec,
    Flags,
    ImageFacts,
    chosen,
    image_version,
    plan,
    unscheduled,
    validate_early,
)
from flowship.deployment.report import (
    Change,
    DeploymentReport,
    DeployReport,
    PoolReport,
    ScheduleReport,
    stored_schedule,
)
from flowship.errors import ConfigError
from flowship.events import Phase, Report, silent
from flowship.prefect.client import ConflictError, Json, PrefectApi

__all__ = [
    "DeployReport",
    "DeploymentSpec",
    "Flags",
    "ImageFacts",
    "Preflight",
    "apply",
    "chosen",
    "image_version",
    "judge_kept",
    "plan",
    "preflight",
    "start_command",
    "validate_early",
]

# --- before the build --------------------------------------------------------------------------


@dataclass(frozen=True)
class Preflight:
    """What a deployment stands on, read and judged before a slow build.

    Attributes:
        pool: The work pool; None where `apply` is to create it.
        credentials: The block that the configuration names for the worker's pull, if any.
    """

    pool: Json | None
    credentials: Json | None

    @property
    def template(self) -> Mapping[str, Any]:
        """The pool's base job template: which job variables it takes."""
        return _pool_template(self.pool)


def preflight(settings: Settings, flags: Flags, api: PrefectApi) -> Preflight:
    """Judge what the server alone can tell: that it answers, that the pool runs containers and
    knows the job variables, that the credentials block is there.

    Raises:
        ApiError, ConfigError: As `apply`, with nothing changed.
    """
    api.check()
    found = Preflight(api.work_pool(settings.work_pool), _credentials(api, settings))
    for deployment in chosen(settings, flags):
        _judge_job_variables(deployment.name, deployment.job_variables, found.template)
    return found


# --- what the server has -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """One deployment's specification beside what the server has of it."""

    spec: DeploymentSpec
    deployment: Json | None
    schedules: tuple[Json, ...]


@dataclass(frozen=True)
class _Server:
    """Everything read before anything is changed."""

    document: Json | None
    found: tuple[_Found, ...]
    sharing: tuple[Json, ...]

    @property
    def versions(self) -> frozenset[str]:
        """The images that flowship itself deployed on this block."""
        own = [f.deployment for f in self.found if f.deployment]
        return frozenset(str(d.get("version")) for d in (*own, *self.sharing))


def _read(specs: Sequence[DeploymentSpec], api: PrefectApi, settings: Settings) -> _Server:
    document = api.block_document(docker_block.SLUG, settings.block_name)
    using = [
        d
        for d in (api.deployments() if document else ())
        if docker_block.refers_to(d.get("job_variables"), settings.block_name)
    ]
    found = tuple(_find(spec, api, using) for spec in specs)
    _judge_kept(found)
    ours = {f.deployment["id"] for f in found if f.deployment}
    return _Server(document, found, tuple(d for d in using if d["id"] not in ours))


def judge_kept(specs: Sequence[DeploymentSpec], api: PrefectApi) -> None:
    """Judge the schedules that stay from an earlier flag: they need the required parameters
    too. Only the built image says which those are, and this belongs before its push.

    Raises:
        ConfigError: Runs would lack a parameter; nothing was changed.
    """
    doubtful = [s for s in specs if parameters.missing(s.image.parameters, s.parameters)]
    _judge_kept([_find(spec, api) for spec in doubtful])


def _judge_kept(found: Sequence[_Found]) -> None:
    for one in found:
        for stored in sync_schedules.kept_flag(one.spec, one.schedules):
            schedule = stored_schedule(stored)
            given = {**one.spec.parameters, **(stored.get("parameters") or {})}
            absent = parameters.missing(one.spec.image.parameters, given)
            if schedule and absent:
                raise unscheduled(one.spec.name, absent, schedule)


def _find(spec: DeploymentSpec, api: PrefectApi, known: Sequence[Json] = ()) -> _Found:
    """The deployment of this name; those `known` need not be asked for, which takes longer.

    That it is not there is the server's to say: to create one that is there would cost the
    schedules a person added.
    """
    named = [d for d in known if d["name"] == spec.name]
    flow = api.flow_by_name(spec.flow_name) if named else None
    deployment = next((d for d in named if flow and d["flow_id"] == flow["id"]), None)
    deployment = deployment or api.deployment_by_name(spec.flow_name, spec.name)
    return _Found(spec, deployment, tuple(deployment["schedules"] if deployment else ()))


def _pool_template(pool: Json | None) -> Mapping[str, Any]:
    if pool is None:
        return docker_block.pool_template()
    if pool["type"] != "docker":
        raise ConfigError(
            f'the work pool "{pool["name"]}" is of type {pool["type"]}, flowship needs docker',
            hint="name another work-pool: flowship creates it when it is not there",
            where="work-pool",
        )
    template: Mapping[str, Any] = pool["base_job_template"] or {}
    if "image" not in _variables(template):
        raise ConfigError(
            f'the work pool "{pool["name"]}" lets no deployment choose its image',
            hint='its base job template has no variable "image": name another work-pool',
            where="work-pool",
        )
    return template


def _variables(template: Mapping[str, Any]) -> Mapping[str, Any]:
    known: Mapping[str, Any] = (template.get("variables") or {}).get("properties") or {}
    return known


def _judge_job_variables(name: str, given: Mapping[str, Any], template: Mapping[str, Any]) -> None:
    """The server takes unknown job variables in silence, so they are judged here."""
    known, root = _variables(template), template.get("variables") or {}
    where = f'deployment "{name}", job-variables'
    for key, value in given.items():
        if key not in known:
            close = difflib.get_close_matches(key.replace("-", "_"), known, n=1, cutoff=0.6)
            raise ConfigError(
                f'the work pool knows no job variable "{key}"',
                hint=f'did you mean "{close[0]}"?' if close else f"it knows: {', '.join(known)}",
                where=where,
            )
        wrong = json_schema.problem(json_schema.plain(value), known[key], root)
        if wrong:
            expected = json_schema.describe(known[key], root)
            raise ConfigError(f'job variable "{key}" takes {expected}: {wrong}', where=where)


def _credentials(api: PrefectApi, settings: Settings) -> Json | None:
    name = docker_block.credentials_name(settings.block)
    if name is None:
        return None
    found = api.block_document(docker_block.CREDENTIALS_SLUG, name)
    if found is None:
        raise ConfigError(
            f'there is no Docker Registry Credentials block "{name}" on the server',
            hint=f"create it: {api.ui_url('blocks/catalog')}",
            where="block.registry-credentials",
        )
    return found


# --- the application ---------------------------------------------------------------------------


def apply(
    specs: Sequence[DeploymentSpec],
    ground: Preflight,
    api: PrefectApi,
    settings: Settings,
    report: Report = silent,
) -> DeployReport:
    """Make the server agree with the plan; what agrees already is not written.

    Args:
        specs: From `plan`, all for the same image.
        ground: From `preflight`.
        api: The server.
        settings: The project's.
        report: Told what is being done.

    Raises:
        ConfigError: The server shows the configuration to be wrong; nothing was changed.
        ApiError: The API is not there or refuses.
    """
    try:
        return _converge(specs, ground, api, settings, report)
    except ConflictError:  # two jobs of a CI, say: what the other made is there now
        report(Phase("somebody else deploys this at the same moment: looking again"))
        ground = replace(ground, pool=api.work_pool(settings.work_pool))
        return _converge(specs, ground, api, settings, report)


def _converge(
    specs: Sequence[DeploymentSpec],
    ground: Preflight,
    api: PrefectApi,
    settings: Settings,
    report: Report,
) -> DeployReport:
    image = specs[0].image
    server = _read(specs, api, settings)
    if ground.pool is None:
        report(Phase(f"creating the work pool {settings.work_pool}"))
        _create_pool(api, settings.work_pool)
    block, data = sync_block.converge(
        api,
        settings,
        image,
        server.document,
        credentials=ground.credentials,
        own_versions=server.versions,
        report=report,
    )
    block = replace(block, kept=docker_block.kept(data, settings.block))
    variables = docker_block.job_variables(settings.block_name, data, ground.template)
    deployments = []
    for found in server.found:
        deployments.append(_apply_deployment(api, settings, found, variables, report))
    moved = _names(api, server) if _moves(server, image) else {}
    return DeployReport(
        image=image.reference,
        platform=image.platform,
        pushed=image.pushed,
        api_url=api.url,
        block=block,
        pool=_pool_report(api, settings, ground, variables),
        deployments=tuple(deployments),
        moved=tuple(moved.values()),
        warnings=(
            *_warnings(settings, ground),
            *_wrong_on_server(block.kept),
            *_left_over(api, server, settings, specs[0]),
        ),
    )


def ensure_pool(api: PrefectApi, name: str) -> bool:
    """Create the work pool where it is missing; whether it was.

    Raises:
        ConfigError: The pool is there, and it is not one that runs containers.
    """
    found = api.work_pool(name)
    if found is not None:
        _pool_template(found)
        return False
    _create_pool(api, name)
    return True


def _create_pool(api: PrefectApi, name: str) -> None:
    api.create_work_pool(
        {
            "name": name,
            "type": "docker",
            "description": "Containers started from Docker Container blocks. Made by flowship.",
            "base_job_template": docker_block.pool_template(),
        }
    )


def _pool_report(
    api: PrefectApi,
    settings: Settings,
    ground: Preflight,
    variables: docker_block.JobVariables,
) -> PoolReport:
    name = settings.work_pool
    workers = api.workers(name)
    return PoolReport(
        name=name,
        outcome="found" if ground.pool else "created",
        widened=docker_block.is_widened(ground.template),
        live=variables.live,
        copied=variables.copied,
        paused=bool(ground.pool and ground.pool.get("is_paused")),
        worker_online=any(w.get("status") == "ONLINE" for w in workers),
        start_command=start_command(api, name),
        url=api.ui_url(f"work-pools/work-pool/{name}"),
    )


def start_command(api: PrefectApi, pool: str) -> str:
    """The command that starts a worker for this pool."""
    if api.is_local and pool == Settings.model_fields["work_pool"].default:
        return "flowship up"
    return f'prefect worker start --pool "{pool}" --type docker'


def paused_pool(name: str) -> str:
    """What to tell where a work pool is paused."""
    resume = f'prefect work-pool resume "{name}"'
    return f'the work pool "{name}" is paused: nothing runs until `{resume}`'


def _warnings(settings: Settings, ground: Preflight) -> tuple[str, ...]:
    told = [
        f'block.env: "{name}" looks like a secret and is stored in clear text; keep it in a'
        f' Secret block and write "{{{{ prefect.blocks.secret.NAME }}}}"'
        for name in docker_block.open_secrets(settings.block)
    ]
    if ground.pool and ground.pool.get("is_paused"):
        told.append(paused_pool(settings.work_pool))
    return tuple(told)


def _wrong_on_server(kept: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"the block's {wrong.field}: {wrong.message}; its runs would crash: mend it in the block,"
        " or give it in [block]"
        for wrong in docker_block.wrong(kept)
    )


def _moves(server: _Server, image: ImageFacts) -> bool:
    """Whether the block's image changes, and with it that of whoever shares the block."""
    return bool(server.document and server.document["data"].get("image") != image.reference)


def _names(api: PrefectApi, server: _Server) -> dict[str, str]:
    """``flow/deployment`` of each deployment that shares the block, by its id."""
    flows: dict[str, str] = {}
    for deployment in server.sharing:
        flow_id = deployment["flow_id"]
        if flow_id not in flows:
            flows[flow_id] = api.flow(flow_id)["name"]
    return {d["id"]: f"{flows[d['flow_id']]}/{d['name']}" for d in server.sharing}


def _left_over(
    api: PrefectApi, server: _Server, settings: Settings, spec: DeploymentSpec
) -> tuple[str, ...]:
    """Deployments on this block that the project does not know (any more), and how to end them:
    a renamed flow or deployment leaves the one of the old name behind, scheduled as it was."""
    configured = set(settings.deployment_names)
    ours = {f"{spec.flow_name}/{name}" for name in configured}
    told, names = [], _names(api, server)
    for deployment in server.sharing:
        name = names[deployment["id"]]
        delete = f"`prefect deployment delete '{name}'`"
        entrypoint = deployment.get("entrypoint")
        if entrypoint != spec.entrypoint:
            told.append(
                f"{name} runs this image too and looks for {entrypoint} in it, which is not the"
                f" flow that the image was built for ({spec.entrypoint}): its runs may fail;"
                f" {delete} ends it, a block of its own ([block] name) keeps it apart"
            )
        elif name not in ours and _scheduled_by_us(deployment):
            told.append(
                f"{name} is not in the configuration and still runs by its schedule; if it is"
                f" left from a rename: {delete}"
            )
    return tuple(told)


def _scheduled_by_us(deployment: Json) -> bool:
    return not deployment.get("paused") and any(
        s.get("active") and sync_schedules.is_own(s) for s in deployment.get("schedules") or ()
    )


# --- a deployment ------------------------------------------------------------------------------


def _apply_deployment(
    api: PrefectApi,
    settings: Settings,
    found: _Found,
    variables: docker_block.JobVariables,
    report: Report,
) -> DeploymentReport:
    spec = found.spec
    body = _body(settings, spec, variables)
    deployment, outcome = found.deployment, "unchanged"
    changes: tuple[Change, ...] = ()
    if deployment is None:
        report(Phase(f"creating the deployment {spec.flow_name}/{spec.name}"))
        flow = api.flow_by_name(spec.flow_name) or api.create_flow(spec.flow_name)
        body |= {"paused": spec.paused_at_first}
        created = {"name": spec.name, "flow_id": flow["id"], **body}
        deployment, outcome = api.create_deployment(created), "created"
    else:
        if spec.paused is not None:
            body["paused"] = spec.paused
        differing = {k: v for k, v in body.items() if not _same(deployment, k, v)}
        if differing:
            report(Phase(f"updating the deployment {spec.flow_name}/{spec.name}"))
            if "job_variables" in differing:  # judged by the server only beside its pool
                differing["work_pool_name"] = spec.work_pool
            api.update_deployment(deployment["id"], differing)
            outcome, changes = "updated", _changes(deployment, differing, spec)
    after = sync_schedules.converge(api, spec, deployment["id"], found.schedules, report)
    if after.touched and outcome == "unchanged":
        outcome = "updated"
    paused = bool(body.get("paused", deployment.get("paused")))
    due = after.touched or sync_schedules.due_soon(after.schedules)
    lost = sync_schedules.uncountable(after.schedules)
    if outcome != "unchanged" and not paused and due and not lost:
        api.schedule_now(deployment["id"])
    return DeploymentReport(
        id=deployment["id"],
        name=spec.name,
        flow_name=spec.flow_name,
        outcome=outcome,
        paused=paused,
        schedules=after.schedules,
        removed_schedules=after.removed,
        parameters=spec.parameter_values,
        changes=changes,
        url=api.ui_url(f"deployments/deployment/{deployment['id']}"),
        warnings=(
            *_taken_over(found, settings),
            *spec.warnings,
            *(
                f"Prefect plans no run of this deployment while the schedule {s.words}, is"
                " active: delete it or pause it in the UI"
                for s in lost
            ),
            *_asleep(spec, after.schedules, paused=paused),
        ),
    )


def _taken_over(found: _Found, settings: Settings) -> tuple[str, ...]:
    """A deployment is known by its flow's and its own name, whichever project it is from."""
    before = docker_block.block_of((found.deployment or {}).get("job_variables"))
    if before in ("", settings.block_name):
        return ()
    return (
        f"{found.spec.flow_name}/{found.spec.name} ran the image of the block {before}, perhaps"
        " another project's, and now runs this one: a [[deployments]] name of its own would keep"
        " them apart",
    )


def _asleep(
    spec: DeploymentSpec, schedules: Sequence[ScheduleReport], *, paused: bool
) -> tuple[str, ...]:
    """Who gives a schedule by flag wants it to run: say what keeps it from that."""
    if spec.schedule_source != "flag":
        return ()
    told = []
    if paused and not spec.paused:
        told.append("the deployment is paused, nothing runs by this schedule: --no-paused wakes it")
    for schedule in schedules:
        if schedule.source == "flag" and not schedule.active:
            name = f"{spec.flow_name}/{spec.name}"
            wake = f"prefect deployment schedule resume '{name}' {schedule.id}"
            told.append(f"this schedule stays paused, as it was: wake it in the UI, or `{wake}`")
    return tuple(told)


def _body(
    settings: Settings, spec: DeploymentSpec, variables: docker_block.JobVariables
) -> dict[str, Any]:
    """A deployment's fields as the API takes them, schedules and pausing apart."""
    extra = dict(spec.job_variables)
    env = {
        **variables.values.get("env", {}),
        **docker_block.direct_env(settings.block),
        **extra.pop("env", {}),
    }
    body: dict[str, Any] = {
        "description": spec.description,
        "version": spec.version,
        "entrypoint": spec.entrypoint,
        "path": spec.path,
        "pull_steps": [
            {"prefect.deployments.steps.set_working_directory": {"directory": spec.path}}
        ],
        "parameters": spec.parameters,
        "tags": list(spec.tags),
        "concurrency_limit": spec.concurrency_limit,
        "work_pool_name": spec.work_pool,
        "job_variables": {**variables.values, **extra, "env": env},
    }
    if spec.image.parameters is not None:
        body["parameter_openapi_schema"] = spec.image.parameters
        body["enforce_parameter_schema"] = True
    return body


def _same(deployment: Json, name: str, value: object) -> bool:
    if name == "concurrency_limit":
        return _limit(deployment) == value
    if name == "tags":
        return sorted(deployment.get(name) or []) == sorted(value or [])  # type: ignore[call-overload,no-any-return]
    return bool(deployment.get(name) == value)


def _limit(deployment: Json) -> int | None:
    limit: int | None = (deployment.get("global_concurrency_limit") or {}).get("limit")
    return limit


def _changes(
    deployment: Json, written: Mapping[str, Any], spec: DeploymentSpec
) -> tuple[Change, ...]:
    """What was written over, but for what every new image changes. Secrets are covered."""
    changes = []
    for name, value in written.items():
        was = _limit(deployment) if name == "concurrency_limit" else deployment.get(name)
        if name in ("parameters", "job_variables"):
            before = dict(deployment.get(name) or {})
            differing = [k for k in sorted({*before, *value}) if before.get(k) != value.get(k)]
            shown, now = _shown(name, before, spec), _shown(name, value, spec)
            changes += [Change(f"{name}.{k}", shown.get(k), now.get(k)) for k in differing]
        elif name not in ("version", "parameter_openapi_schema") and was != value:
            changes.append(Change(name, was, value))
    return tuple(changes)


def _shown(name: str, values: Mapping[str, Any], spec: DeploymentSpec) -> dict[str, Any]:
    if name == "parameters":
        return parameters.all_masked(values, spec.image.parameters)
    shown: dict[str, Any] = docker_block.masked(values)
    return shown
