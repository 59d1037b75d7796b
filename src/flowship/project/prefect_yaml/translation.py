"""A whole ``prefect.yaml`` as flowship's configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowship.config.names import LONGEST_NAME, slugify
from flowship.errors import ConfigError
from flowship.project.prefect_yaml import deployments, images, steps
from flowship.project.prefect_yaml.deployments import Translated
from flowship.project.prefect_yaml.document import Items, Left, Table, read
from flowship.project.prefect_yaml.schedules import Problem
from flowship.project.prefect_yaml.steps import Found

TOP = {"name", "prefect-version", "deployments", "definitions", *steps.SECTIONS}


@dataclass(frozen=True)
class Unusable:
    """A deployment that is written as a comment.

    Attributes:
        table: All of it that translates, also what is not valid.
        reason: Why it cannot be deployed.
        left: What of it was not imported.
        images: The ``[images.NAME]`` that only it uses.
    """

    table: Mapping[str, Any]
    reason: str
    left: tuple[Left, ...] = ()
    images: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Translation:
    """What a ``prefect.yaml`` says, in flowship's terms.

    Attributes:
        source: The file.
        name: The project's name; empty if the file gives none.
        settings: The project's keys, in kebab-case.
        deployments: The ``[[deployments]]``.
        unusable: The deployments that are written as comments.
        left: What has no counterpart, in the order of the lines.
    """

    source: Path
    name: str
    settings: Mapping[str, Any]
    deployments: tuple[Mapping[str, Any], ...]
    unusable: tuple[Unusable, ...]
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
    name = slugify(str(content.get("name") or ""))[:LONGEST_NAME].strip("-")
    shared, left = _shared(content)
    found, not_mappings = _entries(content, shared, problem, path.parent)
    left += not_mappings
    if not found:
        raise ConfigError(
            "the file has no deployments",
            code="prefect-yaml-invalid",
            hint="run `flowship init` without --from to start from the flows in the code",
            where=str(path),
        )
    pool = _common_pool(found)
    found = _named_once(_without_superseded([_in_pool(each, pool) for each in found]))
    settings: dict[str, Any] = {"work-pool": pool} if pool else {}
    settings |= _project_settings(shared, [each for each in found if not each.reason])
    made = images.Images(settings, reserved=name)
    found = [made.assigned(each) for each in found]
    settings |= {"images": made.used} if made.used else {}
    left += [one for each in found for one in each.left]
    left += [Left(each.line, each.key, each.reason) for each in found if each.reason]
    return Translation(
        source=path,
        name=name,
        settings=settings,
        deployments=tuple(each.table for each in found if not each.reason),
        unusable=tuple(
            Unusable(each.in_full(), each.reason, each.left, made.only_of(each))
            for each in found
            if each.reason
        ),
        left=tuple(sorted(left, key=lambda one: (one.line, one.key))),
    )


def _entries(
    content: Table, shared: Mapping[str, Found], problem: Problem, folder: Path
) -> tuple[list[Translated], list[Left]]:
    """The deployments of the file, and the items of the list that are not deployments."""
    entries = content.get("deployments")
    found: list[Translated] = []
    left: list[Left] = []
    if not isinstance(entries, Items):
        return found, left
    for number, (entry, line) in enumerate(zip(entries, entries.lines, strict=True), start=1):
        if isinstance(entry, Table) and entry:
            each = deployments.translate(entry, number, problem, folder)
            found.append(_with_own_steps(each, entry, shared))
        else:
            why = "it is not a deployment" if entry else "it is empty"
            left.append(Left(line, f"deployments.{number}", why))
    return found, left


# --- steps ---------------------------------------------------------------------------------------


def _shared(content: Table) -> tuple[dict[str, Found], list[Left]]:
    """The settings of the file's own steps by section, and what of the top was not imported."""
    left = [
        Left(content.line_of(key), key, "Prefect does not read this key")
        for key in content
        if key not in TOP
    ]
    if str(content.get("prefect-version") or "").startswith(("1.", "2.")):
        version = f"Prefect {content['prefect-version']}"
        reason = f"the images have Prefect 3: code for {version} may need changes"
        left.append(Left(content.line_of("prefect-version"), "prefect-version", reason))
    shared = {
        section: steps.translate(section, content.get(section), line=content.line_of(section))
        for section in steps.SECTIONS
    }
    return shared, left + [one for found in shared.values() for one in found.left]


def _with_own_steps(each: Translated, entry: Table, shared: Mapping[str, Found]) -> Translated:
    """The deployment with the settings of its own steps.

    A section that it has replaces the file's, as in `prefect deploy`; the others are the file's.
    """
    settings: dict[str, Any] = {}
    left: list[Left] = []
    has_own = False
    for section in steps.SECTIONS:
        line = entry.line_of(section)
        own = steps.translate(section, entry.get(section), f"{each.key}.", line)
        settings |= own.settings if entry.get(section) else shared[section].settings
        has_own = has_own or bool(own.settings)
        left += own.left
    return replace(each, own=settings if has_own else {}, left=(*each.left, *left))


def _project_settings(
    shared: Mapping[str, Found], usable: Sequence[Translated]
) -> Mapping[str, Any]:
    """The settings of the project's own image: those of the file's steps, or else of the first
    deployment's, if each has steps of its own."""
    settings: dict[str, Any] = {}
    for found in shared.values():
        settings |= found.settings
    if not settings and usable and all(each.own for each in usable):
        return usable[0].own
    return settings


# --- pools and names -----------------------------------------------------------------------------


def _common_pool(found: Sequence[Translated]) -> str:
    """The work pool that most deployments use; those that cannot be deployed count last."""
    for some in ([each for each in found if not each.reason], found):
        pools = Counter(each.pool for each in some if each.pool)
        if pools:
            return pools.most_common(1)[0][0]
    return ""


def _in_pool(each: Translated, pool: str) -> Translated:
    if not each.pool or each.pool == pool:
        return each
    return each.refused(
        f'its work pool is "{each.pool}"; a project has one work pool, here "{pool}"'
    )


def _without_superseded(found: Sequence[Translated]) -> list[Translated]:
    """`found`, in which an entry is refused if a later one has its name and flow."""
    last = {_identity(each): each for each in found if not each.reason}
    again = "a later entry has this name and flow, and Prefect deploys that one"
    return [
        each if each.reason or last[_identity(each)] is each else each.refused(again)
        for each in found
    ]


def _named_once(found: Sequence[Translated]) -> list[Translated]:
    """`found` with different names for those that can be deployed."""
    names: set[str] = set()
    named = []
    for each in found:
        name = str(each.table["name"])
        if name in names and not each.reason:
            function = str(each.table["entrypoint"]).rpartition(":")[2]
            name = f"{slugify(function)}-{name}"
            left = Left(each.line, each.key, f'another one has this name: it is now "{name}"')
            each = replace(each, table={**each.table, "name": name}, left=(*each.left, left))
        if not each.reason:
            names.add(name)
        named.append(each)
    return named


def _identity(each: Translated) -> tuple[str, str]:
    return str(each.table["name"]), str(each.table.get("entrypoint"))
