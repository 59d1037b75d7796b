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
    requirements: FilePath | None = None
    lock: LockFile = "auto"
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()
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
