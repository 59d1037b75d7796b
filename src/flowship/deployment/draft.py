"""From settings and flags to the desired state: validated once, before any image is built.

`draft` validates everything that needs no image; each schedule is parsed only there.
`Draft.bind` adds what only the built image knows: the flow's name and its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from flowship.config.settings import FLOWS_DIR, Settings
from flowship.config.tables import Deployment
from flowship.deployment import docker_block, json_schema, parameters, secrets, warnings
from flowship.deployment.alerts import DesiredAlerts, draft_alerts
from flowship.deployment.choice import chosen
from flowship.deployment.desired import (
    DesiredBlock,
    DesiredDeployment,
    DesiredState,
    Flags,
    FlowFacts,
    ImageFacts,
    ScheduleSource,
    WhenRemoved,
)
from flowship.deployment.schedule_rules import check_timezone
from flowship.deployment.schedules import ScheduleSpec, fingerprint, parse, require_runs
from flowship.errors import ConfigError, UsageError


@dataclass(frozen=True)
class Places:
    """Where the values of one deployment were written, for errors."""

    settings: Settings
    deployment: Deployment

    def of(self, *key: str | int) -> str:
        """``file:line:column`` of the key; the deployment's name where the place is not known."""
        names = [d.name for d in self.settings.deployments]
        known = self.deployment.name in names and self.settings.place(
            "deployments", names.index(self.deployment.name), *key
        )
        return known or f'deployment "{self.deployment.name}", {" ".join(map(str, key))}'

    def schedule(self, number: int, *key: str | int) -> str:
        """Where the `key` of one of the schedules was written."""
        schedules = self.deployment.schedules
        own = schedules[number] if number < len(schedules) else None
        if own and not (key == ("timezone",) and own.timezone is None):
            key = ("schedules", number, *key)
        return self.of(*key)


@dataclass(frozen=True)
class DeploymentDraft:
    """One deployment whose flow and parameters are not known yet.

    Attributes:
        wanted: As configured.
        places: Where its values were written.
        schedules: The schedules wanted, their parameters as given.
        schedule_source: Where they come from.
        configured: The fingerprint of the configuration's schedules.
        paused: From a flag; None leaves it.
        given: Parameters from flags.
        timezone_is_default: See `DesiredDeployment`.
        secrets: See `DesiredDeployment`.
    """

    wanted: Deployment
    places: Places
    schedules: tuple[ScheduleSpec, ...]
    schedule_source: ScheduleSource
    configured: str
    paused: bool | None
    given: Mapping[str, Any]
    timezone_is_default: bool
    secrets: Mapping[str, str]

    @property
    def job_variables(self) -> dict[str, Any]:
        """The configured job variables as JSON values."""
        variables: dict[str, Any] = json_schema.plain(self.wanted.job_variables)
        return variables

    def bind(
        self, image: ImageFacts, now: datetime, sole: FlowFacts | None = None
    ) -> DesiredDeployment:
        """The deployment of this image; see `Draft.bind`.

        Args:
            image: What its runs start.
            now: The moment of the deploy.
            sole: The flow to run instead of the configured one, which the image does not have.
        """
        flow = image.flow(self.entrypoint) or sole
        if flow is None and image.probed:
            raise self._not_in_image(image)
        flow = flow or FlowFacts(self.entrypoint)
        given = self._parameters(flow)
        schedules = self._schedules(flow)
        limit = self.wanted.limit
        absent = self._missing(flow, given, schedules)
        refused = self._refused_defaults(flow, given, schedules)
        return DesiredDeployment(
            name=self.wanted.name,
            flow_name=flow.deployed_name,
            description=self.wanted.description or flow.description,
            entrypoint=flow.entrypoint,
            path=FLOWS_DIR,
            tags=self.wanted.tags,
            concurrency_limit=limit.limit if limit else None,
            on_conflict=limit.on_conflict if limit else None,
            work_queue=self.wanted.work_queue,
            version=self.wanted.version,
            enforce_parameters=self.wanted.enforce_parameters,
            labels=self.wanted.labels,
            schedules=schedules,
            schedule_source=self.schedule_source,
            configured=self.configured,
            paused=self.paused,
            paused_at_first=bool(self.wanted.paused if self.paused is None else self.paused),
            schema=flow.parameters,
            parameters=given,
            from_flags=frozenset(self.given),
            parameter_values=parameters.table(
                flow.parameters, given, computed=flow.computed_defaults
            ),
            job_variables=self.job_variables,
            warnings=(
                *absent,
                *refused,
                *warnings.of_schedules(schedules, now),
                *warnings.of_parameters(flow.parameters, given, schedules),
            ),
            timezone_is_default=self.timezone_is_default,
            secrets=self.secrets,
        )

    @property
    def entrypoint(self) -> str:
        """The configured flow: the deployment's own, or else the project's."""
        return self.wanted.entrypoint or self.places.settings.entrypoint

    def _not_in_image(self, image: ImageFacts) -> ConfigError:
        settings = self.places.settings
        return ConfigError(
            f'the image was not built for the flow of "{self.wanted.name}", {self.entrypoint}',
            code="flow-not-in-image",
            hint="run `flowship build`, which loads this flow too without building again if no"
            " file has changed; or deploy only the others, with --name",
            where=settings.place_of_entrypoint(self.entrypoint),
            details="\n".join(["it was built for:", *(f"  {f.entrypoint}" for f in image.flows)]),
        )

    def _parameters(self, flow: FlowFacts) -> dict[str, Any]:
        configured = parameters.resolve(
            flow.parameters,
            self.wanted.parameters,
            where=partial(self.places.of, "parameters"),
        )
        return configured | parameters.of_options(flow.parameters, self.given)

    def _schedules(self, flow: FlowFacts) -> tuple[ScheduleSpec, ...]:
        return tuple(
            replace(
                schedule,
                parameters=parameters.resolve(
                    flow.parameters,
                    schedule.parameters,
                    where=partial(self.places.schedule, number, "parameters"),
                ),
            )
            for number, schedule in enumerate(self.schedules)
        )

    def _refused_defaults(
        self, flow: FlowFacts, given: Mapping[str, Any], schedules: Sequence[ScheduleSpec]
    ) -> tuple[str, ...]:
        """Defaults that no value replaces and that the flow's own types refuse, in words."""
        refused = flow.refused_defaults
        for schedule in schedules:
            left = [n for n in refused if n not in given and n not in schedule.parameters]
            if left:
                words = parameters.refused_default(left[0], refused[left[0]], flow.parameters)
                raise ConfigError(
                    f'"{self.wanted.name}" would run {schedule.words} and fail each time: {words}',
                    code="parameter-default-invalid",
                    hint="correct the default or the type in the flow, such as"
                    f" {left[0]}: … | None = None; or give a value: --param {left[0]}=…",
                    where=flow.entrypoint,
                )
        left = [n for n in refused if n not in given] if not schedules else []
        return tuple(
            f"each run that gives no value fails: {words}"
            for words in (parameters.refused_default(n, refused[n], flow.parameters) for n in left)
        )

    def _missing(
        self, flow: FlowFacts, given: Mapping[str, Any], schedules: Sequence[ScheduleSpec]
    ) -> tuple[str, ...]:
        name = self.wanted.name
        for schedule in schedules:
            absent = parameters.missing(flow.parameters, {**given, **schedule.parameters})
            if absent:
                raise parameter_required(name, absent[0], schedule)
        absent = parameters.missing(flow.parameters, given)
        if not absent or schedules:
            return ()
        listed = " and ".join(f'"{p}"' for p in absent)
        have = "has" if len(absent) == 1 else "have"
        return (f"{listed} {have} no value: pass one to every run of {name}",)


@dataclass(frozen=True)
class Draft:
    """The desired state without the image.

    Attributes:
        block: The block, the image left out.
        pool: The work pool's name.
        deployments: Those that this deploy is about.
        configured: All that the project configures for this image: name → entrypoint.
        now: The moment of the deploy.
        warnings: What deserves a look, whatever the image.
        elsewhere, blocks_in_use, deletes, when_removed, alerts: See `DesiredState`.
    """

    block: DesiredBlock
    pool: str
    deployments: tuple[DeploymentDraft, ...]
    configured: Mapping[str, str]
    now: datetime
    warnings: tuple[str, ...]
    elsewhere: frozenset[str] = frozenset()
    blocks_in_use: frozenset[str] = frozenset()
    deletes: str = "flowship delete"
    when_removed: WhenRemoved = WhenRemoved.KEEP
    alerts: DesiredAlerts = field(default_factory=DesiredAlerts)

    def bind(self, image: ImageFacts) -> DesiredState:
        """The desired state for this image.

        Raises:
            ConfigError, UsageError: Parameters that the flow does not take or that a schedule
                lacks; an image with Prefect 2, or without the flow of a deployment.
        """
        if image.prefect_version and image.prefect_version.split(".")[0] != "3":
            raise ConfigError(
                f"the image has Prefect {image.prefect_version}; a Prefect 3 worker cannot run it",
                code="prefect-version-unsupported",
                hint="set base-image to a Prefect 3 image and build again",
                where="base-image",
            )
        # An earlier image of a project with one flow may have it elsewhere, under another name.
        one = len({*self.configured.values()}) == len(image.flows) == 1
        sole = image.flows[0] if one else None
        return DesiredState(
            image=image,
            block=self.block,
            pool=self.pool,
            deployments=tuple(d.bind(image, self.now, sole) for d in self.deployments),
            configured=self.configured,
            now=self.now,
            warnings=self.warnings,
            elsewhere=self.elsewhere,
            blocks_in_use=self.blocks_in_use,
            deletes=self.deletes,
            when_removed=self.when_removed,
            alerts=self.alerts,
        )


def draft(settings: Settings, flags: Flags, *, now: datetime | None = None) -> Draft:
    """Validate everything that needs no image and no server.

    Args:
        settings: The project's.
        flags: What the command line gave.
        now: The moment of the deploy; the present second by default.

    Raises:
        UsageError: An option is wrong or does not fit.
        ConfigError: The configuration is wrong.
    """
    now = now or datetime.now(timezone.utc).replace(microsecond=0)
    deployments = tuple(_deployment(settings, d, flags, now) for d in chosen(settings, flags))
    fields = docker_block.configured_fields(settings.block)
    for invalid in docker_block.invalid_values(fields):
        key = invalid.field.replace("_", "-")
        raise ConfigError(
            invalid.message,
            code="block-value-invalid",
            hint=invalid.hint,
            where=settings.place("block", invalid.field) or f"block.{key}",
        )
    if settings.work_pool.lower().startswith("prefect"):
        raise ConfigError(
            f'"{settings.work_pool}": work pool names that begin with "prefect" are reserved',
            code="work-pool-name-reserved",
            hint='choose another name, such as work-pool = "flowship"',
            where="work-pool",
        )
    return Draft(
        block=DesiredBlock(
            name=settings.block_name,
            fields=fields,
            references=docker_block.env_references(settings.block),
            credentials=docker_block.credentials_name(settings.block),
            secrets=frozenset(settings.block.secrets),
            of_project=settings.project.blocks,
        ),
        pool=settings.work_pool,
        deployments=deployments,
        configured=settings.deployed_entrypoints,
        elsewhere=frozenset(settings.project.deployed_entrypoints)
        - frozenset(settings.deployed_entrypoints),
        blocks_in_use=frozenset(each.block_name for each in settings.project.per_image()),
        deletes=f"flowship delete{f' --env {settings.environment}' * bool(settings.environment)}",
        when_removed=flags.when_removed(settings.when_removed),
        now=now,
        alerts=draft_alerts(settings),
        warnings=(
            *warnings.of_block(settings.block),
            *warnings.of_job_variables(settings.deployments),
        ),
    )


@contextmanager
def image_from_elsewhere(hint: str) -> Iterator[None]:
    """Give a flow that the image does not have another next step than to build.

    Args:
        hint: What gives an image with the flow; "" keeps the usual one.
    """
    try:
        yield
    except ConfigError as exc:
        if exc.code == "flow-not-in-image":
            exc.hint = hint or exc.hint
        raise


def parameter_required(deployment: str, name: str, schedule: ScheduleSpec) -> ConfigError:
    """The error for a schedule that lacks a parameter which the flow requires."""
    return ConfigError(
        f'"{deployment}" would run {schedule.words} without a value for "{name}", which the flow'
        " requires",
        code="parameter-required",
        hint=f"give one: --param {name}=… or parameters in [[deployments]]",
        where=f'deployment "{deployment}"',
    )


# --- one deployment ----------------------------------------------------------------------------


def _deployment(
    settings: Settings, deployment: Deployment, flags: Flags, now: datetime
) -> DeploymentDraft:
    places = Places(settings, deployment)
    configured = _configured_schedules(deployment, places)
    schedules, source = _schedules(deployment, configured, flags, now)
    _validate_job_variables(deployment, places)
    return DeploymentDraft(
        wanted=deployment,
        places=places,
        schedules=schedules,
        schedule_source=source,
        configured=fingerprint(sorted(s.fingerprint() for s in configured)),
        paused=flags.paused,
        given=flags.parameters,
        timezone_is_default=source is ScheduleSource.FLAG
        and flags.timezone is None
        and deployment.timezone is None,
        secrets=secrets.of_deployment(settings, deployment, places),
    )


def _schedules(
    deployment: Deployment, configured: tuple[ScheduleSpec, ...], flags: Flags, now: datetime
) -> tuple[tuple[ScheduleSpec, ...], ScheduleSource]:
    option = flags.schedule_option
    if flags.no_schedule:
        if option or flags.timezone:
            raise UsageError(
                f"--no-schedule and {option or '--timezone'} cannot be combined",
                code="options-exclude-each-other",
                where="--no-schedule",
            )
        return (), ScheduleSource.NONE
    if option is not None:
        return (_flag_schedule(deployment, flags, option, now),), ScheduleSource.FLAG
    if flags.timezone is not None:
        check_timezone(flags.timezone, where="--timezone", error=UsageError)
        raise UsageError(
            "--timezone needs a schedule: add --cron, --interval or --rrule",
            code="timezone-without-schedule",
            hint="or set timezone next to the schedule in the configuration",
            where="--timezone",
        )
    return configured, ScheduleSource.CONFIGURATION


def _flag_schedule(
    deployment: Deployment, flags: Flags, option: str, now: datetime
) -> ScheduleSpec:
    zone = flags.timezone or deployment.timezone
    check_timezone(zone, where="--timezone", error=UsageError)
    schedule = parse(
        cron=flags.cron,
        interval=flags.interval,
        rrule=flags.rrule,
        timezone=zone,
        where=option,
        error=UsageError,
    )
    require_runs(schedule, now, option)
    return schedule


def _configured_schedules(deployment: Deployment, places: Places) -> tuple[ScheduleSpec, ...]:
    found: list[ScheduleSpec] = []
    for number, schedule in enumerate(deployment.all_schedules()):
        place = partial(places.schedule, number)
        check_timezone(schedule.timezone, where=place("timezone"))
        kind = next(k for k in ("cron", "interval", "rrule") if getattr(schedule, k) is not None)
        spec = parse(
            cron=schedule.cron,
            interval=schedule.interval,
            rrule=schedule.rrule,
            timezone=schedule.timezone,
            anchor_date=schedule.anchor_date,
            day_or=schedule.day_or,
            parameters=json_schema.plain(schedule.parameters),
            where=place(kind),
        )
        if any(spec.fingerprint() == other.fingerprint() for other in found):
            raise ConfigError(
                f'"{deployment.name}" has the same schedule twice: {spec.words}',
                code="schedule-duplicated",
                hint="remove one",
                where=place(kind),
            )
        found.append(spec)
    return tuple(found)


def _validate_job_variables(deployment: Deployment, places: Places) -> None:
    """Refuse what is wrong in every pool."""
    for name, value in deployment.job_variables.items():
        where = places.of("job-variables", name)
        if name == "image":
            raise ConfigError(
                "flowship sets the image itself, pinned to what was built and pushed",
                code="job-variable-reserved",
                hint="remove image from job-variables; to deploy another image, use --image",
                where=where,
            )
        wrong = json_schema.problem(json_schema.plain(value), {}, {})
        if wrong:
            raise ConfigError(
                f'job variable "{name}": {wrong}', code="job-variable-invalid", where=where
            )
