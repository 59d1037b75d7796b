"""The tables of ``flowship.toml``: the models that `flowship.config.settings` is made of."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from flowship.config import discovery
from flowship.config.keys import kebab
from flowship.config.names import PREFECT_NAME, module_of, slug
from flowship.config.secret_table import SecretTable

LONGEST_PATH, LONGEST_FILE_NAME = 4096, 255  # bytes, as on Linux


PULL_POLICIES = {"always": "Always", "ifnotpresent": "IfNotPresent", "never": "Never"}


class Table(BaseModel):
    """A configuration table: frozen, with keys in kebab-case, without unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True
    )


def _pull_policy(value: object) -> object:
    """Accept ``always``, ``ALWAYS``, ``if-not-present``, ``IF_NOT_PRESENT`` and the like."""
    if isinstance(value, str):
        return PULL_POLICIES.get(re.sub(r"[-_ ]", "", value.lower()), value)
    return value


def _not_a_boolean(value: object) -> object:
    """Reject ``true``, which Python would accept as the number 1."""
    if isinstance(value, bool):
        raise ValueError('an interval must be seconds or text such as "15m"')  # noqa: TRY004 - pydantic's
    return value


def possible_path(value: str) -> str:
    """Reject what no file can be called, before something tries to open it."""
    data = value.encode(errors="replace")
    too_long = max(map(len, data.split(b"/"))) > LONGEST_FILE_NAME or len(data) > LONGEST_PATH
    if too_long:
        raise ValueError("the file name is too long")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("the file name contains a control character")
    return value


FilePath = Annotated[str, AfterValidator(possible_path)]


def _lock_choice(value: object) -> object:
    """``false`` as "none"; a variable gives it as text."""
    word = str(value).lower()
    if word == "true" and isinstance(value, bool | str):
        raise ValueError('must be "auto", false or the path of a lockfile')
    words = {"false": "none", "none": "none", "auto": "auto"}
    return words.get(word, value) if isinstance(value, bool | str) else value


LockFile = Annotated[FilePath, BeforeValidator(_lock_choice)]
"""``"auto"``, ``"none"`` or the path of a lockfile."""


def _not_a_switch(value: object) -> object:
    """Reject ``true``, which Python would accept as the number 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "must be a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_not_a_switch)]
"""A whole number."""


Interval = Annotated[int | float | str, BeforeValidator(_not_a_boolean)]


def _not_a_number(value: object) -> object:
    """Reject a number, which pydantic would read as seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError('must be a date and time such as "2026-01-05 06:00"')  # noqa: TRY004 - pydantic's
    return value


def _usual_year(value: datetime) -> datetime:
    """Reject a moment from which, in some timezone, the calendar ends."""
    if not 1900 < value.year < 2200:
        raise ValueError("the year must be between 1901 and 2199")
    return value


Moment = Annotated[datetime, BeforeValidator(_not_a_number), AfterValidator(_usual_year)]


PullPolicy = Annotated[Literal["Always", "IfNotPresent", "Never"], BeforeValidator(_pull_policy)]


class Packages(Table):
    """``[packages]``: where dependencies come from, if not from the public index."""

    index_url: str | None = None
    """The package index to use instead of the public one."""
    extra_index_urls: tuple[str, ...] = ()
    """Additional indexes."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts whose certificate is not verified."""
    constraints: FilePath | None = None
    """A constraints file in the project's folder."""
    ca_bundle: FilePath | None = None
    """A PEM file in the project's folder, with the CA that signed the index's certificate.
    `FLOWSHIP_PACKAGES__CA_BUNDLE` may name a file anywhere, and may start with `~`. It is used for
    the installation only, not by the run."""


class Probe(Table):
    """``[probe]``: what the flow can use while flowship loads it inside the image."""

    network: bool = False
    """Allow network access."""
    env: dict[str, str] = {}
    """Environment variables, for the probe only."""
    timeout: Whole = Field(default=120, gt=0)
    """How many seconds loading one flow may take."""


class Block(Table):
    """``[block]``: the Docker Container block. flowship does not overwrite a field that is None."""

    name: str | None = None
    """The block's name.

    Default: `<name>-docker`
    """
    image_pull_policy: PullPolicy | None = None
    """When the worker pulls the image.

    Default: `IfNotPresent`; `Never` for an image that was not pushed
    """
    registry_credentials: str | None = None
    """The name of a Docker Registry Credentials block, with which the worker pulls."""
    auto_remove: bool | None = None
    """Remove the container after its run."""
    env: dict[str, str] | None = None
    """Environment variables of the run. The worker resolves `"{{ prefect.blocks.secret.NAME }}"`,
    which is never stored in clear text."""
    secrets: SecretTable = {}
    """Environment variables from [Secret blocks](secret.md), for every deployment: `["API_TOKEN"]`,
    or with a block of your own, `{ API_TOKEN = "block-name" }`."""
    labels: dict[str, str] | None = None
    """Labels of the container."""
    networks: tuple[str, ...] | None = None
    """Networks that the container joins."""
    network_mode: str | None = None
    """The container's network mode, such as `"host"`. Cannot be combined with `networks`."""
    volumes: tuple[str, ...] | None = None
    """Mounts: `"/on/the/machine:/in/the/container"`."""
    stream_output: bool | None = None
    """Show the container's output in the worker's log."""
    mem_limit: str | None = None
    """The memory limit: `"2g"`."""
    memswap_limit: str | None = None
    """The limit of memory and swap together; `"-1"` for unlimited swap."""
    privileged: bool | None = None
    """Run with extended privileges."""
    container_create_kwargs: dict[str, Any] | None = None
    """Any other arguments, passed to docker unchanged, except that dates become text."""

    @field_validator("name")
    @classmethod
    def _document_name(cls, value: str | None) -> str | None:
        return value if value is None else slug(value, "a block name")

    @model_validator(mode="after")
    def _one_network(self) -> Block:
        if self.networks and self.network_mode:
            raise ValueError("networks and network-mode cannot be combined: keep one")
        return self


class Schedule(Table):
    """One schedule: exactly one of ``cron``, ``interval`` (``90``, ``"15m"``), ``rrule``.

    `flowship.deployment.schedules` validates the expression itself.
    """

    cron: str | None = None
    """A cron expression: `"0 5 * * 1-5"`."""
    interval: Interval | None = None
    """As above."""
    rrule: str | None = None
    """As above."""
    timezone: str | None = None
    """An IANA timezone.

    Default: the deployment's, or UTC
    """
    anchor_date: Moment | None = None
    """For an interval: the moment that it counts from, in both directions: `"2026-01-05 06:00"`, in
    the schedule's timezone if it names no offset.

    Default: when the schedule is first deployed
    """
    day_or: bool = True
    """For a cron expression with both a day of the month and a day of the week: run if one of them
    matches (`true`) or only if both do (`false`)."""
    parameters: dict[str, Any] = {}
    """Parameters for the runs of this schedule."""

    @model_validator(mode="after")
    def _one_kind(self) -> Schedule:
        given = [k for k in ("cron", "interval", "rrule") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                "a schedule must have exactly one of cron, interval and rrule"
                + (f", not {' and '.join(given)}" if given else "")
            )
        if self.anchor_date and self.interval is None:
            raise ValueError("anchor-date needs interval: cron and rrule name the times themselves")
        return self


def _entrypoint(value: str) -> str:
    path, colon, function = value.rpartition(":")
    if module_of(value):
        return value
    likely = discovery.likely_entrypoint(value)
    instead = f'"{value}" is probably "{likely}"' if likely else f'not "{value}"'
    if not colon or not path.endswith(".py") or not re.fullmatch(r"\w+(\.\w+)?", function):
        raise ValueError(
            'must be "path/to/file.py:flow_function", or "package.module:flow_function" for a'
            f" module: {instead}"
        )
    posix = PurePosixPath(possible_path(path))
    if posix.is_absolute() or ".." in posix.parts or "\\" in path:
        raise ValueError(
            "the file must be relative to the project folder, inside it, and with forward"
            f" slashes: {instead}"
        )
    return f"{posix}:{function}"


Entrypoint = Annotated[str, AfterValidator(_entrypoint)]


def _limit_alone(value: object) -> object:
    """A number, also as the text that a variable gives, stands for a table with this limit."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number or (isinstance(value, str) and re.fullmatch(r"\s*[+-]?[\d.]+\s*", value)):
        return {"limit": value}
    if not isinstance(value, dict | Concurrency):
        raise ValueError("must be a number or a table: { limit = 1 }")  # noqa: TRY004 - pydantic's
    return value


class Concurrency(Table):
    """``concurrency``: how many runs of a deployment run at a time, and what one too many does."""

    limit: Whole = Field(gt=0)
    on_conflict: Literal["queue", "cancel-new"] | None = None


Limit = Annotated[Concurrency, BeforeValidator(_limit_alone)]


class Deployment(Table):
    """``[[deployments]]``: a named, possibly scheduled way to run a flow.

    Without an entrypoint of its own it runs the flow of the project's.
    """

    name: str = Field(min_length=1, pattern=PREFECT_NAME)
    """The deployment's name: without `/ % & > <` and control characters, and without a blank or a
    dash at its beginning. Upper and lower case are different names."""
    entrypoint: Entrypoint | None = None
    """The flow that this deployment runs: `path/to/file.py:function`.

    Default: the project's `entrypoint`
    """
    image: str | None = Field(default=None, min_length=1)
    """The [image](#imagesname) that this deployment runs in: the name of an `[images.NAME]`.

    Default: the project's own image
    """
    description: str | None = None
    """The description in the UI. `deploy` adds the image's name.

    Default: the flow's docstring
    """
    cron: str | None = None
    """A cron expression: `"0 5 * * *"`."""
    interval: Interval | None = None
    """Seconds, or `"15m"`, `"1h30m"`, `"1d"`, `"2 weeks"`."""
    rrule: str | None = None
    """An iCalendar recurrence rule."""
    timezone: str | None = None
    """An IANA timezone for the schedules of this deployment.

    Default: UTC
    """
    schedules: tuple[Schedule, ...] = ()
    """Several schedules, instead of `cron`, `interval` or `rrule`."""
    parameters: dict[str, Any] = {}
    """Parameters of every run, which override the flow's defaults."""
    tags: tuple[str, ...] = ()
    """Prefect tags."""
    concurrency: Limit | None = None
    """The maximum number of simultaneous runs: `1`, or with what one run too many does, `{ limit =
    1, on-conflict = "cancel-new" }`: `"queue"` (it waits) or `"cancel-new"` (it is canceled).
    Without `on-conflict`, a choice in the UI is kept; Prefect's own default is to wait."""
    concurrency_limit: Whole | None = Field(default=None, gt=0)
    """The same as `concurrency` with a number."""
    work_queue: str | None = Field(default=None, min_length=1, pattern=PREFECT_NAME)
    """The queue of the work pool; the server creates it if it does not exist. Without it, a choice
    in the UI is kept; a new deployment is in the pool's default queue."""
    version: str | None = Field(default=None, min_length=1)
    """The deployment's version in the UI."""
    enforce_parameters: bool | None = None
    """Whether the server refuses a run with parameters that the flow does not take. Without it, a
    choice in the UI is kept; a new deployment enforces them."""
    labels: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr] = {}
    """Prefect labels of the deployment, which its runs get. They are set only when the deployment
    is created; see [deploy](deploy.md#labels)."""
    paused: bool | None = None
    """Whether a new deployment is paused. Later, only the UI and `--paused` change it.

    Default: `false`
    """
    job_variables: dict[str, Any] = {}
    """Other variables of the work pool, on top of those that follow the block; validated against
    the pool. `env` adds to the block's."""
    secrets: SecretTable = {}
    """Environment variables from [Secret blocks](secret.md), in addition to those of `[block]`."""

    @model_validator(mode="after")
    def _schedules_once(self) -> Deployment:
        inline = any(v is not None for v in (self.cron, self.interval, self.rrule))
        if inline and self.schedules:
            raise ValueError("use either cron/interval/rrule or [[deployments.schedules]]")
        if inline:
            self._inline()  # raises if two kinds are set
        elif self.timezone and not self.schedules:
            raise ValueError("timezone needs a schedule: add cron, interval or rrule")
        return self

    @model_validator(mode="after")
    def _one_limit(self) -> Deployment:
        if self.concurrency and self.concurrency_limit:
            raise ValueError("concurrency and concurrency-limit cannot be combined: keep one")
        return self

    @field_validator("labels")
    @classmethod
    def _own_labels(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if name.startswith("prefect."):
                raise ValueError(f'"{name}": labels that begin with "prefect." are the server\'s')
        return value

    @property
    def limit(self) -> Concurrency | None:
        """The limit of concurrent runs, in whichever form it is configured."""
        if self.concurrency or not self.concurrency_limit:
            return self.concurrency
        return Concurrency(limit=self.concurrency_limit)

    def _inline(self) -> Schedule:
        return Schedule(
            cron=self.cron, interval=self.interval, rrule=self.rrule, timezone=self.timezone
        )

    def all_schedules(self) -> tuple[Schedule, ...]:
        """All schedules of this deployment, in whichever form they are configured."""
        if any(v is not None for v in (self.cron, self.interval, self.rrule)):
            return (self._inline(),)
        return tuple(
            s if s.timezone else s.model_copy(update={"timezone": self.timezone})
            for s in self.schedules
        )


def _not_empty(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Reject a command without a program."""
    if not value or not value[0].strip():
        raise ValueError("is empty: write a command, or leave it out")
    return value


Command = Annotated[str | tuple[str, ...], AfterValidator(_not_empty)]
"""Text for the shell, or a program and its arguments."""


class Hooks(Table):
    """``[hooks]``: the project's own commands at fixed points of build, push, deploy and ship."""

    pre_build: Command | None = None
    """Before the files are collected and hashed, once per command."""
    post_build: Command | None = None
    """After each image is built and probed, or found."""
    post_push: Command | None = None
    """After the registry has an image, and before anything is deployed."""
    post_deploy: Command | None = None
    """After everything is deployed, once per command."""
    on_failure: Command | None = None
    """After a failure of the command, Ctrl-C included."""


class Check(Table):
    """``[check]``: which rules are errors, warnings, or ignored in this project."""

    error: tuple[str, ...] = ()
    """The names of [rules](check.md#the-rules) whose findings are errors in this project."""
    warn: tuple[str, ...] = ()
    """The names of rules whose findings are warnings, and do not stop a build."""
    ignore: tuple[str, ...] = ()
    """The names of rules to ignore in this project."""

    @model_validator(mode="after")
    def _each_rule_once(self) -> Check:
        named = [*self.error, *self.warn, *self.ignore]
        twice = next((rule for rule in named if named.count(rule) > 1), None)
        if twice:
            raise ValueError(f'"{twice}" is named more than once: keep one')
        return self


AlertEvent = Literal["failed", "crashed", "late", "stuck"]


class Alert(Table):
    """``[[alerts]]``: notifications about runs that went wrong; starting crashed runs again.

    `flowship.deployment.alerts` validates what needs the rest of the configuration.
    """

    on: tuple[AlertEvent, ...] = ()
    """What to report: see [Alerts](alerts.md)."""
    notify: str | None = None
    """The notification block on the Prefect server, as `type/name`: `"slack-webhook/ops"`."""
    after: Interval | None = None
    """For `late` and `stuck`, how long to wait: seconds, or `"30m"`. At least 10 seconds for `late`, and 90 seconds for `stuck`.

    Default: `"15m"`
    """  # noqa: E501 - a row of the page
    retry_crashed: Whole = Field(default=0, ge=0, le=10)
    """How many times to start a run again that crashed."""
    deployments: tuple[str, ...] = ()
    """The names of the deployments whose runs this is about.

    Default: all
    """

    @field_validator("notify")
    @classmethod
    def _block(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w-]+/[\w-]+", value):
            raise ValueError(
                'must be the type and the name of a notification block: "slack-webhook/ops"'
            )
        return value

    @model_validator(mode="after")
    def _complete(self) -> Alert:
        if not self.on and not self.retry_crashed:
            raise ValueError('an alert needs on = ["failed"] or retry-crashed = 2')
        if bool(self.on) != bool(self.notify):
            lacks, has = ("notify", "on") if self.on else ("on", "notify")
            raise ValueError(f"{has} needs {lacks}: a notification block and what it reports")
        if self.after is not None and not {"late", "stuck"} & set(self.on):
            raise ValueError('after needs "late" or "stuck" in on')
        return self
