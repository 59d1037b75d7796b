"""What can be configured: the models of ``flowship.toml``, field by field."""

from __future__ import annotations

import re
import sys
import unicodedata
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from flowship.config.keys import kebab
from flowship.config.locate import locate

FLOWS_DIR = "/opt/prefect/flows"
"""Where the project folder lands in the image, and where the deployment runs from."""


LONGEST_NAME = 100  # characters; in an image's name 255, with registry and path before it


PREFECT_NAME = r"^[^/%&><]+$"  # of a deployment or a work pool, as the server has it


PULL_POLICIES = {"always": "Always", "ifnotpresent": "IfNotPresent", "never": "Never"}


class _Table(BaseModel):
    """A configuration table: frozen, kebab-case keys, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True
    )


def _pull_policy(value: object) -> object:
    """Accept ``always``, ``ALWAYS``, ``if-not-present``, ``IF_NOT_PRESENT`` and the like."""
    if isinstance(value, str):
        return PULL_POLICIES.get(re.sub(r"[-_ ]", "", value.lower()), value)
    return value


def _no_switch(value: object) -> object:
    """TOML's ``true`` is no number of seconds, though Python would take it for 1."""
    if isinstance(value, bool):
        raise ValueError('an interval is seconds or text such as "15m"')  # noqa: TRY004 - pydantic's
    return value


Interval = Annotated[int | float | str, BeforeValidator(_no_switch)]


PullPolicy = Annotated[Literal["Always", "IfNotPresent", "Never"], BeforeValidator(_pull_policy)]


class Packages(_Table):
    """``[packages]``: how dependencies are fetched where the public index is not the source."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    constraints: str | None = None
    ca_bundle: str | None = None


class Probe(_Table):
    """``[probe]``: what the flow is given while it is loaded for inspection."""

    network: bool = False
    env: dict[str, str] = {}
    timeout: int = Field(default=120, gt=0)  # seconds


class Block(_Table):
    """``[block]``: the Docker Container block. A field left out (None) is not written over."""

    name: str | None = None
    image_pull_policy: PullPolicy | None = None
    registry_credentials: str | None = None
    auto_remove: bool | None = None
    env: dict[str, str] | None = None
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
            raise ValueError("networks and network-mode exclude each other: keep one")
        return self


class Schedule(_Table):
    """One schedule: exactly one of ``cron``, ``interval`` (``90``, ``"15m"``), ``rrule``.

    Whether the expression itself is right is judged by `flowship.deployment.schedules`.
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
                "a schedule takes exactly one of cron, interval and rrule"
                + (f", not {' and '.join(given)}" if given else "")
            )
        return self


class Deployment(_Table):
    """``[[deployments]]``: a named, possibly scheduled way to run the flow."""

    name: str = Field(min_length=1, pattern=PREFECT_NAME)
    description: str | None = None
    cron: str | None = None
    interval: Interval | None = None
    rrule: str | None = None
    timezone: str | None = None
    schedules: tuple[Schedule, ...] = ()
    parameters: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    concurrency_limit: int | None = Field(default=None, gt=0)
    paused: bool | None = None
    job_variables: dict[str, Any] = {}

    @model_validator(mode="after")
    def _schedules_once(self) -> Deployment:
        inline = any(v is not None for v in (self.cron, self.interval, self.rrule))
        if inline and self.schedules:
            raise ValueError("give either cron/interval/rrule or [[deployments.schedules]]")
        if inline:
            self._inline()  # raises when two kinds are given
        elif self.timezone and not self.schedules:
            raise ValueError("timezone needs a schedule: add cron, interval or rrule")
        return self

    def _inline(self) -> Schedule:
        return Schedule(
            cron=self.cron, interval=self.interval, rrule=self.rrule, timezone=self.timezone
        )

    def all_schedules(self) -> tuple[Schedule, ...]:
        """Every schedule of this deployment, however it was written down."""
        if any(v is not None for v in (self.cron, self.interval, self.rrule)):
            return (self._inline(),)
        return tuple(
            s if s.timezone else s.model_copy(update={"timezone": self.timezone})
            for s in self.schedules
        )


class Check(_Table):
    """``[check]``: which findings this project does not want to hear of."""

    ignore: tuple[str, ...] = ()


class Settings(_Table):
    """Everything flowship was told about one project. Paths are relative to `root`."""

    root: Path = Field(exclude=True)
    source: Path | None = Field(default=None, exclude=True)
    shipped: bool = Field(default=False, exclude=True)
    prefix: str = Field(default="", exclude=True)
    warnings: tuple[str, ...] = Field(default=(), exclude=True)
    origins: dict[str, str] = Field(default={}, exclude=True, repr=False)

    name: str
    entrypoint: str
    requirements: str | None = None
    apt: tuple[str, ...] = ()
    base_image: str = ""
    repo: str | None = None
    copy_: dict[str, str] = {}
    platform: str | None = None
    dockerfile: str | None = None
    template: str | None = None
    build_args: dict[str, str] = {}
    work_pool: str = Field(default="flowship", min_length=1, pattern=PREFECT_NAME)
    packages: Packages = Packages()
    probe: Probe = Probe()
    block: Block = Block()
    check: Check = Check()
    deployments: tuple[Deployment, ...] = ()

    @property
    def block_name(self) -> str:
        """The block document's name: as configured, else ``<name>-docker``."""
        return self.block.name or f"{self.name}-docker"

    def place(self, *key: str | int) -> str:
        """Where `key` was given: ``file:line:column``, a variable or an option; else empty."""
        return locate([str(part) for part in key], self.source, self.origins)

    @property
    def src_layout(self) -> bool:
        """Whether the project keeps its packages below ``src/``, as an installed project does."""
        src = self.root / "src"
        return src.is_dir() and any(p.suffix == ".py" or p.is_dir() for p in src.iterdir())

    @field_validator("name")
    @classmethod
    def _image_name(cls, value: str) -> str:
        return _slug(value, "a project name")

    @field_validator("entrypoint")
    @classmethod
    def _file_and_function(cls, value: str) -> str:
        path, colon, function = value.rpartition(":")
        if not colon or not path.endswith(".py") or not re.fullmatch(r"\w+(\.\w+)?", function):
            raise ValueError('an entrypoint is "path/to/file.py:flow_function"')
        posix = PurePosixPath(path)
        if posix.is_absolute() or ".." in posix.parts:
            raise ValueError("an entrypoint's file is relative to the project folder")
        return f"{posix}:{function}"

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

    @field_validator("platform")
    @classmethod
    def _os_and_architecture(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z0-9]+/[a-z0-9]+(/v\d+)?", value):
            raise ValueError('a platform is "linux/amd64", "linux/arm64", …')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.dockerfile and self.template:
            raise ValueError("dockerfile and template exclude each other: keep one")
        names = [d.name for d in self.deployments]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two deployments are called "{name}"')
        return self


def _slug(value: str, what: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError(
            f"{what} is lower-case letters, digits and single dashes"
            f', for instance "{slugify(value) or "my-flow"}"'
        )
    if len(value) > LONGEST_NAME:
        raise ValueError(f"{what} has at most {LONGEST_NAME} characters, this one {len(value)}")
    return value


def slugify(text: str) -> str:
    """``My Flöws_2`` → ``my-flows-2``: what an image, a block and a tag all accept."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def default_base_image() -> str:
    """The Prefect image of the very Prefect and Python that flowship runs on."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"prefecthq/prefect:{metadata.version('prefect')}-python{python}"
