"""Tables of the configuration with one spelling of each key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from flowship.config.keys import kebab, known_keys
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
        nested = known[name].model if name in known else None
        if nested and isinstance(value, dict):
            value = canonical(value, nested, source, *above, name)
        spelled[name] = value
    return spelled
