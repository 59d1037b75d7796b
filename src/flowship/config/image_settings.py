"""What describes an image: the keys of the project, and of ``[images.NAME]``."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from flowship.config.tables import FilePath, LockFile, Packages, Table

FLOWS_DIR = "/opt/prefect/flows"
"""The folder in the image that the deployment runs from; it holds the project's files."""


class ImageSettings(Table):
    """The keys that say what an image is made of, and where it is pushed."""

    base_image: str = Field(default="", min_length=1)
    """The image to build on.

    Default: the versions of Prefect and Python that flowship runs on:
    `prefecthq/prefect:<Prefect>-python<Python>`; if the dependencies pin a version of Prefect 3,
    that one
    """
    requirements: FilePath | None = None
    """What the flow needs in addition to the base image: a file in pip's format, or
    `"pyproject.toml"`.

    Default: the [first list that exists](build.md#dependencies)
    """
    lock: LockFile = "auto"
    """The lockfile to install: its path, `"auto"` for the one in the project's folder, or `false`
    for none. See [Lockfiles](guides/lockfiles.md). Cannot be combined with `requirements`."""
    groups: tuple[str, ...] = ()
    """Dependency groups to install too, from `[dependency-groups]` or the lockfile."""
    extras: tuple[str, ...] = ()
    """Optional dependencies (extras) of the project to install too."""
    apt: tuple[str, ...] = ()
    """Debian packages; `"libpq5=15.3-0"` pins the version."""
    repo: str | None = None
    """Where to push the image: `user/de-repo`, `registry.example.com/team/repo:tag`."""
    copy_: dict[str, str] = Field(default={})
    """Additional copies: a file or folder of the project → an absolute path in the image."""
    platform: str | None = None
    """`"linux/amd64"`, `"linux/arm64"`.

    Default: the engine's
    """
    dockerfile: FilePath | None = None
    """Your own Dockerfile, instead of the template."""
    template: FilePath | None = None
    """Your own template, instead of flowship's; see [build](build.md#the-layers). Cannot be
    combined with `dockerfile`."""
    build_args: dict[str, str] = Field(default={})
    """Values for `ARG`."""
    image_folder: str = ""
    """A folder below `/opt/prefect/flows` that the project's files are copied to, for a project
    that is imported as a package: `"acme/trips"`. `entrypoint` starts with it:
    `"acme/trips/flow.py:f"`. Cannot be combined with `dockerfile`."""
    gitignore: bool = True
    """In a git repository without a `.dockerignore`: leave [git-ignored
    files](build.md#without-a-dockerignore) out of the image."""
    context: FilePath = "."
    """The folder that is sent to the engine, if it is one above the project: `".."`. `entrypoint`
    then starts with the project's folder. See [Monorepo and
    packages](guides/monorepo.md#context)."""
    include: tuple[FilePath, ...] = ()
    """Folders and files, usually outside the project folder, that the flow imports:
    `["../shared"]`. See [Monorepo and packages](guides/monorepo.md#include). Cannot be combined
    with `dockerfile`."""
    install: bool | Literal["auto"] = "auto"
    """Whether the project, and packages that it includes, are
    [installed](guides/monorepo.md#a-project-that-is-a-package); `"auto"`: if they have a build
    system that can build them."""
    packages: Packages = Packages()

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
    def _combined(self) -> ImageSettings:
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
        return self


class NamedImage(ImageSettings):
    """``[images.NAME]``: what one image sets over the project's own.

    What it leaves out is the project's.
    """
