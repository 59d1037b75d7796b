"""A whole ``prefect.yaml`` as flowship's configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowship.config.names import slugify
from flowship.errors import ConfigError
from flowship.project.prefect_yaml import deployments, steps
from flowship.project.prefect_yaml.deployments import Translated
from flowship.project.prefect_yaml.document import Items, Left, Table, read
from flowship.project.prefect_yaml.schedules import Problem
from flowship.project.prefect_yaml.steps import Found

TOP = {"name", "prefect-version", "deployments", "definitions", *steps.SECTIONS}


@dataclass(frozen=True)
class Translation:
    """What a ``prefect.yaml`` says, in flowship's terms.

    Attributes:
        source: The file.
        name: The project's name; empty if the file gives none.
        settings: The project's keys, in kebab-case.
        deployments: The ``[[deployments]]``.
        unusable: Deployments that are written as comments, with the reason.
        left: What has no counterpart, in the order of the lines.
    """

    source: Path
    name: str
    settings: Mapping[str, Any]
    deployments: tuple[Mapping[str, Any], ...]
    unusable: tuple[tuple[Mapping[str, Any], str], ...]
    left: tuple[Left, ...]


def translate(path: Path, problem: Problem = lambda _: "") -> Translation:
    """Read the file and translate what it says.

    Args:
        path: The file.
        problem: Says what is wrong with a schedule.

    Raises:
        ConfigError: It is not a valid ``prefect.yaml``, or has no deployments.
    """
    content = read(path)
    entries = content.get("deployments")
    found = [
        (deployments.translate(entry, number, problem), entry)
        for number, entry in enumerate(entries if isinstance(entries, Items) else (), start=1)
        if isinstance(entry, Table)
    ]
    if not found:
        raise ConfigError(
            "the file has no deployments",
            code="prefect-yaml-invalid",
            hint="run `flowship init` without --from to start from the flows in the code",
            where=str(path),
        )
    pool = _common_pool([each for each, _ in found])
    own_steps = [_own_steps(entry) for _, entry in found]
    settings, left = _settings(content, own_steps)
    if pool:
        settings = {"work-pool": pool, **settings}
    images: dict[str, Any] = {}
    usable, unusable = _named_once(
        [
            _with_image(_in_pool(each, pool), own.settings, settings, images)
            for (each, _), own in zip(found, own_steps, strict=True)
        ]
    )
    settings |= {"images": images} if images else {}
    left += [one for each in usable for one in each.left]
    left += [Left(each.line, _key(each), each.reason) for each in unusable]
    return Translation(
        source=path,
        name=slugify(str(content.get("name") or "")),
        settings=settings,
        deployments=tuple(each.table for each in usable),
        unusable=tuple((each.table, each.reason) for each in unusable),
        left=tuple(sorted(left, key=lambda one: (one.line, one.key))),
    )


def _key(each: Translated) -> str:
    return f"deployments.{each.table['name'] or '?'}"


def _settings(content: Table, own_steps: Sequence[Found]) -> tuple[dict[str, Any], list[Left]]:
    """The project's settings: those of the file's own steps, or else of the deployments'."""
    settings: dict[str, Any] = {}
    left = [
        Left(content.line_of(key), key, "Prefect does not read this key")
        for key in content
        if key not in TOP
    ]
    if str(content.get("prefect-version") or "").startswith(("1.", "2.")):
        version = f"Prefect {content['prefect-version']}"
        reason = f"the images have Prefect 3: code for {version} may need changes"
        left.append(Left(content.line_of("prefect-version"), "prefect-version", reason))
    for section in steps.SECTIONS:
        if section in content:
            found = steps.translate(section, content[section])
            settings |= found.settings
            left += found.left
    for own in own_steps:
        left += own.left
        if own.settings and not IMAGE_KEYS & settings.keys():
            settings |= own.settings
    return settings, left


IMAGE_KEYS = {"repo", "dockerfile", "platform", "build-args", "requirements"}
"""What a build step sets."""


def _own_steps(entry: Table) -> Found:
    """The settings in a deployment's own steps."""
    own: dict[str, Any] = {}
    left: list[Left] = []
    for section in steps.SECTIONS:
        found = steps.translate(section, entry.get(section), f"deployments.{entry.get('name')}.")
        own |= found.settings
        left += found.left
    return Found(own, tuple(left))


def _with_image(
    each: Translated,
    own: Mapping[str, Any],
    settings: Mapping[str, Any],
    images: dict[str, Any],
) -> Translated:
    """The deployment; with an image of its own if its steps build another one.

    Args:
        each: The deployment.
        own: The settings in its own steps.
        settings: The project's.
        images: The images of deployments; this one's is added.
    """
    if not own or each.reason or all(settings.get(k) == own.get(k) for k in IMAGE_KEYS):
        return each
    if missing := [key for key in IMAGE_KEYS if key in settings and key not in own]:
        reason = f"its own build has no {' and no '.join(sorted(missing))}, unlike the project's"
        return replace(each, reason=reason)
    name = slugify(str(each.table["name"]))
    images[name] = dict(own)
    return replace(each, table={**each.table, "image": name})


def _common_pool(found: list[Translated]) -> str:
    """The work pool that most deployments use."""
    pools = Counter(each.pool for each in found if each.pool)
    return pools.most_common(1)[0][0] if pools else ""


def _in_pool(each: Translated, pool: str) -> Translated:
    if each.reason or not each.pool or each.pool == pool:
        return each
    reason = f'its work pool is "{each.pool}"; a project has one work pool, here "{pool}"'
    return Translated(each.table, each.pool, each.line, reason, each.left)


def _named_once(found: list[Translated]) -> tuple[list[Translated], list[Translated]]:
    """Those that can be deployed, with different names, and those that cannot."""
    usable: list[Translated] = []
    unusable: list[Translated] = []
    last = {_identity(each): each for each in found if not each.reason}
    names: set[str] = set()
    for each in found:
        if each.reason:
            unusable.append(each)
            continue
        if last[_identity(each)] is not each:
            again = "a later entry has this name and flow, and Prefect deploys that one"
            unusable.append(replace(each, reason=again))
            continue
        name = str(each.table["name"])
        if name in names:
            function = str(each.table["entrypoint"]).rpartition(":")[2]
            name = f"{slugify(function)}-{name}"
            left = Left(each.line, _key(each), f'another one has this name: it is now "{name}"')
            each = replace(each, table={**each.table, "name": name}, left=(*each.left, left))
        names.add(name)
        usable.append(each)
    return usable, unusable


def _identity(each: Translated) -> tuple[str, str]:
    return str(each.table["name"]), str(each.table.get("entrypoint"))
