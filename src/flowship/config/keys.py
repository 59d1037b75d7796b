"""The spelling of configuration keys, and the keys that a table has."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

from flowship.config.secret_table import OrNames
from flowship.errors import did_you_mean


class Key(NamedTuple):
    """What a configuration key holds.

    Attributes:
        is_list: A list of values.
        is_table: A table, whatever its keys are.
        model: The table's own keys, where they are fixed.
        each: The keys of each table in it, where it holds tables by name.
        or_names: A table that may be written as a list of its names.
    """

    is_list: bool
    is_table: bool
    model: type[BaseModel] | None = None
    each: type[BaseModel] | None = None
    or_names: bool = False


Keys = Mapping[str, Key]


def kebab(name: str) -> str:
    """``base_image`` as it is written in TOML: ``base-image``."""
    return name.rstrip("_").replace("_", "-")


def known_keys(model: type[BaseModel]) -> dict[str, Key]:
    """The keys that a table may have, in kebab-case."""
    return {
        kebab(name): _key(field.annotation)._replace(
            or_names=any(isinstance(each, OrNames) for each in field.metadata)
        )
        for name, field in model.model_fields.items()
        if not field.exclude
    }


def _key(annotation: Any) -> Key:  # noqa: ANN401 - an annotation can be anything
    """What an annotation stands for; ``X | None`` stands for X."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next((a for a in get_args(annotation) if a is not type(None)), annotation)
    origin = get_origin(annotation)
    model = _model(annotation)
    each = _model(get_args(annotation)[-1]) if origin is dict else None
    is_table = origin is dict or model is not None
    return Key(is_list=origin is tuple, is_table=is_table, model=model, each=each)


def _model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def nearest_key(key: str, known: Mapping[str, object]) -> str:
    """The hint for an unknown key: the nearest known key, or the list of all of them."""
    return did_you_mean(key, known, f"known keys: {', '.join(known)}")
