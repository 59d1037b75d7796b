"""The outline of a half-edited project: its name, its server, and its deployments.

Most commands need every value to be valid. One that builds nothing does not: it must work at the
moment when something is wrong, which is when people edit.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from flowship.config import loading, pyproject
from flowship.config.environment import ENV_PREFIX
from flowship.config.files import is_file
from flowship.config.images import TABLE as IMAGES
from flowship.config.keys import kebab
from flowship.config.overlays import TABLE as ENVIRONMENTS
from flowship.config.overlays import VARIABLE
from flowship.config.settings import Settings
from flowship.errors import ConfigError

_TARGET = ("name", "profile", "require-env", "env-file")
_NAMES = ("default-deployment", "work-pool")
_VARIABLES = {
    VARIABLE,
    f"{ENV_PREFIX}ENV_FILE",
    *(f"{ENV_PREFIX}{key.upper().replace('-', '_')}" for key in (*_TARGET, *_NAMES)),
    f"{ENV_PREFIX}BLOCK__NAME",
}
_ANY_ENTRYPOINT = "flow.py:flow"
_LEFT_OUT: tuple[tuple[str, ...], ...] = (
    (),
    ("deployments", IMAGES),
    ("deployments", IMAGES, "block", *_NAMES),
)
"""What is left out in turn, until the rest is valid."""


def read(
    folder: Path, environment: str | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of the project in `folder`, of which only an outline is read.

    It has the name, the environment, the profile, the work pool, and the names of deployments and
    blocks; every other value is a default. Deployments that cannot be read are left out.

    Args:
        folder: A configured one.
        environment: The ``[env.NAME]`` to apply; ``FLOWSHIP_ENV`` if it is not given.
        environ: The variables.

    Raises:
        ConfigError: The file is not TOML, or the name or the profile is invalid.
        UsageError: There is no such environment.
    """
    source, table = _find(folder)
    known = {name: value for name, value in environ.items() if name in _VARIABLES}
    # References in values may name any other variable.
    known |= {n: v for n, v in environ.items() if not n.startswith(ENV_PREFIX)}
    for without in _LEFT_OUT:
        try:
            reduced = _reduced(table, without)
            return loading.from_table(
                folder, source, reduced, environment=environment, environ=known
            )
        except ConfigError as exc:
            problem = exc
    raise problem


def _find(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The configuration file and its content; of two, flowship.toml.

    Raises:
        ConfigError: It is not TOML.
    """
    own = folder / "flowship.toml"
    try:
        source, table = loading.find(folder)
    except ConfigError:  # two files, or a pyproject.toml that is wrong elsewhere
        if is_file(own):
            return own, pyproject.read_toml(own)
        source, document = folder / pyproject.NAME, pyproject.read_toml(folder / pyproject.NAME)
        return source, dict(_table(_table(document, "tool"), "flowship"))
    return source or own, dict(table)


def _reduced(table: Mapping[str, Any], without: Collection[str]) -> dict[str, Any]:
    """The keys of an outline, of the file and of each of its environments."""
    overlays = {
        name: _outline(each, (*without, "require-env"))
        for name, each in _table(table, ENVIRONMENTS).items()
        if isinstance(each, Mapping)
    }
    kept = {"entrypoint": _ANY_ENTRYPOINT, **_outline(table, without)}
    return kept | ({ENVIRONMENTS: overlays} if overlays else {})


def _outline(table: Mapping[str, Any], without: Collection[str]) -> dict[str, Any]:
    spelled = {kebab(str(key)): value for key, value in table.items()}
    kept = {key: spelled[key] for key in (*_TARGET, *_NAMES) if key in spelled}
    if (name := _table(spelled, "block").get("name")) is not None:
        kept["block"] = {"name": name}
    if images := _table(spelled, IMAGES):
        kept[IMAGES] = {str(name): {} for name in images}
    if deployments := _deployments(spelled.get("deployments")):
        kept["deployments"] = deployments
    return {key: value for key, value in kept.items() if key not in without}


def _deployments(given: object) -> list[dict[str, Any]] | dict[str, dict[str, Any]]:
    """The names and images of deployments: a list in the file, tables by name in environments."""
    if isinstance(given, Mapping):
        return {str(name): _image(each) for name, each in given.items()}
    tables = (
        [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []
    )
    return [{"name": each["name"], **_image(each)} for each in tables if "name" in each]


def _image(deployment: object) -> dict[str, Any]:
    image = deployment.get("image") if isinstance(deployment, Mapping) else None
    return {} if image is None else {"image": image}


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key)
    return found if isinstance(found, Mapping) else {}
