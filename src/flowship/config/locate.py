"""Where a configuration value comes from: ``file:line:column``, a variable or an option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from flowship.config import files
from flowship.config.keys import kebab

Origin = str | tuple[str, ...]
"""What set a key: a variable, an option, or the path of a key in another table of the file."""

Origins = dict[str, Origin]
"""The path of a key in the settings, with dots → what set it."""


def locate(loc: list[str], source: Path | None, origins: Mapping[str, Origin]) -> str:
    """The variable or option that set the key at `loc`, or a table around it; or else its line."""
    origin = origin_of(loc, origins)  # its line is searched here: most are never shown
    return origin if isinstance(origin, str) else position(source, list(origin))


def origin_of(loc: list[str], origins: Mapping[str, Origin]) -> Origin:
    """What set the key at `loc`, or a table around it; the key itself if nothing else did."""
    for end in range(len(loc), 0, -1):
        origin = origins.get(".".join(kebab(part) for part in loc[:end]))
        if isinstance(origin, str):
            return origin
        if origin:
            return (*origin, *loc[end:])
    return tuple(loc)


def position(source: Path | None, loc: list[str]) -> str:
    """``file:line:column`` of the key at `loc`, or of its table; the file if neither is found."""
    if source is None:
        return ""
    prefix = ["tool", "flowship"] if source.name == "pyproject.toml" else []
    wanted = [*prefix, *(kebab(p) for p in loc)]
    table: list[str] = []
    nearest = str(source)
    items: dict[str, int] = {}
    for number, line in enumerate(files.read_text(source, source.name).splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line)
        if header:
            table = _table_at(header[2], items, is_array=header[1] == "[[")
            if len(table) > len(prefix) and _matches(table[: len(wanted)], wanted):
                nearest = f"{source}:{number}:{header.start(2) + 1}"
                if len(table) >= len(wanted):
                    return nearest
            continue
        assignment = re.match(r"\s*([\w\"'.-]+)\s*=", line)
        if assignment:
            here = [*table, *(p.strip("\"'") for p in assignment[1].split("."))]
            if _matches(here, wanted):
                return f"{source}:{number}:{assignment.start(1) + 1}"
    return nearest


def _table_at(name: str, items: dict[str, int], *, is_array: bool) -> list[str]:
    """The path of a TOML header, with the index of the current item after each array."""
    parts = [part.strip().strip("\"'") for part in name.split(".")]
    path: list[str] = []
    for number, part in enumerate(parts, start=1):
        path.append(part)
        array = ".".join(path)
        if is_array and number == len(parts):
            items[array] = items.get(array, -1) + 1
        if array in items:
            path.append(str(items[array]))
    return path


def _matches(here: list[str], wanted: list[str]) -> bool:
    """Whether `wanted` is at or below `here` (an inline value holds all keys below it)."""
    return [kebab(part) for part in here] == wanted[: len(here)]
