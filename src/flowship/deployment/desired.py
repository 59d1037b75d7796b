"""The desired state of a deploy: one value that holds everything the later steps need.

`flowship.deployment.draft` makes it from the settings, the command line's flags and an image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any

from flowship.deployment.alerts import DesiredAlerts
from flowship.deployment.parameters import ParameterValue
from flowship.deployment.schedules import ScheduleSpec


@dataclass(frozen=True)
class FlowFacts:
    """What a deployment needs to know about a flow of an image.

    Attributes:
        entrypoint: ``path/to/file.py:function`` below `FLOWS_DIR`.
        name: As the probe found it; None for an image that was not probed.
        description: As the probe found it, or None.
        parameters: The parameter schema, or None.
        refused_defaults: Parameter → why a run refuses the flow's own default.
        computed_defaults: The parameters whose default is made of the time of the import.
    """

    entrypoint: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    refused_defaults: Mapping[str, str] = field(default_factory=dict)
    computed_defaults: tuple[str, ...] = ()

    @property
    def deployed_name(self) -> str:
        """The flow's name; for an image that was not probed, the one that Prefect derives."""
        function = self.entrypoint.rpartition(":")[2].rpartition(".")[2]
        return self.name or function.replace("_", "-")


@dataclass(frozen=True)
class ImageFacts:
    """What a deployment needs to know about an image.

    Attributes:
        reference: What the worker pulls or finds: ``user/de-repo:tag@sha256:…``.
        pushed: False when only this machine's engine has it: the worker then never pulls.
        platform: ``linux/amd64``.
        prefect_version: The version of Prefect inside the image, or None.
        flows: What is known of its flows.
        probed: Whether `flows` are all that the image was probed for.
        built: False for an image that a dry run only announces; what is known of its flows is then
            what the server has.
        inputs: The hash of all inputs; empty for an image that is not built.
        revision: The git revision that it was built from; empty if there is none.
        files: What it was built from → a short hash, as far as it is known.
    """

    reference: str
    pushed: bool
    platform: str
    prefect_version: str | None
    flows: tuple[FlowFacts, ...]
    probed: bool = True
    built: bool = True
    inputs: str = ""
    revision: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def flow(self, entrypoint: str) -> FlowFacts | None:
        """What is known of a flow; None if that is nothing."""
        return next((flow for flow in self.flows if flow.entrypoint == entrypoint), None)


@dataclass(frozen=True)
class Flags:
    """What the command line gave over the configuration; None and empty mean "not given".

    Attributes:
        parameters: From ``--param key=value``; text is read as the flow's schema says.
        name: One configured deployment, or the name of the only one.
        paused: Whether the deployment is to be paused; None leaves it as it is.
        no_schedule: Remove flowship's own schedules.
        prune: Delete deployments that left the configuration.
    """

    cron: str | None = None
    interval: float | str | None = None
    rrule: str | None = None
    timezone: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    paused: bool | None = None
    no_schedule: bool = False
    prune: bool = False

    def when_removed(self, configured: str) -> WhenRemoved:
        """What is done with deployments that left the configuration."""
        if self.name is not None:
            return WhenRemoved.SELECTED
        return WhenRemoved.PRUNE if self.prune else WhenRemoved(configured)

    @property
    def given(self) -> dict[str, Any]:
        """The options that were given, as they are spelled."""
        values = {
            "--cron": self.cron,
            "--interval": self.interval,
            "--rrule": self.rrule,
            "--timezone": self.timezone,
            "--param": self.parameters or None,
            "--name": self.name,
            "--paused": self.paused,
            "--no-schedule": self.no_schedule or None,
            "--prune": self.prune or None,
        }
        return {option: value for option, value in values.items() if value is not None}

    @property
    def schedule_option(self) -> str | None:
        """The option that gave a schedule, as it is spelled."""
        given = [k for k in ("cron", "interval", "rrule") if getattr(self, k) is not None]
        return f"--{given[0]}" if given else None


class ScheduleSource(str, Enum):
    """Where the schedules wanted come from."""

    CONFIGURATION = "configuration"
    FLAG = "flag"
    NONE = "none"
    """``--no-schedule``: flowship's own schedules are removed."""
    RELEASE = "release"
    """An earlier release, by a rollback."""


class WhenRemoved(str, Enum):
    """What a deploy does with a deployment that left the configuration."""

    KEEP = "keep"
    """It says so, and leaves it as it is."""
    PAUSE = "pause"
    PRUNE = "prune"
    """``--prune``: it is deleted."""
    SELECTED = "selected"
    """The deploy is about one deployment: what the configuration has besides does not count."""


@dataclass(frozen=True)
class DesiredBlock:
    """The Docker Container block.

    Attributes:
        name: The document's name.
        fields: What the configuration gives, and nothing else.
        references: Environment variables that refer to a secret or a variable; they go into the
            deployment itself, since a worker does not resolve them inside a block.
        credentials: The Docker Registry Credentials block for the worker's pull, if any.
        secrets: Environment variables of all deployments that come from Secret blocks.
        of_project: The blocks of all images of the project, its own image's first.
    """

    name: str
    fields: Mapping[str, Any]
    references: Mapping[str, str]
    credentials: str | None
    secrets: frozenset[str] = frozenset()
    of_project: tuple[str, ...] = ()

    @property
    def lock(self) -> str:
        """The block after which the lock of the project's deploys is named."""
        return self.of_project[0] if self.of_project else self.name


@dataclass(frozen=True)
class DesiredDeployment:
    """One deployment.

    Attributes:
        schedules: The schedules wanted.
        schedule_source: Where they come from.
        configured: The fingerprint of the configuration's schedules, by which a schedule given
            by flag is known to be still the last word.
        paused: From a flag: True or False; None leaves it.
        paused_at_first: For a deployment that does not exist yet.
        schema: The flow's parameter schema; None if the image was not probed.
        parameters: The JSON values given.
        from_flags: The names of those that were given by flag.
        parameter_values: Every parameter, given or default.
        job_variables: Those of the configuration, on top of the block's.
        secrets: Environment variable → the Secret block that it comes from.
        on_conflict: What a run does that exceeds the limit; None leaves it.
        work_queue: Of the work pool; None leaves it.
        version: As configured, in place of the image's.
        enforce_parameters: Whether the server refuses parameters that the flow does not take; None
            leaves it, except for a new deployment.
        labels: For a new deployment.
        slugs: Those of the schedules, in their order, where a release says them.
        paused_slugs: The schedules that are paused if they have to be created.
        anchors: Slug → the moment that an interval counts from if it has to be created.
        warnings: What deserves a look before it runs.
        timezone_is_default: A schedule was given by flag, and no timezone with it or configured.
    """

    name: str
    flow_name: str
    description: str | None
    entrypoint: str
    path: str
    tags: tuple[str, ...]
    concurrency_limit: int | None
    schedules: tuple[ScheduleSpec, ...]
    schedule_source: ScheduleSource
    configured: str
    paused: bool | None
    paused_at_first: bool
    schema: dict[str, Any] | None
    parameters: dict[str, Any]
    from_flags: frozenset[str]
    parameter_values: tuple[ParameterValue, ...]
    job_variables: dict[str, Any]
    warnings: tuple[str, ...]
    timezone_is_default: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    on_conflict: str | None = None
    work_queue: str | None = None
    version: str | None = None
    enforce_parameters: bool | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    slugs: tuple[str, ...] = ()
    paused_slugs: frozenset[str] = frozenset()
    anchors: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """``flow/deployment``, as the UI and `flowship run` write it."""
        return f"{self.flow_name}/{self.name}"


@dataclass(frozen=True)
class DesiredState:
    """Everything that a deploy makes of the server.

    Attributes:
        image: What the runs start.
        block: The block that names the image.
        pool: The work pool's name.
        deployments: The deployments, all of this image.
        configured: All deployments of this image that the project configures, also those that
            this deploy leaves alone: name → entrypoint.
        now: The moment of the deploy: an interval begins then.
        warnings: What deserves a look, of the block and the image.
        elsewhere: The names of the project's deployments that use other images.
        when_removed: What is done with deployments that left the configuration.
        sweeps: Whether it also is about deployments on blocks that the project no longer has: it is
            for one image, if the deploy is about all.
        alerts: The automations that report runs that went wrong.
        origin: What it was made of in place of the configuration: ``rollback to release 3``.
        blocks_in_use: Those of all images of the project that have a deployment: what is on another
            block has left the configuration.
        deletes: The command that deletes a deployment of the project, without its name.
    """

    image: ImageFacts
    block: DesiredBlock
    pool: str
    deployments: tuple[DesiredDeployment, ...]
    configured: Mapping[str, str]
    now: datetime
    warnings: tuple[str, ...]
    elsewhere: frozenset[str] = frozenset()
    when_removed: WhenRemoved = WhenRemoved.KEEP
    sweeps: bool = True
    alerts: DesiredAlerts = field(default_factory=DesiredAlerts)
    origin: str = ""
    blocks_in_use: frozenset[str] = frozenset()
    deletes: str = "flowship delete"

    @property
    def flows(self) -> frozenset[str]:
        """The names of the flows of the deployments."""
        return frozenset(d.flow_name for d in self.deployments)

    def pushed_as(self, reference: str) -> DesiredState:
        """The same for the image as its registry knows it, pinned."""
        return replace(self, image=replace(self.image, reference=reference, pushed=True))
