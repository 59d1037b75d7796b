"""Tables with much in common as JSON: a value that most of them have is written once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Table = Mapping[str, Any]


def pack(tables: Sequence[Table]) -> dict[str, Any]:
    """``{"shared": …, "each": […]}``: the most frequent value of each key, and what differs.

    A key that a table lacks and the shared values have is None there.
    """
    shared = {key: _most_frequent(key, tables) for key in sorted({k for t in tables for k in t})}
    shared = {key: value for key, value in shared.items() if value is not None}
    each = [_differing(table, shared) for table in tables]
    return {"shared": shared, "each": each}


def unpack(packed: object) -> list[dict[str, Any]]:
    """The tables of `pack`, without the keys that are None; none of what is not such a value."""
    if not isinstance(packed, Mapping):
        return []
    shared, each = packed.get("shared"), packed.get("each")
    if not isinstance(each, list):
        return []
    common = shared if isinstance(shared, Mapping) else {}
    whole = [{**common, **table} for table in each if isinstance(table, Mapping)]
    return [{str(k): v for k, v in table.items() if v is not None} for table in whole]


def _most_frequent(key: str, tables: Sequence[Table]) -> Any:  # noqa: ANN401 JSON
    """The value that more than one table has; else None."""
    texts = Counter(_text(table[key]) for table in tables if table.get(key) is not None)
    [(text, often)] = texts.most_common(1) or [("null", 0)]
    return json.loads(text) if often > 1 else None


def _differing(table: Table, shared: Table) -> dict[str, Any]:
    absent: dict[str, Any] = {key: None for key in shared if table.get(key) is None}
    own = {
        key: value
        for key, value in table.items()
        if value is not None and (key not in shared or _text(value) != _text(shared[key]))
    }
    return absent | own


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
