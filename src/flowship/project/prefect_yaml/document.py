"""Reads a ``prefect.yaml`` and keeps the line of every key, without importing Prefect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flowship.config import files
from flowship.errors import ConfigError

MOST_VALUES = 100_000
"""Values in one file; aliases of aliases can make a small file much larger than that."""


@dataclass(frozen=True)
class Left:
    """A key that has no counterpart in flowship, and so was not imported.

    Attributes:
        line: Where it is, counted from 1.
        key: The key, with those above it: ``deployments.nightly.triggers``.
        reason: Why, and what to do instead.
    """

    line: int
    key: str
    reason: str


class Table(dict[str, Any]):
    """A mapping with the line of each key, counted from 1.

    A key that a merge (``<<: *name``) brought has the line where the anchor has it.
    """

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        """The line of `key`, or of the mapping if it does not have the key."""
        return self.lines.get(key, self.line)


class Items(list[Any]):
    """A list with the line of each item, counted from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


class _Loader(yaml.SafeLoader):
    """Prefect's own loader, with lines."""

    def table(self, node: yaml.MappingNode) -> Iterator[Table]:
        table = Table(node.start_mark.line + 1)
        yield table
        self.flatten_mapping(node)
        for key_node, value_node in node.value:
            key = str(self.construct_object(key_node, deep=True))
            table[key] = self.construct_object(value_node, deep=True)
            table.lines[key] = key_node.start_mark.line + 1

    def items(self, node: yaml.SequenceNode) -> Iterator[Items]:
        items = Items()
        yield items
        for item in node.value:
            items.append(self.construct_object(item, deep=True))
            items.lines.append(item.start_mark.line + 1)


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.table)
_Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.items)


def read(path: Path) -> Table:
    """The file's content.

    Raises:
        ConfigError: It cannot be read, is not YAML, or its top is not a mapping.
    """
    text = files.read_text(path, "--from")
    try:
        content = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise _invalid(str(exc.problem or exc.context or "it is not YAML"), place) from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise _invalid(" ".join(str(exc).split()), str(path)) from exc
    except RecursionError as exc:
        raise _invalid("it is nested too deeply", str(path)) from exc
    if content is None:
        raise _invalid("it is empty", str(path))
    if not isinstance(content, Table):
        raise _invalid("its top is not a mapping", str(path))
    _refuse_endless(content, path)
    return content


def _refuse_endless(content: Table, path: Path) -> None:
    """Refuse what aliases make too large, or endless."""
    pending: list[Any] = [content]
    for _ in range(MOST_VALUES):
        if not pending:
            return
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    raise _invalid("its aliases make too many values", str(path))


def _invalid(reason: str, place: str) -> ConfigError:
    return ConfigError(
        f"this is not a valid prefect.yaml: {reason}",
        code="prefect-yaml-invalid",
        hint="correct the file; `prefect deploy` reads it in the same way",
        where=place,
    )
