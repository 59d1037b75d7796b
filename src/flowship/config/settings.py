"""The whole configuration of a project; its tables are in `flowship.config.tables`."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from flowship.config import images
from flowship.config.image_settings import FLOWS_DIR, ImageSettings, NamedImage
from flowship.config.locate import Origins, locate
from flowship.config.names import PREFECT_NAME, module_of, slug, slugify
from flowship.config.tables import (
    Alert,
    Block,
    Check,
    Deployment,
    Entrypoint,
    FilePath,
    Hooks,
    Probe,
    Whole,
)

__all__ = ["FLOWS_DIR", "Settings", "default_base_image"]


class Settings(ImageSettings):
    """The whole configuration of one project, or of one of its images (see `per_image`).

    Paths are relative to `root`.
    """

    # What `loading` fills in; none of these is a key of the file.
    root: Path = Field(exclude=True)
    source: Path | None = Field(default=None, exclude=True)
    notes: tuple[str, ...] = Field(default=(), exclude=True)
    warnings: tuple[str, ...] = Field(default=(), exclude=True)
    origins: Origins = Field(default={}, exclude=True, repr=False)
    environment: str | None = Field(default=None, exclude=True)
    environments: tuple[str, ...] = Field(default=(), exclude=True)
    base_is_default: bool = Field(default=False, exclude=True)
    # Only for one of several images: the whole project, and the key of the image in it.
    whole: Settings | None = Field(default=None, exclude=True, repr=False)
    image: str | None = Field(default=None, exclude=True)

    name: str
    """The name of the image, and the default for the name of the block: lower-case letters, digits
    and single dashes. Two folders with the same name, deployed to the same server, are one project.

    Default: the name in `[project]` of `pyproject.toml`, or the folder's
    """
    entrypoint: Entrypoint
    """The flow: `"path/to/file.py:function"`, relative to the project's folder, or
    [`"package.module:function"`](guides/monorepo.md#a-module-as-the-entrypoint).

    Default: none; required
    """
    base_image: str = Field(min_length=1)
    work_pool: str = Field(default="flowship", min_length=1, pattern=PREFECT_NAME)
    """The docker work pool; created if it does not exist."""
    default_deployment: str | None = Field(default=None, min_length=1, pattern=PREFECT_NAME)
    """The name of the deployment if there is no `[[deployments]]`.

    Default: the project's name
    """
    output_parameter: str | None = None
    """The parameter that says where a run writes. `deploy` and `ship` print a warning if it has no
    value and the container has no `volumes`: the output would be removed with the container (rule
    [`lost-output`](check.md#lost-output))."""
    push_retry_seconds: Whole = Field(default=60, ge=0)
    """How many seconds a push to a registry that fails temporarily is tried; `0` means once."""
    profile: str | None = Field(default=None, min_length=1)
    """The Prefect profile whose server the project's commands use; see
    [profile](profile.md#which-api-is-used).

    Default: the active one
    """
    require_env: bool = False
    """Refuse `push`, `plan`, and every command that changes a server, such as `ship`, `run`, `try`
    and `secret set`, without an [environment](#environments)."""
    when_removed: Literal["keep", "pause"] = "keep"
    """What a deploy does with a deployment that an earlier release made and the configuration no
    longer has: leave it as it is, or pause it at once. `--prune` deletes it; see
    [plan](plan.md#what-left-the-configuration)."""
    env_file: FilePath | None = None
    """A file in the project with [variables](#variables-in-values) for `${NAME}`:
    `".env.production"`."""
    probe: Probe = Probe()
    block: Block = Block()
    check: Check = Check()
    hooks: Hooks = Hooks()
    images: dict[str, NamedImage] = Field(default={})
    deployments: tuple[Deployment, ...] = ()
    alerts: tuple[Alert, ...] = ()

    @property
    def project(self) -> Settings:
        """The whole project, with all of its images and deployments."""
        return self.whole or self

    def per_image(self) -> tuple[Settings, ...]:
        """The settings of each image that a deployment uses, each as of a project of its own.

        What they share is in `project`: its name for secrets, for releases and for the lock.
        """
        return images.per_image(self)

    def for_image(self, image: str | None) -> Settings:
        """The settings of one image; None is the project's own.

        Raises:
            ConfigError: The project has no such image.
        """
        return images.of_image(self, image)

    def for_deployment(self, name: str) -> Settings:
        """The settings of the image that a deployment uses; the project's own for a new name."""
        image = next((d.image for d in self.deployments if d.name == name), None)
        return self if self.whole else images.of_image(self, image)

    @property
    def label(self) -> str:
        """What ``--only`` and messages call this image: its name, or the project's."""
        return self.image or self.project.name

    @property
    def block_name(self) -> str:
        """The block document's name: as configured, or ``<name>-docker``."""
        return self.block.name or f"{self.name}-docker"

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks of all images, the project's own first."""
        return (self.block_name, *(f"{self.block_name}-{image}" for image in self.images))

    @property
    def deployment_names(self) -> tuple[str, ...]:
        """The names of the configured deployments; without any, of the default deployment."""
        names = tuple(deployment.name for deployment in self.deployments)
        return names or (self.default_deployment or self.name,)

    @property
    def secret_names(self) -> frozenset[str]:
        """The environment variables that come from Secret blocks, of any deployment."""
        return frozenset().union(self.block.secrets, *(d.secrets for d in self.deployments))

    def secret_block(self, name: str, configured: str = "") -> str:
        """The Secret block of an environment variable: as configured, or ``<project>-<name>``."""
        return configured or slugify(f"{self.project.name}-{name}")

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

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if wrong := self.misplaced():
            raise ValueError(wrong)
        return self

    def misplaced(self) -> str | None:
        """Why a flow cannot be where an entrypoint says, in words; None if all can."""
        if self.image_folder and self.folder_in_context:
            return "image-folder and context cannot be combined: keep one"
        folder, key = self.folder_in_image, "image-folder" if self.image_folder else "the project"
        for entrypoint in (self.entrypoint, *self.entrypoints):
            if folder and not module_of(entrypoint) and not entrypoint.startswith(f"{folder}/"):
                where = "" if self.image_folder else "'s folder in the context"
                return f'entrypoint must start with {key}{where}: "{folder}/{entrypoint}"'
        return None


def default_base_image() -> str:
    """The Prefect image with the versions of Prefect and Python that flowship runs on."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"prefecthq/prefect:{metadata.version('prefect')}-python{python}"
