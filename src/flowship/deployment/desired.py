"""What is to be deployed, judged without the server: `plan`, and the values it is made from.

Pure: settings, an image's facts and the command line's flags in, `DeploymentSpec` out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from flowship.config.settings import FLOWS_DIR, Deployment, Settings
from flowship.deployment import docker_block, json_schema, parameters
from flowship.deployment.parameters import ParameterValue, RawValue
from flowship.deployment.report import ScheduleReport, jsonable, schedule_report
from flowship.deployment.schedules import ScheduleSpec, check_timezone, fingerprint, parse
from flowship.errors import ConfigError, UsageError

OFTEN = 60  # seconds; schedules that come more often are warned of


@dataclass(frozen=True)
class ImageFacts:
    """What a deployment needs to know of an image.

    Attributes:
        reference: What the worker pulls or finds: ``user/de-repo:tag@sha256:…``.
        pushed: False when only this machine's engine has it: the worker then never pulls.
        platform: ``linux/amd64``.
        flow_name: As the probe found it; None for an image that was not probed.
        flow_description: Likewise.
        parameters: The flow's parameter schema, likewise.
        prefect_version: The Prefect inside the image, likewise.
        entrypoint: ``path/to/file.py:function`` below `FLOWS_DIR`.
    """

    reference: str
    pushed: bool
    platform: str
    flow_name: str | None
    flow_description: str | None
    parameters: dict[str, Any] | None
    prefect_version: str | None
    entrypoint: str


@dataclass(frozen=True)
class Flags:
    """What the command line gave over the configuration; None and empty mean "not given".

    Attributes:
        parameters: From ``--param key=value``; text is read as the flow's schema says.
        name: One configured deployment, or the name of the only one.
        paused: Whether the deployment is to be paused; None leaves it as it is.
        no_schedule: Remove flowship's own schedules.
    """

    cron: str | None = None
    interval: float | str | None = None
    rrule: str | None = None
    timezone: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    paused: bool | None = None
    no_schedule: bool = False

    @property
    def schedule_option(self) -> str | None:
        """The option that gave a schedule, as it is spelled."""
        given = [k for k in ("cron", "interval", "rrule") if getattr(self, k) is not None]
        return f"--{given[0]}" if given else None


@dataclass(frozen=True)
class DeploymentSpec:
    """One deployment as it is wanted.

    Attributes:
        schedules: The schedules wanted.
        schedule_source: "configuration", "flag", or "none" (``--no-schedule``).
        configured: The fingerprint of the configuration's schedules.
        paused: From a flag: True or False; None leaves it.
        paused_at_first: For a deployment that is not there yet.
        parameters: The JSON values given.
        parameter_values: Every parameter, given or default.
        job_variables: Those of the configuration, beside the block's.
        preview: The schedules in words, with their next runs.
    """

    name: str
    flow_name: str
    description: str | None
    image: ImageFacts
    entrypoint: str
    path: str
    version: str
    work_pool: str
    block_name: str
    tags: tuple[str, ...]
    concurrency_limit: int | None
    schedules: tuple[ScheduleSpec, ...]
    schedule_source: str
    configured: str
    paused: bool | None
    paused_at_first: bool
    parameters: dict[str, Any]
    parameter_values: tuple[ParameterValue, ...]
    job_variables: dict[str, Any]
    preview: tuple[ScheduleReport, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The specification as JSON values only, for ``--dry-run``."""
        document: dict[str, Any] = jsonable(asdict(replace(self, schedules=())))
        document["schedules"] = document.pop("preview")
        document["parameters"] = parameters.all_masked(self.parameters, self.image.parameters)
        document["job_variables"] = docker_block.masked(self.job_variables)
        return document


# --- the plan ----------------------------------------------------------------------------------


def validate_early(settings: Settings, flags: Flags, *, now: datetime | None = None) -> None:
    """Judge what needs no image and no server: names, schedules, timezones, what flags need.

    Raises:
        UsageError: An option is wrong or does not fit.
        ConfigError: The configuration is wrong.
    """
    now = now or datetime.now(timezone.utc)
    for deployment in chosen(settings, flags):
        schedules, source = _schedules(settings, deployment, flags)
        if source == "flag" and not schedules[0].next_runs(now, 1):
            raise UsageError(
                f'"{schedules[0].expression}" never comes (any more)',
                hint="check UNTIL, COUNT and DTSTART of the rule",
                where=flags.schedule_option or "",
            )
        _check_job_variables(settings, deployment)
    for wrong in docker_block.wrong(docker_block.configured_fields(settings.block)):
        where = settings.place("block", wrong.field) or f"block.{wrong.field.replace('_', '-')}"
        raise ConfigError(wrong.message, hint=wrong.hint, where=where)
    if settings.work_pool.lower().startswith("prefect"):
        raise ConfigError(
            f'"{settings.work_pool}": work pool names that begin with "prefect" are reserved',
            hint='for instance work-pool = "flowship"',
            where="work-pool",
        )


def plan(
    settings: Settings, image: ImageFacts, flags: Flags, *, now: datetime
) -> tuple[DeploymentSpec, ...]:
    """Say what is to be deployed, judging everything that can be judged without the server.

    Args:
        settings: The project's.
        image: The image that the deployments will run.
        flags: What the command line gave.
        now: For the preview of the next runs.

    Raises:
        UsageError, ConfigError: As `validate_early`; and parameters that the flow does not
            take, or required ones without a value on a schedule; an image with Prefect 2.
    """
    validate_early(settings, flags, now=now)
    if image.prefect_version and image.prefect_version.split(".")[0] != "3":
        raise ConfigError(
            f"the image holds Prefect {image.prefect_version}; a Prefect 3 worker cannot run it",
            hint="set base-image to a Prefect 3 image and build again",
            where="base-image",
        )
    return tuple(_spec(settings, d, image, flags, now) for d in chosen(settings, flags))


def chosen(settings: Settings, flags: Flags) -> tuple[Deployment, ...]:
    """The deployments that this call is about: all configured, the named one, or a first one."""
    configured = settings.deployments
    known = {d.name: d for d in configured}
    if flags.name in known:
        return (known[flags.name],)
    if flags.name is not None and configured:
        raise UsageError(
            f'no deployment is called "{flags.name}"',
            hint=parameters.nearest(flags.name, known).replace("it takes", "configured"),
            where="--name",
        )
    if flags.name is not None:
        return (_named(flags.name),)
    _flags_need_one(configured, flags)
    return configured or (Deployment(name=settings.deployment_names[0]),)


def _named(name: str) -> Deployment:
    try:
        return Deployment(name=name)
    except ValueError as exc:
        raise UsageError(
            f'"{name}" cannot be a deployment\'s name', hint="leave out / % & > <", where="--name"
        ) from exc


def _flags_need_one(configured: Sequence[Deployment], flags: Flags) -> None:
    option = flags.schedule_option or ("--no-schedule" if flags.no_schedule else None)
    option = option or ("--param" if flags.parameters else None)
    if len(configured) > 1 and option:
        names = ", ".join(d.name for d in configured)
        raise UsageError(
            f"{len(configured)} deployments are configured: {option} needs --name",
            hint=f"one of: {names}",
            where=option,
        )


def _spec(
    settings: Settings, deployment: Deployment, image: ImageFacts, flags: Flags, now: datetime
) -> DeploymentSpec:
    given = _parameters(settings, deployment, image, flags)
    schedules, source = _schedules(settings, deployment, flags)
    schedules = _with_parameters(schedules, image, partial(_schedule_place, settings, deployment))
    absent = _missing(deployment.name, image, given, schedules)
    odd = tuple(text for s in schedules for text in (_odd_times(s, now), _odd_zone(s)) if text)
    return DeploymentSpec(
        name=deployment.name,
        flow_name=image.flow_name or _flow_name(image.entrypoint),
        description=deployment.description or image.flow_description,
        image=image,
        entrypoint=image.entrypoint,
        path=FLOWS_DIR,
        version=image_version(image.reference),
        work_pool=settings.work_pool,
        block_name=settings.block_name,
        tags=deployment.tags,
        concurrency_limit=deployment.concurrency_limit,
        schedules=schedules,
        schedule_source=source,
        configured=_configured(settings, deployment),
        paused=flags.paused,
        paused_at_first=bool(deployment.paused if flags.paused is None else flags.paused),
        parameters=given,
        parameter_values=parameters.table(image.parameters, given),
        job_variables=json_schema.plain(deployment.job_variables),
        preview=tuple(
            schedule_report(s, now, outcome="planned", source=source, schema=image.parameters)
            for s in schedules
        ),
        warnings=(*absent, *odd, *_secrets(image, given, schedules), *_image_warnings(image)),
    )


def _parameters(
    settings: Settings, deployment: Deployment, image: ImageFacts, flags: Flags
) -> dict[str, Any]:
    configured = parameters.resolve(
        image.parameters,
        deployment.parameters,
        where=lambda name: _place(settings, deployment, "parameters", name),
    )
    typed = {
        k: RawValue(v) if isinstance(v, str) else v for k, v in flags.parameters.items()
    }  # fmt: skip
    return configured | parameters.resolve(
        image.parameters, typed, where="--param {}".format, error=UsageError
    )


def _missing(
    name: str, image: ImageFacts, given: Mapping[str, Any], schedules: Sequence[ScheduleSpec]
) -> tuple[str, ...]:
    for schedule in schedules:
        absent = parameters.missing(image.parameters, {**given, **schedule.parameters})
        if absent:
            raise unscheduled(name, absent, schedule)
    absent = parameters.missing(image.parameters, given)
    if not absent or schedules:
        return ()
    listed = " and ".join(f'"{p}"' for p in absent)
    return (f"{listed} has no value: every run of {name} must be given one",)


def _odd_times(schedule: ScheduleSpec, now: datetime) -> str | None:
    """A schedule that is over, or that comes faster than containers start."""
    runs = schedule.next_runs(now, 2)
    if not runs:
        return f"{schedule.words}: never comes (any more), nothing will run by it"
    apart = (runs[1] - runs[0]).total_seconds() if len(runs) > 1 else OFTEN
    if apart < OFTEN:
        return (
            f"{schedule.words}: a run every {apart:g} s, and each starts a container: runs may"
            " pile up; a minute or more between them, or a concurrency-limit, keeps up"
        )
    return None


def _odd_zone(schedule: ScheduleSpec) -> str | None:
    """A rule's own timezone, which Prefect reads over."""
    found = re.search(r"(?i)\bTZID=([^:;\s]+)", schedule.expression)
    if schedule.kind != "rrule" or not found or found[1] == schedule.timezone:
        return None
    return (
        f"{schedule.words}: Prefect counts by {schedule.timezone} and not by the rule's own"
        f" TZID={found[1]}; give that as the timezone beside the rule"
    )


def _secrets(
    image: ImageFacts, given: Mapping[str, Any], schedules: Sequence[ScheduleSpec]
) -> tuple[str, ...]:
    everything = [given, *(s.parameters for s in schedules)]
    names = dict.fromkeys(
        n for g in everything for n in parameters.open_secrets(image.parameters, g)
    )
    return tuple(
        f'"{name}" is a secret, and Prefect stores parameters in clear text for all who can see'
        " the deployment: let the flow load it from a Secret block instead"
        for name in names
    )


def unscheduled(name: str, absent: Sequence[str], schedule: ScheduleSpec) -> ConfigError:
    """The error for a schedule that lacks a parameter which the flow requires."""
    return ConfigError(
        f'"{name}" would run {schedule.words} without a value for "{absent[0]}", which the flow'
        " requires",
        hint=f"give one: --param {absent[0]}=… or parameters in [[deployments]]",
        where=f'deployment "{name}"',
    )


def _schedules(
    settings: Settings, deployment: Deployment, flags: Flags
) -> tuple[tuple[ScheduleSpec, ...], str]:
    """The schedules wanted and where they come from."""
    configured = _configured_schedules(settings, deployment)
    option = flags.schedule_option
    if flags.no_schedule:
        if option or flags.timezone:
            raise UsageError(
                f"--no-schedule and {option or '--timezone'} exclude each other",
                where="--no-schedule",
            )
        return (), "none"
    if option is None:
        if flags.timezone is not None:
            check_timezone(flags.timezone, where="--timezone", error=UsageError)
            raise UsageError(
                "--timezone belongs to a schedule: give --cron, --interval or --rrule with it",
                hint="or set timezone beside the schedule in the configuration",
                where="--timezone",
            )
        return configured, "configuration"
    zone = flags.timezone or deployment.timezone
    check_timezone(zone, where="--timezone", error=UsageError)
    spec = parse(
        cron=flags.cron,
        interval=flags.interval,
        rrule=flags.rrule,
        timezone=zone,
        where=option,
        error=UsageError,
    )
    return (spec,), "flag"


def _configured_schedules(settings: Settings, deployment: Deployment) -> tuple[ScheduleSpec, ...]:
    specs: list[ScheduleSpec] = []
    for number, schedule in enumerate(deployment.all_schedules()):
        place = partial(_schedule_place, settings, deployment, number)
        check_timezone(schedule.timezone, where=place("timezone"))
        kind = next(k for k in ("cron", "interval", "rrule") if getattr(schedule, k) is not None)
        spec = parse(
            cron=schedule.cron,
            interval=schedule.interval,
            rrule=schedule.rrule,
            timezone=schedule.timezone,
            day_or=schedule.day_or,
            parameters=json_schema.plain(schedule.parameters),
            where=place(kind),
        )
        if any(spec.fingerprint() == other.fingerprint() for other in specs):
            raise ConfigError(
                f'"{deployment.name}" has the same schedule twice: {spec.words}',
                hint="remove one",
                where=place(kind),
            )
        specs.append(spec)
    return tuple(specs)


def _schedule_place(
    settings: Settings, deployment: Deployment, number: int, *key: str | int
) -> str:
    """Where the `key` of one of a deployment's schedules was written."""
    own = deployment.schedules[number] if number < len(deployment.schedules) else None
    if own and not (key == ("timezone",) and own.timezone is None):
        key = ("schedules", number, *key)
    return _place(settings, deployment, *key)


def _place(settings: Settings, deployment: Deployment, *key: str | int) -> str:
    """Where the `key` of a deployment was written; its name where nowhere."""
    names = [d.name for d in settings.deployments]
    known = deployment.name in names and settings.place(
        "deployments", names.index(deployment.name), *key
    )
    return known or f'deployment "{deployment.name}", {" ".join(map(str, key))}'


def _with_parameters(
    schedules: Sequence[ScheduleSpec], image: ImageFacts, place: Callable[..., str]
) -> tuple[ScheduleSpec, ...]:
    return tuple(
        replace(
            schedule,
            parameters=parameters.resolve(
                image.parameters, schedule.parameters, where=partial(place, number, "parameters")
            ),
        )
        for number, schedule in enumerate(schedules)
    )


def _configured(settings: Settings, deployment: Deployment) -> str:
    return fingerprint(sorted(s.fingerprint() for s in _configured_schedules(settings, deployment)))


def _check_job_variables(settings: Settings, deployment: Deployment) -> None:
    """What is wrong with them in every pool."""
    for name, value in deployment.job_variables.items():
        where = _place(settings, deployment, "job-variables", name)
        if name == "image":
            raise ConfigError(
                "the image is flowship's to set, pinned to what was built and pushed",
                hint="leave image out of job-variables; `flowship deploy --image` names another",
                where=where,
            )
        wrong = json_schema.problem(json_schema.plain(value), {}, {})
        if wrong:
            raise ConfigError(f'job variable "{name}": {wrong}', where=where)


def _image_warnings(image: ImageFacts) -> tuple[str, ...]:
    told = []
    if image.parameters is None:
        told.append("the image was not probed: its flow and its parameters are taken on trust")
    if not image.pushed:
        told.append(
            "the image was never pushed: only a worker on this very engine can run it,"
            " and it never pulls"
        )
    if "arm64" in image.platform:
        told.append(
            f"the image is for {image.platform}: a worker on amd64 cannot run it (platform ="
            ' "linux/amd64" builds for that)'
        )
    return tuple(told)


def _flow_name(entrypoint: str) -> str:
    """The name Prefect gives a flow that was given none."""
    return entrypoint.rpartition(":")[2].rpartition(".")[2].replace("_", "-")


def image_version(reference: str) -> str:
    """Twelve digits of the digest, else the tag: what the UI shows as the deployment's version."""
    name, _, digest = reference.partition("@sha256:")
    return digest[:12] if digest else PurePosixPath(name).name.rpartition(":")[2]
