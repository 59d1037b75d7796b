"""The placeholders of a ``prefect.yaml``: what becomes of ``{{ … }}`` in a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowship.config.interpolation import escape
from flowship.redaction import is_secret_name

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")

AT_RUN = ("prefect.blocks.", "prefect.variables.", "ctx.")
"""What a worker resolves when it starts a run, in job variables."""


def names(value: object) -> Iterator[str]:
    """The names in all placeholders of `value`, at any depth."""
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from names(each)
    elif isinstance(value, list):
        for each in value:
            yield from names(each)


def unknown(value: object, *, at_run: bool = False) -> str:
    """The first placeholder that flowship has no counterpart for; empty if there is none.

    Args:
        value: Text, or a list or mapping that holds some.
        at_run: Whether a worker resolves the value when it starts a run.
    """
    for name in names(value):
        usable = re.fullmatch(r"\$[A-Za-z_]\w*", name, re.ASCII) and not is_secret_name(name)
        if not (usable or (at_run and name.startswith(AT_RUN))):
            return "{{ " + name + " }}"
    return ""


def translated(value: Any) -> Any:  # noqa: ANN401 - a value of the file, of any type
    """`value` as flowship.toml writes it: ``{{ $NAME }}`` becomes ``${NAME}``."""
    if isinstance(value, str):
        pieces = PLACEHOLDER.split(value)
        for number, piece in enumerate(pieces):
            pieces[number] = _placeholder(piece) if number % 2 else escape(piece)
        return "".join(pieces)
    if isinstance(value, dict):
        return {key: translated(each) for key, each in value.items()}
    if isinstance(value, list):
        return [translated(each) for each in value]
    return value


def _placeholder(name: str) -> str:
    return f"${{{name[1:]}}}" if name.startswith("$") else "{{ " + name + " }}"


def usable(
    value: Any,  # noqa: ANN401 - a value of the file, of any type
    *,
    at_run: bool = False,
    place: str = "",
) -> tuple[Any, list[str]]:
    """`value` as flowship.toml writes it, without what has no counterpart.

    Args:
        value: Text, or a list or mapping that holds some.
        at_run: Whether a worker resolves the value when it starts a run.
        place: The keys that lead to it.

    Returns:
        The rest, and a reason for each part that is missing.
    """
    if isinstance(value, dict):
        pairs = [(key, f"{place}.{key}".lstrip("."), each) for key, each in value.items()]
        rest: Any = {}
    elif isinstance(value, list):
        pairs = [(number, f"{place}[{number}]", each) for number, each in enumerate(value)]
        rest = []
    else:
        return translated(value), []
    reasons: list[str] = []
    for key, where, each in pairs:
        if each is None:
            reasons.append(f"{where}: TOML has no null, so it is left out")
        elif isinstance(each, str) and (placeholder := unknown(each, at_run=at_run)):
            reasons.append(f"{where}: flowship has no counterpart for {placeholder}")
        else:
            kept, more = usable(each, at_run=at_run, place=where)
            reasons += more
            if isinstance(rest, dict):
                rest[key] = kept
            else:
                rest.append(kept)
    return rest, reasons
