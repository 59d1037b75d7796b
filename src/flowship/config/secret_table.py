"""The key ``secrets``: environment variables of a run, each from a Secret block on the server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BLOCK = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class OrNames:
    """Marks a table that may be written as a list of its names."""


_FORMS = 'must be a list of names, ["API_TOKEN"], or a table, { API_TOKEN = "block-name" }'


def _as_table(value: object) -> object:
    """A list of names as a table; a name in it has the block that is its default."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ValueError(_FORMS)
    twice = next((name for name in value if value.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f'"{twice}" is named more than once')
    return dict.fromkeys(value, "")


def _valid(value: dict[str, str]) -> dict[str, str]:
    for name, block in value.items():
        if not is_variable(name):
            raise ValueError(
                f'"{name}" is not a name of an environment variable: use letters, digits and _'
            )
        if block and not is_block(block):
            raise ValueError(
                f'"{block}" is not a name of a block: use lower-case letters, digits and single'
                " dashes"
            )
    return value


def is_variable(name: str) -> bool:
    """Whether a shell and every program can use an environment variable with this name."""
    return bool(_VARIABLE.fullmatch(name))


def is_block(name: str) -> bool:
    """Whether Prefect accepts this name of a block."""
    return bool(_BLOCK.fullmatch(name))


SecretTable = Annotated[
    dict[str, str], OrNames(), BeforeValidator(_as_table), AfterValidator(_valid)
]
"""Variable → Secret block; the name of the block is empty where it is the default."""
