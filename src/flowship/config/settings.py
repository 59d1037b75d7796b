"""The whole configuration of a project; its tables are in `flowship.config.tables`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from flowship.config.locate import Origins, locate
from flowship.config.names import PREFECT_NAME, module_of, slug, slugify
from flowship.config.tables import (
    Block,
    Check,
    Deployment,
    Entrypoint,
    FilePath,
    LockFile,
    Packages,
    Probe,
    Table,
)

FLOWS_DIR = "/opt/prefect/flows"
"""The folder in the image that the deployment runs from; it holds the project's files."""


class Settings(Table):
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
    copy_: dict[str, str] = Field(default={})
    platform: str | None = None
    dockerfile: FilePath | None = None
    template: FilePath | None = None
    build_args: dict[str, str] = Field(default={})
    image_folder: str = ""
    gitignore: bool = True
    context: FilePath = "."
    include: tuple[FilePath, ...] = ()
    install: bool | Literal["auto"] = "auto"
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
    def context_root(self) -> Path:
        """The folder that is sent to the engine: the project's own, or one above it."""
        return Path(os.path.normpath(self.root / self.context))

    @property
    def folder_in_context(self) -> str:
        """Where the project is in the context; "" if it is the context itself."""
        above = self.context_root
        inside = self.root.is_relative_to(above) and self.root != above
        return self.root.relative_to(above).as_posix() if inside else ""

    @property
    def folder_in_image(self) -> str:
        """Where the template puts the project, relative to the flows folder."""
        return self.image_folder or ("" if self.dockerfile else self.folder_in_context)

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
        return f"{FLOWS_DIR}/{self.folder_in_image}" if self.folder_in_image else FLOWS_DIR

    def file_of(self, entrypoint: str) -> str:
        """The file of an entrypoint, relative to the project's folder."""
        file = entrypoint.rpartition(":")[0]
        folder = self.folder_in_image
        return file.removeprefix(f"{folder}/") if folder else file

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
        return slug(value, "a project name")

    @field_validator("context")
    @classmethod
    def _folder_above(cls, value: str) -> str:
        parts = PurePosixPath(value).parts
        if any(part != ".." for part in parts) or "\\" in value:
            raise ValueError('must be a folder above the project: "..", "../..", …')
        return "/".join(parts) or "."

    @field_validator("include")
    @classmethod
    def _relative_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            if PurePosixPath(place).is_absolute() or place.startswith("~") or "\\" in place:
                raise ValueError(
                    f'"{place}" must be relative to the project folder, with forward slashes, such'
                    ' as "../shared"'
                )
        return tuple(dict.fromkeys(os.path.normpath(place) for place in value))

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
        if self.include and self.dockerfile:
            raise ValueError(
                'include and dockerfile cannot be combined: use context = ".." and COPY'
            )
        if self.image_folder and self.folder_in_context:
            raise ValueError("image-folder and context cannot be combined: keep one")
        folder, key = self.folder_in_image, "image-folder" if self.image_folder else "the project"
        for entrypoint in (self.entrypoint, *self.entrypoints):
            if folder and not module_of(entrypoint) and not entrypoint.startswith(f"{folder}/"):
                where = "" if self.image_folder else "'s folder in the context"
                raise ValueError(
                    f'entrypoint must start with {key}{where}: "{folder}/{entrypoint}"'
                )
        names = [d.name for d in self.deployments]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two deployments are named "{name}"')
        return self


def default_base_image() -> str:
    """The Prefect image with the versions of Prefect and Python that flowship runs on."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"prefecthq/prefect:{metadata.version('prefect')}-python{python}"
