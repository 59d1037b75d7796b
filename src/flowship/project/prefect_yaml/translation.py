"""A whole ``prefect.yaml`` as flowship's configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowship.config.names import slugify
from flowship.errors import ConfigError
from flowship.project.prefect_yaml import deployments, steps
from flowship.project.prefect_yaml.deployments import Translated
from flowship.project.prefect_yaml.document import Items, Left, Table, read

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


def translate(path: Path) -> Translation:
    """Read the file and translate what it says.

    Raises:
        ConfigError: It is not a valid ``prefect.yaml``, or has no deployments.
    """
    content = read(path)
    entries = content.get("deployments")
    found = [
        (deployments.translate(entry, number), entry)
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
    settings, left = _settings(content, [entry for _, entry in found])
    if pool:
        settings = {"work-pool": pool, **settings}
    usable, unusable = _named_once([_in_pool(each, pool) for each, _ in found])
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


def _settings(content: Table, entries: list[Table]) -> tuple[dict[str, Any], list[Left]]:
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
    for entry in entries:
        own, own_left = _own_steps(entry, settings)
        settings = {**own, **settings}
        left += own_left
    return settings, left


def _own_steps(entry: Table, settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[Left]]:
    """The settings in a deployment's own steps, and those that contradict the project's."""
    above = f"deployments.{entry.get('name')}."
    own: dict[str, Any] = {}
    left: list[Left] = []
    for section in steps.SECTIONS:
        found = steps.translate(section, entry.get(section), above)
        own |= found.settings
        left += found.left
        other = [key for key, value in found.settings.items() if settings.get(key, value) != value]
        if other:
            reason = f"one image serves all deployments; {' and '.join(other)} differ there"
            left.append(Left(entry.line_of(section), f"{above}{section}", reason))
    return own, left


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
    names: set[str] = set()
    for each in found:
        if each.reason:
            unusable.append(each)
            continue
        name = str(each.table["name"])
        if name in names:
            function = str(each.table["entrypoint"]).rpartition(":")[2]
            name = f"{slugify(function)}-{name}"
            left = Left(each.line, _key(each), f'another one has this name: it is now "{name}"')
            each = Translated(
                {**each.table, "name": name}, each.pool, each.line, left=(*each.left, left)
            )
        names.add(name)
        usable.append(each)
    return usable, unusable
