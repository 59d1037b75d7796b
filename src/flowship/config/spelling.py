"""Tables of the configuration with one spelling of each key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from flowship.config.keys import Key, kebab, known_keys
from flowship.config.locate import position
from flowship.errors import ConfigError


def canonical(
    table: Mapping[str, Any], model: type[BaseModel], source: Path | None, *above: str
) -> dict[str, Any]:
    """`table` with its keys in kebab-case, as variables and options spell them.

    Args:
        table: As it is written; it may have keys that `model` does not know.
        model: The keys that it may have.
        source: The configuration file.
        above: The path of the table in the file.

    Raises:
        ConfigError: A key is there in two spellings.
    """
    known = known_keys(model)
    spelled: dict[str, Any] = {}
    for key, value in table.items():
        name = kebab(key) if kebab(key) in known else key
        if name in spelled:
            raise ConfigError(
                f'"{name}" is set twice',
                code="duplicate-key",
                hint="keep one spelling",
                where=position(source, [*above, name]),
            )
        spelled[name] = value
        if name in known and isinstance(value, dict):
            spelled[name] = _below(value, known[name], source, *above, name)
    return spelled


def _below(table: dict[str, Any], key: Key, source: Path | None, *place: str) -> dict[str, Any]:
    """A table inside a table, or tables by name."""
    if key.each:
        return {
            name: canonical(each, key.each, source, *place, name)
            if isinstance(each, dict)
            else each
            for name, each in table.items()
        }
    return canonical(table, key.model, source, *place) if key.model else table
