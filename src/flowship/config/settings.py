"""What can be configured: the models of ``flowship.toml``, field by field."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Collection
from importlib import metadata
from pathlib import Path, PurePosixPath
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

from flowship.config import discovery
from flowship.config.keys import kebab
from flowship.config.locate import Origins, locate
from flowship.config.secret_table import SecretTable

FLOWS_DIR = "/opt/prefect/flows"
"""The folder in the image that the deployment runs from; it holds the project's files."""


LONGEST_NAME = 100  # characters; an image's name may have 255, with registry and path


# Of a deployment or a work pool, as the server validates it; and not only spaces.
PREFECT_NAME = r"^[^/%&><]*[^/%&><\s][^/%&><]*$"


LONGEST_PATH, LONGEST_FILE_NAME = 4096, 255  # bytes, as on Linux


PULL_POLICIES = {"always": "Always", "ifnotpresent": "IfNotPresent", "never": "Never"}


class _Table(BaseModel):
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


def _possible_path(value: str) -> str:
    """Reject what no file can be called, before something tries to open it."""
    data = value.encode(errors="replace")
    too_long = max(map(len, data.split(b"/"))) > LONGEST_FILE_NAME or len(data) > LONGEST_PATH
    if too_long:
        raise ValueError("the file name is too long")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("the file name contains a control character")
    return value


FilePath = Annotated[str, AfterValidator(_possible_path)]


def _lock_choice(value: object) -> object:
    """``false`` as "none" and ``true`` as "auto"; a variable gives them as text."""
    words = {"false": "none", "true": "auto", "none": "none", "auto": "auto"}
    return words.get(str(value).lower(), value) if isinstance(value, bool | str) else value


LockFile = Annotated[FilePath, BeforeValidator(_lock_choice)]
"""``"auto"``, ``"none"`` or the path of a lockfile."""


Interval = Annotated[int | float | str, BeforeValidator(_not_a_boolean)]


PullPolicy = Annotated[Literal["Always", "IfNotPresent", "Never"], BeforeValidator(_pull_policy)]


class Packages(_Table):
    """``[packages]``: where dependencies come from, if not from the public index."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    constraints: FilePath | None = None
    ca_bundle: FilePath | None = None


class Probe(_Table):
    """``[probe]``: what the flow can use while flowship loads it inside the image."""

    network: bool = False
    env: dict[str, str] = {}
    timeout: int = Field(default=120, gt=0)  # seconds


class Block(_Table):
    """``[block]``: the Docker Container block. flowship does not overwrite a field that is None."""

    name: str | None = None
    image_pull_policy: PullPolicy | None = None
    registry_credentials: str | None = None
    auto_remove: bool | None = None
    env: dict[str, str] | None = None
    secrets: SecretTable = {}
    labels: dict[str, str] | None = None
    networks: tuple[str, ...] | None = None
    network_mode: str | None = None
    volumes: tuple[str, ...] | None = None
    stream_output: bool | None = None
    mem_limit: str | None = None
    memswap_limit: str | None = None
    privileged: bool | None = None
    container_create_kwargs: dict[str, Any] | None = None

    @field_validator("name")
    @classmethod
    def _document_name(cls, value: str | None) -> str | None:
        return value if value is None else _slug(value, "a block name")

    @model_validator(mode="after")
    def _one_network(self) -> Block:
        if self.networks and self.network_mode:
            raise ValueError("networks and network-mode cannot be combined: keep one")
        return self


class Schedule(_Table):
    """One schedule: exactly one of ``cron``, ``interval`` (``90``, ``"15m"``), ``rrule``.

    `flowship.deployment.schedules` validates the expression itself.
    """

    cron: str | None = None
    interval: Interval | None = None
    rrule: str | None = None
    timezone: str | None = None
    day_or: bool = True
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_kind(self) -> Schedule:
        given = [k for k in ("cron", "interval", "rrule") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                "a schedule must have exactly one of cron, interval and rrule"
                + (f", not {' and '.join(given)}" if given else "")
            )
        return self


def _entrypoint(value: str) -> str:
    path, colon, function = value.rpartition(":")
    likely = discovery.likely_entrypoint(value)
    instead = f'"{value}" is probably "{likely}"' if likely else f'not "{value}"'
    if not colon or not path.endswith(".py") or not re.fullmatch(r"\w+(\.\w+)?", function):
        raise ValueError(f'must be "path/to/file.py:flow_function": {instead}')
    posix = PurePosixPath(_possible_path(path))
    if posix.is_absolute() or ".." in posix.parts or "\\" in path:
        raise ValueError(
            "the file must be relative to the project folder, inside it, and with forward"
            f" slashes: {instead}"
        )
    return f"{posix}:{function}"


Entrypoint = Annotated[str, AfterValidator(_entrypoint)]


def _limit_alone(value: object) -> object:
    """A number stands for a table with this limit."""
    if isinstance(value, bool):
        raise ValueError("must be a number or a table: { limit = 1 }")  # noqa: TRY004 - pydantic's
    return {"limit": value} if isinstance(value, int) else value


class Concurrency(_Table):
    """``concurrency``: how many runs of a deployment run at a time, and what one too many does."""

    limit: int = Field(gt=0)
    on_conflict: Literal["queue", "cancel-new"] | None = None


class Deployment(_Table):
    """``[[deployments]]``: a named, possibly scheduled way to run a flow.

    Without an entrypoint of its own it runs the flow of the project's.
    """

    name: str = Field(min_length=1, pattern=PREFECT_NAME)
    entrypoint: Entrypoint | None = None
    description: str | None = None
    cron: str | None = None
    interval: Interval | None = None
    rrule: str | None = None
    timezone: str | None = None
    schedules: tuple[Schedule, ...] = ()
    parameters: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    concurrency: Annotated[Concurrency | None, BeforeValidator(_limit_alone)] = None
    concurrency_limit: int | None = Field(default=None, gt=0)
    work_queue: str | None = Field(default=None, min_length=1, pattern=PREFECT_NAME)
    version: str | None = Field(default=None, min_length=1)
    enforce_parameters: bool | None = None
    labels: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr] = {}
    paused: bool | None = None
    job_variables: dict[str, Any] = {}
    secrets: SecretTable = {}

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


class Check(_Table):
    """``[check]``: which rules are errors, warnings, or ignored in this project."""

    error: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _each_rule_once(self) -> Check:
        named = [*self.error, *self.warn, *self.ignore]
        twice = next((rule for rule in named if named.count(rule) > 1), None)
        if twice:
            raise ValueError(f'"{twice}" is named more than once: keep one')
        return self


class Settings(_Table):
    """The whole configuration of one project. Paths are relative to `root`."""

    # What `loading` fills in; none of these is a key of the file.
    root: Path = Field(exclude=True)
    source: Path | None = Field(default=None, exclude=True)
    notes: tuple[str, ...] = Field(default=(), exclude=True)
    warnings: tuple[str, ...] = Field(default=(), exclude=True)
    origins: Origins = Field(default={}, exclude=True, repr=False)
    environment: str | None = Field(default=None, exclude=True)
    environments: tuple[str, ...] = Field(default=(), exclude=True)
    base_is_default: bool = Field(default=False, exclude=True)

    name: str
    entrypoint: Entrypoint
    requirements: FilePath | None = None
    lock: LockFile = "auto"
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
    base_image: str = Field(min_length=1)
    repo: str | None = None
    copy_: dict[str, str] = {}
    platform: str | None = None
    dockerfile: FilePath | None = None
    template: FilePath | None = None
    build_args: dict[str, str] = {}
    image_folder: str = ""
    gitignore: bool = True
    work_pool: str = Field(default="flowship", min_length=1, pattern=PREFECT_NAME)
    default_deployment: str | None = Field(default=None, min_length=1, pattern=PREFECT_NAME)
    output_parameter: str | None = None
    push_retry_seconds: int = Field(default=60, ge=0)
    profile: str | None = Field(default=None, min_length=1)
    require_env: bool = False
    env_file: FilePath | None = None
    packages: Packages = Packages()
    probe: Probe = Probe()
    block: Block = Block()
    check: Check = Check()
    deployments: tuple[Deployment, ...] = ()

    @property
    def block_name(self) -> str:
        """The block document's name: as configured, or ``<name>-docker``."""
        return self.block.name or f"{self.name}-docker"

    @property
    def deployment_names(self) -> tuple[str, ...]:
        """The names of the configured deployments; without any, of the default deployment."""
        names = tuple(deployment.name for deployment in self.deployments)
        return names or (self.default_deployment or self.name,)

    def secret_block(self, name: str, configured: str = "") -> str:
        """The Secret block of an environment variable: as configured, or ``<project>-<name>``."""
        return configured or slugify(f"{self.name}-{name}")

    @property
    def deployed_entrypoints(self) -> dict[str, str]:
        """Each deployment's name and its entrypoint; without any, of the default deployment."""
        own = {d.name: d.entrypoint or self.entrypoint for d in self.deployments}
        return own or {self.deployment_names[0]: self.entrypoint}

    @property
    def entrypoints(self) -> tuple[str, ...]:
        """The different entrypoints that the deployments use, in their order."""
        return tuple(dict.fromkeys(self.deployed_entrypoints.values()))

    @property
    def project_dir(self) -> str:
        """The folder in the image that holds the project's files."""
        return f"{FLOWS_DIR}/{self.image_folder}" if self.image_folder else FLOWS_DIR

    def file_of(self, entrypoint: str) -> str:
        """The file of an entrypoint, relative to the project's folder."""
        file = entrypoint.rpartition(":")[0]
        return file.removeprefix(f"{self.image_folder}/") if self.image_folder else file

    @property
    def flow_file(self) -> str:
        """The file of the project's entrypoint, relative to the project's folder."""
        return self.file_of(self.entrypoint)

    def place_of_entrypoint(self, entrypoint: str) -> str:
        """Where an entrypoint is set: in the first deployment that names it, else for all."""
        for number, deployment in enumerate(self.deployments):
            if deployment.entrypoint == entrypoint:
                return self.place("deployments", number, "entrypoint")
        return self.place("entrypoint")

    def lost_output(self, parameters: Collection[str]) -> str | None:
        """A warning if runs lose their output; `parameters` are the names that have a value."""
        parameter = self.output_parameter
        if not parameter or parameter in parameters or self.block.volumes:
            return None
        return (
            f'the parameter "{parameter}" is not set and no folder is mounted, so files that'
            f" a run writes are lost with its container; set it with --param {parameter}=…, or"
            " mount a folder with volumes in [block]"
        )

    def place(self, *key: str | int) -> str:
        """Where `key` is set: ``file:line:column``, a variable or an option; else empty."""
        return locate([str(part) for part in key], self.source, self.origins)

    @property
    def src_layout(self) -> bool:
        """Whether the project keeps its packages below ``src/``."""
        src = self.root / "src"
        return src.is_dir() and any(p.suffix == ".py" or p.is_dir() for p in src.iterdir())

    @field_validator("name")
    @classmethod
    def _image_name(cls, value: str) -> str:
        return _slug(value, "a project name")

    @field_validator("image_folder")
    @classmethod
    def _folder_below_the_flows_folder(cls, value: str) -> str:
        parts = value.strip("/").split("/") if value else []
        if value.startswith("/") or not all(re.fullmatch(r"\w[\w.-]*", part) for part in parts):
            raise ValueError(f'must be a folder below {FLOWS_DIR}, such as "acme/trips"')
        return "/".join(parts)

    @field_validator("copy_")
    @classmethod
    def _absolute_destinations(cls, value: dict[str, str]) -> dict[str, str]:
        for source, destination in value.items():
            if not destination.startswith("/"):
                raise ValueError(
                    f'the destination of "{source}" must be absolute: "/{destination}"'
                )
        return value

    @field_validator("apt")
    @classmethod
    def _debian_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for package in value:
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.:-]*(=[\w.+:~-]+)?", package):
                raise ValueError(f'"{package}" is not a Debian package name')
        return value

    @field_validator("groups", "extras")
    @classmethod
    def _names_of_groups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?", name, re.ASCII):
                raise ValueError(f'"{name}" is not the name of a group or extra')
        return value

    @field_validator("platform")
    @classmethod
    def _os_and_architecture(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z0-9]+/[a-z0-9]+(/v\d+)?", value):
            raise ValueError('must be "linux/amd64", "linux/arm64", …')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.dockerfile and self.template:
            raise ValueError("dockerfile and template cannot be combined: keep one")
        if self.requirements and self.lock not in ("auto", "none"):
            raise ValueError("requirements and lock cannot be combined: keep one")
        if self.image_folder and self.dockerfile:
            raise ValueError("image-folder and dockerfile cannot be combined: use COPY")
        for entrypoint in (self.entrypoint, *self.entrypoints):
            if self.image_folder and not entrypoint.startswith(f"{self.image_folder}/"):
                raise ValueError(
                    f'entrypoint must start with image-folder: "{self.image_folder}/{entrypoint}"'
                )
        names = [d.name for d in self.deployments]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two deployments are named "{name}"')
        return self


def _slug(value: str, what: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError(
            f"{what} must consist of lower-case letters, digits and single dashes"
            f', such as "{slugify(value) or "my-flow"}"'
        )
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"{what} must have at most {LONGEST_NAME} characters; this one has {len(value)}"
        )
    return value


def slugify(text: str) -> str:
    """``My Flöws_2`` → ``my-flows-2``: a name that images, blocks and tags all accept."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def default_base_image() -> str:
    """The Prefect image with the versions of Prefect and Python that flowship runs on."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"prefecthq/prefect:{metadata.version('prefect')}-python{python}"
