"""The spelling of configuration keys, and the keys that a table has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from pydantic import (
    BaseModel,
)


def kebab(name: str) -> str:
    """``base_image`` as it is written in TOML: ``base-image``."""
    return name.rstrip("_").replace("_", "-")


Fields = Mapping[str, tuple[str, "type[BaseModel] | None"]]


def known_fields(model: type[BaseModel]) -> dict[str, tuple[str, type[BaseModel] | None]]:
    """Key → (annotation as text, the table's model when the key is a table)."""
    fields = {}
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        kind = field.annotation
        table = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        fields[kebab(name)] = (str(kind), table)
    return fields


def nearest_key(key: str, known: Mapping[str, object]) -> str:
    """The hint for an unknown key: the nearest known one, else all of them."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else f"known keys: {', '.join(known)}"
