"""``[images.NAME]``: the settings of each image of a project that needs several.

A named image is nearly a project of its own, ``<project>-<image>``, with its own block and the
deployments that use it. What it does not set is the project's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from flowship.config.image_settings import ImageSettings, NamedImage
from flowship.config.keys import kebab
from flowship.config.locate import Origins, origin_of
from flowship.config.names import LONGEST_NAME, slug
from flowship.config.tables import Table
from flowship.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from flowship.config.settings import Settings

TABLE = "images"

# Fields of which only one may be set: an image that sets one replaces the project's other.
_ALTERNATIVES = (
    ("dockerfile", "template"),
    ("requirements", "lock"),
    ("dockerfile", "image_folder"),
    ("dockerfile", "include"),
    ("context", "image_folder"),
)


# --- the settings of an image --------------------------------------------------------------------


def per_image(project: Settings) -> tuple[Settings, ...]:
    """The settings of each image that a deployment uses, in the order of the deployments."""
    if project.whole or not project.images:
        return (project,)
    used = dict.fromkeys(deployment.image for deployment in project.deployments) or {None: None}
    return tuple(of_image(project, image) for image in used)


def of_image(project: Settings, image: str | None) -> Settings:
    """The settings of one image, as of a project of its own.

    Args:
        project: The whole.
        image: Its name; None for the project's own image.

    Raises:
        ConfigError: The project has no such image.
    """
    if image is not None and image not in project.images:
        whose = f"environment {project.environment}" if project.environment else project.name
        raise unknown(project, image, "", whose)
    if not project.images:
        return project
    numbers = [n for n, each in enumerate(project.deployments) if each.image == image]
    deployments = tuple(project.deployments[number] for number in numbers)
    values: dict[str, Any] = {
        "whole": project,
        "image": image,
        "deployments": deployments,
        "origins": _origins(project, image, numbers),
        "notes": (),
        "warnings": (),
    }
    if deployments and all(deployment.entrypoint for deployment in deployments):
        values["entrypoint"] = deployments[0].entrypoint
    if image is not None:
        block = project.block.model_copy(update={"name": f"{project.block_name}-{image}"})
        values |= {"name": f"{project.name}-{image}", "block": block}
        values |= _values(project, image)
    return project.model_copy(update=values)


def _values(project: Settings, image: str) -> dict[str, Any]:
    """What the image sets over the project; tables merge key by key, as in environments."""
    own = project.images[image]
    given = _fields(project, own)
    values: dict[str, Any] = {}
    for pair in _ALTERNATIVES:
        if any(field in given for field in pair):
            values |= {f: ImageSettings.model_fields[f].default for f in pair if f not in given}
    values |= {field: _merged(getattr(project, field), getattr(own, field)) for field in given}
    if "repo" not in given and project.repo:
        values["repo"] = repository_of(project.repo, image)
    if "base_image" in given:
        values["base_is_default"] = False
    return values


def _fields(project: Settings, own: NamedImage) -> list[str]:
    """The fields that the image sets. An option of the command line counts for all images."""
    options = {key for key, origin in project.origins.items() if str(origin).startswith("--")}
    return [f for f in type(own).model_fields if f in own.model_fields_set
            and kebab(f) not in options]  # fmt: skip


def _merged(base: object, value: object) -> object:
    if isinstance(base, Table) and isinstance(value, Table):
        return base.model_copy(update={f: getattr(value, f) for f in value.model_fields_set})
    if isinstance(base, dict) and isinstance(value, dict):
        return {**base, **value}
    return value


def repository_of(repo: str, image: str) -> str:
    """``user/de-repo:v1`` → ``user/de-repo-gpu:v1``: the repository of a named image."""
    head, slash, last = repo.rpartition("/")
    name, rest = re.fullmatch(r"([^:@]*)(.*)", last, re.DOTALL).groups()  # type: ignore[union-attr]
    return f"{head}{slash}{name}-{image}{rest}"


def _origins(project: Settings, image: str | None, numbers: Sequence[int]) -> Origins:
    """Where the keys of an image's settings are, since the file has them in other places."""
    known = project.origins
    moved = {key: o for key, o in known.items() if not key.startswith("deployments.")}
    for number, old in enumerate(numbers):
        head = f"deployments.{old}"
        moved[f"deployments.{number}"] = origin_of(["deployments", str(old)], known)
        for key, origin in known.items():
            if key.startswith(f"{head}."):
                moved[f"deployments.{number}{key.removeprefix(head)}"] = origin
    if image is not None:
        own = project.images[image]
        for path in _paths(own, _fields(project, own)):
            moved[".".join(path)] = origin_of([TABLE, image, *path], known)
    return moved


def _paths(own: NamedImage, fields: Sequence[str]) -> Iterator[list[str]]:
    """The path of each key that the image sets; of a table, those of its keys."""
    for field in fields:
        value = getattr(own, field)
        if isinstance(value, Table):
            yield from ([kebab(field), kebab(key)] for key in value.model_fields_set)
        elif isinstance(value, dict):
            yield from ([kebab(field), key] for key in value)
        else:
            yield [kebab(field)]


# --- what only the whole project shows -----------------------------------------------------------


def validate(project: Settings) -> tuple[str, ...]:
    """Refuse what is wrong with the images of a project; the warnings about them.

    Raises:
        ConfigError: A deployment uses an image that does not exist; a name is too long or taken;
            or two images would have the same name in the registry.
    """
    for image in project.images:
        _validate_image(of_image(project, image))
    for number, deployment in enumerate(project.deployments):
        if deployment.image is not None and deployment.image not in project.images:
            where = project.place("deployments", number, "image")
            raise unknown(project, deployment.image, where, f'deployment "{deployment.name}"')
    _refuse_shared_names(project)
    used = {deployment.image for deployment in project.deployments}
    return tuple(
        f'no deployment uses the image "{image}", so it is not built: add image = "{image}" to a'
        f" deployment, or remove [{TABLE}.{image}]"
        for image in project.images
        if image not in used
    )


def unknown(project: Settings, image: str, where: str, whose: str) -> ConfigError:
    """The error for an image that the project does not have."""
    hint = f"images: {', '.join(project.images)}" if project.images else ""
    return ConfigError(
        f'{whose}: the configuration has no image "{image}"',
        code="image-unknown",
        hint=did_you_mean(image, project.images, hint)
        or f"add [{TABLE}.{image}], or remove the key to use the project's image",
        where=where,
    )


def _validate_image(settings: Settings) -> None:
    project, image = settings.project, str(settings.image)
    problem = _not_a_slug(image)
    if image == project.name:
        problem = "the project has this name, and its own image is called so: choose another one"
    for what, name in (("name", settings.name), ("block", settings.block_name)):
        if not problem and len(name) > LONGEST_NAME:
            problem = (
                f'its {what} would be "{name}", which has {len(name)} characters; at most'
                f" {LONGEST_NAME} are allowed"
            )
    problem = problem or settings.misplaced()
    if problem:
        raise ConfigError(
            f"{TABLE}.{image}: {problem}",
            code="invalid-value",
            where=project.place(TABLE, image),
        )


def _not_a_slug(image: str) -> str | None:
    try:
        slug(image, "the name of an image")
    except ValueError as exc:
        return str(exc)
    return None


def _refuse_shared_names(project: Settings) -> None:
    """Refuse two images with the same repository and tag: the second push would replace the
    first."""
    known: dict[str, Settings] = {}
    for settings in per_image(project):
        repo = settings.repo or ""
        if ":" not in repo.rpartition("/")[2]:  # the tag is then the hash of the inputs
            continue
        if repo in known:
            first, second = known[repo], settings
            raise ConfigError(
                f"the images {first.name} and {second.name} would both be pushed as {repo}",
                code="image-repo-shared",
                hint="give each its own repo, or remove the tag",
                where=second.place("repo"),
            )
        known[repo] = settings


# --- files ---------------------------------------------------------------------------------------


def foreign_files(settings: Settings, usual: Sequence[str]) -> frozenset[str]:
    """The files that only other images of the project are made of: their dependencies, Dockerfiles
    and certificates. They are left out of this image, so that it does not change with them.

    Args:
        settings: Of one image.
        usual: The files with dependencies that an image uses which names none.
    """
    project = settings.project
    every = [of_image(project, image) for image in (None, *project.images)]
    theirs = {name for each in every for name in _files(each, usual)}
    return frozenset(theirs - set(_files(settings, usual)))


def _files(settings: ImageSettings, usual: Sequence[str]) -> Iterator[str]:
    packages = settings.packages
    named = (settings.requirements, settings.dockerfile, settings.template, packages.constraints)
    lock = None if settings.lock in ("auto", "none") else settings.lock
    for name in (*named, packages.ca_bundle, lock):
        if name and name != "pyproject.toml":
            yield str(PurePosixPath(name))
    if not settings.requirements and not settings.dockerfile:
        yield from usual
