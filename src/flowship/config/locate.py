"""Where a configuration value comes from: ``file:line:column``, a variable or an option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
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
    nearest = str(source)
    for key in _keys(files.read_text(source, source.name)):
        here = key.path[: len(wanted)] if key.is_table else key.path
        if here != wanted[: len(here)] or len(key.path) <= len(prefix):
            continue
        nearest = f"{source}:{key.place}"
        if not key.is_table or len(key.path) >= len(wanted):
            return nearest  # an inline value holds all keys below it
    return nearest


@dataclass(frozen=True)
class _Key:
    """A key of a file, or the header of a table.

    Attributes:
        path: With the index of the item after each array.
        place: ``line:column``.
    """

    path: list[str]
    place: str
    is_table: bool


@lru_cache(maxsize=8)
def _keys(text: str) -> tuple[_Key, ...]:
    """The keys of a TOML file, in its order; read once, as a project asks for hundreds of them."""
    found: list[_Key] = []
    table: list[str] = []
    items: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line):
            table = _table_at(header[2], items, is_array=header[1] == "[[")
            path, column, is_table = table, header.start(2), True
        elif assignment := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            path = [*table, *(p.strip("\"'") for p in assignment[1].split("."))]
            column, is_table = assignment.start(1), False
        else:
            continue
        found.append(_Key([kebab(part) for part in path], f"{number}:{column + 1}", is_table))
    return tuple(found)


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
