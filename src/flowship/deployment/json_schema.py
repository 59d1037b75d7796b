"""JSON schemas as Prefect uses them: does a value fit, and what does a schema accept."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

Schema = Mapping[str, Any]


References = frozenset[str]


def plain(value: object) -> Any:  # noqa: ANN401 JSON
    """A configuration's value as JSON has it: TOML's dates become text, tuples lists."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def problem(
    value: object,
    schema: Schema | bool,
    root: Schema,
    within: References = frozenset(),
    at: str = "",
) -> str | None:
    """What is wrong with `value`, in words; None when it fits.

    Covers the keywords that pydantic writes. An unknown keyword passes: the server validates again.
    """
    beyond = _too_large_for_the_server(value, at)
    if beyond:
        return beyond
    if schema is True or schema == {} or is_template(value):
        return None
    if schema is False:
        return f"{_show(value, at)} is not allowed"
    assert isinstance(schema, Mapping)
    if "$ref" in schema:
        return problem(value, *follow(schema["$ref"], root, within), at)
    return (
        _choice_problem(value, schema, root, within, at)
        or _type_problem(value, schema, at)
        or _bound_problem(value, schema, at)
        or _inner_problem(value, schema, root, at)
    )


def _too_large_for_the_server(value: object, at: str) -> str | None:
    """A number that JSON does not have, or that the server stores and then cannot list."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{_show(value, at)} is not a valid JSON number"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return f"{_show(value, at)} does not fit in the 64 bits that the Prefect server can store"
    inner: Iterator[tuple[object, object]] = iter(())
    if isinstance(value, list):
        inner = enumerate(value)
    elif isinstance(value, dict):
        inner = iter(value.items())
    found = (_too_large_for_the_server(item, f"{at}[{json.dumps(key)}]") for key, item in inner)
    return next((f for f in found if f), None)


def is_template(value: object) -> bool:
    """A value that the Prefect server fills in itself (a variable, JSON or Jinja)."""
    return isinstance(value, Mapping) and "__prefect_kind" in value


def follow(reference: str, root: Schema, within: References) -> tuple[Schema, Schema, References]:
    """What `reference` names, the root, and the references that have now been followed.

    A type may contain itself: where it is being followed already, it accepts anything.
    """
    found: Any = {} if reference in within else root
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part, {})
    assert isinstance(found, Mapping)
    return found, root, within | {reference}


def _choice_problem(
    value: object, schema: Schema, root: Schema, within: References, at: str
) -> str | None:
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if branches:
            found = [problem(value, branch, root, within, at) for branch in branches]
            if all(found):
                # The branch that got furthest says most: it names the deepest place in the value.
                return max((f for f in found if f), key=lambda text: text.count("["))
    for branch in schema.get("allOf", ()):
        inner = problem(value, branch, root, within, at)
        if inner:
            return inner
    if "enum" in schema and not any(_same(value, item) for item in schema["enum"]):
        return f"{_show(value, at)} is not one of these"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{_show(value, at)} is not {json.dumps(schema['const'])}"
    return None


def _same(one: object, other: object) -> bool:
    """JSON equality: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def is_type(value: object, kind: str) -> bool:
    """Whether `value` is of the JSON Schema type `kind`."""
    if kind == "integer":
        whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
        return (isinstance(value, int) and not isinstance(value, bool)) or whole
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    classes: dict[str, Any] = {
        "string": str, "boolean": bool, "null": type(None), "array": list, "object": dict,
    }  # fmt: skip
    return isinstance(value, classes.get(kind, object))


def _type_problem(value: object, schema: Schema, at: str) -> str | None:
    kinds = schema.get("type")
    if kinds is None:
        return None
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return (
        None if any(is_type(value, kind) for kind in kinds) else f"{_show(value, at)} is not valid"
    )


def _bound_problem(value: object, schema: Schema, at: str) -> str | None:
    if isinstance(value, str):
        return _text_problem(value, schema, at)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    bounds: dict[str, tuple[Callable[[float], bool], str]] = {
        "minimum": (lambda bound: value >= bound, "at least"),
        "maximum": (lambda bound: value <= bound, "at most"),
        "exclusiveMinimum": (lambda bound: value > bound, "more than"),
        "exclusiveMaximum": (lambda bound: value < bound, "less than"),
        "multipleOf": (lambda bound: math.isclose(value % bound, 0, abs_tol=1e-9), "a multiple of"),
    }
    for keyword, (holds, words) in bounds.items():
        if keyword in schema and not holds(schema[keyword]):
            return f"{_show(value, at)} is not {words} {schema[keyword]}"
    return None


def _text_problem(value: str, schema: Schema, at: str) -> str | None:
    if len(value) < schema.get("minLength", 0):
        return f"{_show(value, at)} is shorter than {schema['minLength']} characters"
    if len(value) > schema.get("maxLength", len(value)):
        return f"{_show(value, at)} is longer than {schema['maxLength']} characters"
    if not _matches(value, schema.get("pattern", "")):
        return f"{_show(value, at)} does not match {schema['pattern']}"
    reader = _FORMATS.get(schema.get("format", ""))
    if reader is None:
        return None
    try:
        reader[0](value)
    except ValueError:
        return f"{_show(value, at)} is not {reader[1]}"
    return None


def _matches(value: str, pattern: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # only pydantic reads it, such as \p{L}: the flow checks it at the run
        return True


def _iso_date(text: str) -> date:
    # Without the dashes pydantic takes it for seconds since 1970, whatever the calendar says.
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _iso_time(text: str) -> time:
    if ":" not in text:
        raise ValueError(text)
    return time.fromisoformat(text.replace("Z", "+00:00"))


def _iso_moment(text: str) -> datetime:
    _iso_date(text[:10])
    return datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))


def _email(text: str) -> str:
    """Only what no flow accepts is refused: pydantic has its rules from another package."""
    name, _, domain = text.strip().rpartition("@")
    if not name or "." not in domain or " " in domain:
        raise ValueError(text)
    return text


def _by_pydantic(kind: Callable[[], Any]) -> Callable[[str], object]:
    """As the flow will read it: by pydantic's own rules, which take no "2h" as a duration."""

    def read(text: str) -> object:
        from pydantic import TypeAdapter

        return TypeAdapter(kind()).validate_python(text)

    return read


def _url() -> Any:  # noqa: ANN401 - pydantic is imported late
    from pydantic import AnyUrl

    return AnyUrl


_FORMATS: dict[str, tuple[Callable[[str], object], str]] = {
    "date": (_iso_date, "a date like 2026-01-31"),
    "date-time": (_iso_moment, "a time like 2026-01-31T05:00:00Z"),
    "time": (_iso_time, "a time like 05:00:00"),
    "uuid": (UUID, "a UUID"),
    **{f"uuid{version}": (UUID, "a UUID") for version in range(1, 9)},
    "duration": (
        _by_pydantic(lambda: timedelta),
        "a duration like PT2H30M, P1D or 02:30:00",
    ),
    "uri": (_by_pydantic(_url), "a URL like https://example.com/data"),
    "email": (_email, "an email address"),
    "ipv4": (ipaddress.IPv4Address, "an IPv4 address"),
    "ipv6": (ipaddress.IPv6Address, "an IPv6 address"),
    "ipv4network": (ipaddress.IPv4Network, "an IPv4 network like 10.0.0.0/8"),
    "ipv6network": (ipaddress.IPv6Network, "an IPv6 network like fd00::/8"),
    "ipvanyaddress": (ipaddress.ip_address, "an IP address"),
    "ipvanynetwork": (ipaddress.ip_network, "an IP network"),
    "json-string": (json.loads, "JSON"),
}


def _inner_problem(value: object, schema: Schema, root: Schema, at: str) -> str | None:
    if isinstance(value, list):
        return _items_problem(value, schema, root, at)
    if isinstance(value, dict):
        return _properties_problem(value, schema, root, at)
    return None


def _items_problem(value: list[Any], schema: Schema, root: Schema, at: str) -> str | None:
    if len(value) < schema.get("minItems", 0):
        return f"{_show(value, at)} has fewer than {schema['minItems']} items"
    if len(value) > schema.get("maxItems", len(value)):
        return f"{_show(value, at)} has more than {schema['maxItems']} items"
    if schema.get("uniqueItems"):
        texts = [json.dumps(item, sort_keys=True) for item in value]
        repeated = next((text for text in texts if texts.count(text) > 1), None)
        if repeated:
            return f"{_show(value, at)} is a set: it can have {repeated} only once"
    fixed = schema.get("prefixItems", ())
    for index, item in enumerate(value):
        inner = fixed[index] if index < len(fixed) else schema.get("items", True)
        found = problem(item, inner, root, at=f"{at}[{index}]")
        if found:
            return found
    return None


def _properties_problem(value: dict[str, Any], schema: Schema, root: Schema, at: str) -> str | None:
    if set(value) == {"$ref"}:
        return None  # a block's reference, which Prefect accepts in place of the block
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f'{_show(value, at)} has no "{name}"'
    for name, item in value.items():
        inner = properties.get(name, schema.get("additionalProperties", True))
        found = problem(item, inner, root, at=f'{at}["{name}"]')
        if found:
            return found
    return None


def _show(value: object, at: str) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    text = text if len(text) <= 60 else f"{text[:57]}…"
    return f"{text} at {at}" if at else text


_NAMES = {
    "integer": "a whole number", "number": "a number", "string": "text",
    "boolean": "true or false", "null": "nothing (null)", "object": "a table (JSON object)",
}  # fmt: skip


_FORMAT_NAMES = {
    "date": "a date", "date-time": "a date and time", "time": "a time", "duration": "a duration",
    "uuid": "a UUID", "uri": "a URL", "email": "an email address",
}  # fmt: skip


_PLURALS = {
    "a whole number": "whole numbers", "a number": "numbers", "text": "texts",
    "true or false": "true/false values", "a table (JSON object)": "tables",
    "a date": "dates", "a date and time": "dates and times", "a time": "times",
    "a duration": "durations", "a UUID": "UUIDs", "a URL": "URLs",
    "an email address": "email addresses",
}  # fmt: skip


def describe(schema: Schema | bool, root: Schema, within: References = frozenset()) -> str:
    """What a schema takes: ``a list of whole numbers``, ``"yellow" or "green"``, ``text``."""
    if isinstance(schema, bool) or not schema:
        return "anything"
    if "$ref" in schema:
        return describe(*follow(schema["$ref"], root, within))
    if "enum" in schema:
        return " or ".join(json.dumps(item, ensure_ascii=False) for item in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    branches = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if branches:
        words = [describe(branch, root, within) for branch in branches]
        return " or ".join(dict.fromkeys(words))
    return _describe_type(schema, root, within)


def _describe_type(schema: Schema, root: Schema, within: References) -> str:
    kind = schema.get("type", "")
    if isinstance(kind, list):
        return " or ".join(_describe_type({**schema, "type": one}, root, within) for one in kind)
    if kind == "array":
        inner = describe(schema.get("items", True), root, within)
        name = "a set" if schema.get("uniqueItems") else "a list"
        return name if inner == "anything" else f"{name} of {_PLURALS.get(inner, inner)}"
    if kind == "string" and schema.get("format") in _FORMAT_NAMES:
        return _FORMAT_NAMES[schema["format"]]
    if kind == "object" and schema.get("title") and schema.get("properties"):
        return f"a {schema['title']} (JSON object)"
    return _NAMES.get(kind, "anything")
