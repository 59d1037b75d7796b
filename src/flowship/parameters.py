"""A flow's parameters against its schema: read from the command line, judged, listed.

The schema is the one Prefect makes of the flow's signature (pydantic's JSON Schema with
`definitions`). Judging it here, in the user's words, comes before anything changes; the
server judges again by the same schema. Pure.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from flowship.errors import ConfigError, FlowshipError, UsageError
from flowship.schedules import written_interval
from flowship.secrecy import MASK

Schema = Mapping[str, Any]
References = frozenset[str]


@dataclass(frozen=True)
class ParameterValue:
    """One parameter as a deployment will run with it.

    Attributes:
        name: As in the flow's signature.
        value: The JSON value; None where there is none.
        source: "given" (configuration or flag), "default" (the flow's own) or "missing".
        expected: What the flow takes, in words.
    """

    name: str
    value: Any
    source: str
    expected: str


@dataclass(frozen=True)
class RawValue:
    """A value as it was typed in a shell: text whose type the schema decides."""

    text: str


# --- the whole set -----------------------------------------------------------------------------


def resolve(
    schema: Schema | None,
    given: Mapping[str, Any],
    *,
    where: Callable[[str], str] = str,
    error: type[FlowshipError] = ConfigError,
) -> dict[str, Any]:
    """Judge `given` against `schema` and bring it to JSON values.

    Args:
        schema: The flow's parameter schema; None for an image that was not probed, in which
            case text is read as JSON where it is JSON, and any name and value passes that the
            server can store.
        given: JSON values, or `RawValue` for text from the command line.
        where: Parameter → its place, for errors.
        error: The kind of error to raise.

    Raises:
        FlowshipError: Of kind `error`: an unknown name (with the nearest known one) or a
            value of the wrong type (with what is expected).
    """
    schema = {"properties": {name: {} for name in given}} if schema is None else schema
    known: Mapping[str, Schema] = schema.get("properties", {})
    resolved = {}
    for name, value in given.items():
        place = where(name)
        if name not in known:
            raise error(f'the flow has no parameter "{name}"', hint=nearest(name, known),
                        where=place)  # fmt: skip
        try:
            resolved[name] = _value(value, known[name], schema)
        except ValueError as exc:
            expected = describe(known[name], schema)
            reason = "this value is not that" if is_secret(known[name], schema) else exc
            hint = _example(name, known[name], schema, in_shell=error is UsageError)
            raise error(
                f'parameter "{name}" takes {expected}: {reason}', hint=hint, where=place
            ) from exc
    return resolved


def _value(value: object, schema: Schema, root: Schema) -> Any:  # noqa: ANN401 JSON
    if isinstance(value, RawValue):
        return coerce(value.text, schema, root)
    value = plain(value)
    found = problem(value, schema, root)
    if found:
        raise ValueError(found)
    return value


def missing(schema: Schema | None, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Required parameters that have neither a value in `given` nor a default."""
    if schema is None:
        return ()
    properties = schema.get("properties", {})
    return tuple(
        name
        for name in schema.get("required") or ()
        if name not in given and "default" not in properties.get(name, {})
    )


def table(schema: Schema | None, given: Mapping[str, Any]) -> tuple[ParameterValue, ...]:
    """Every parameter with its value and where that comes from, in the flow's own order."""
    if schema is None:
        return tuple(ParameterValue(k, v, "given", "") for k, v in given.items())
    properties: Mapping[str, Schema] = schema.get("properties", {})
    ordered = sorted(properties.items(), key=lambda item: item[1].get("position", 0))
    absent = missing(schema, given)
    return tuple(
        ParameterValue(
            name,
            masked(given[name], field, schema) if name in given else field.get("default"),
            "given" if name in given else "missing" if name in absent else "default",
            describe(field, schema),
        )
        for name, field in ordered
    )


def is_secret(schema: Schema | bool, root: Schema, within: References = frozenset()) -> bool:
    """Whether this is a SecretStr or the like: what pydantic never shows."""
    if isinstance(schema, bool):
        return False
    if "$ref" in schema:
        return is_secret(*_follow(schema["$ref"], root, within))
    if schema.get("writeOnly") or schema.get("format") == "password":
        return True
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return any(is_secret(branch, root, within) for branch in branches)


def masked(
    value: object, schema: Schema | bool, root: Schema, within: References = frozenset()
) -> Any:  # noqa: ANN401 JSON
    """The value as it may be shown: secrets covered, also inside a model or a list."""
    if isinstance(schema, bool) or value is None or _is_template(value):
        return value
    if is_secret(schema, root):
        return MASK
    if "$ref" in schema:
        return masked(value, *_follow(schema["$ref"], root, within))
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        value = masked(value, branch, root, within)
    if isinstance(value, list):
        return [masked(item, schema.get("items", True), root) for item in value]
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        other = schema.get("additionalProperties", True)
        return {k: masked(v, inner.get(k, other), root) for k, v in value.items()}
    return value


def all_masked(given: Mapping[str, Any], schema: Schema | None) -> dict[str, Any]:
    """A deployment's or a schedule's parameters as they may be shown."""
    return dict(given) if schema is None else masked(dict(given), schema, schema)


def open_secrets(schema: Schema | None, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters given that hold a secret in clear text."""
    covered = all_masked(given, schema)
    return tuple(name for name, value in given.items() if covered[name] != value)


def nearest(name: str, known: Mapping[str, object]) -> str:
    """``did you mean "months"?``, or the known names."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"it takes: {', '.join(known)}" if known else "it takes no parameters"


def plain(value: object) -> Any:  # noqa: ANN401 JSON
    """A configuration's value as JSON has it: TOML's dates become text, tuples lists."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


# --- judging one value -------------------------------------------------------------------------


def problem(
    value: object,
    schema: Schema | bool,
    root: Schema,
    within: References = frozenset(),
    at: str = "",
) -> str | None:
    """What is wrong with `value`, in words; None when it fits.

    Covers the keywords that pydantic writes. A keyword not known here passes: the server
    judges again.
    """
    beyond = _beyond_the_server(value, at)
    if beyond:
        return beyond
    if schema is True or schema == {} or _is_template(value):
        return None
    if schema is False:
        return f"{_show(value, at)} is not allowed"
    assert isinstance(schema, Mapping)
    if "$ref" in schema:
        return problem(value, *_follow(schema["$ref"], root, within), at)
    return (
        _choice_problem(value, schema, root, within, at)
        or _type_problem(value, schema, at)
        or _bound_problem(value, schema, at)
        or _inner_problem(value, schema, root, at)
    )


def _beyond_the_server(value: object, at: str) -> str | None:
    """A number that JSON does not have, or that the server stores and then cannot list."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{_show(value, at)} is no number that JSON has"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return f"{_show(value, at)} is beyond the 64 bits that the Prefect server can store"
    inner: Iterator[tuple[object, object]] = iter(())
    if isinstance(value, list):
        inner = enumerate(value)
    elif isinstance(value, dict):
        inner = iter(value.items())
    found = (_beyond_the_server(item, f"{at}[{json.dumps(key)}]") for key, item in inner)
    return next((f for f in found if f), None)


def _is_template(value: object) -> bool:
    """A value that the Prefect server fills in itself (a variable, JSON or Jinja)."""
    return isinstance(value, Mapping) and "__prefect_kind" in value


def _follow(reference: str, root: Schema, within: References) -> tuple[Schema, Schema, References]:
    """What `reference` names, the root, and the references that have now been followed.

    A type may hold itself: where it is being followed already, it is one that takes anything.
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
                # The branch that came furthest tells most: the longest place in the value.
                return max((f for f in found if f), key=lambda text: text.count("["))
    for branch in schema.get("allOf", ()):
        inner = problem(value, branch, root, within, at)
        if inner:
            return inner
    if "enum" in schema and not any(_same(value, item) for item in schema["enum"]):
        return f"{_show(value, at)} is not one of them"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{_show(value, at)} is not {json.dumps(schema['const'])}"
    return None


def _same(one: object, other: object) -> bool:
    """JSON equality: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is(value: object, kind: str) -> bool:
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
    return None if any(_is(value, kind) for kind in kinds) else f"{_show(value, at)} is not that"


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
    except re.error:  # pydantic's own kind, such as \p{L}: the flow judges by it at the run
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


def _duration(text: str) -> object:
    """As the flow will read it: pydantic's own rules, which take no "2h"."""
    from pydantic import TypeAdapter

    return TypeAdapter(timedelta).validate_python(text)


_FORMATS: dict[str, tuple[Any, str]] = {
    "date": (_iso_date, "a date like 2026-01-31"),
    "date-time": (_iso_moment, "a time like 2026-01-31T05:00:00Z"),
    "time": (_iso_time, "a time like 05:00:00"),
    "uuid": (UUID, "a UUID"),
    "duration": (_duration, "a duration like PT2H30M, P1D or 02:30:00"),
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
    if schema.get("uniqueItems") and len({json.dumps(v, sort_keys=True) for v in value}) < len(
        value
    ):
        return f"{_show(value, at)} has an item twice"
    fixed = schema.get("prefixItems", ())
    for index, item in enumerate(value):
        inner = fixed[index] if index < len(fixed) else schema.get("items", True)
        found = problem(item, inner, root, at=f"{at}[{index}]")
        if found:
            return found
    return None


def _properties_problem(value: dict[str, Any], schema: Schema, root: Schema, at: str) -> str | None:
    if set(value) == {"$ref"}:
        return None  # a block's reference, which Prefect takes in place of the block
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f'{_show(value, at)} lacks "{name}"'
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


# --- words -------------------------------------------------------------------------------------

_NAMES = {
    "integer": "a whole number", "number": "a number", "string": "text",
    "boolean": "true or false", "null": "nothing (null)", "object": "a table (JSON object)",
}  # fmt: skip
_FORMAT_NAMES = {
    "date": "a date", "date-time": "a date and time", "time": "a time", "duration": "a duration",
    "uuid": "a UUID",
}  # fmt: skip
_PLURALS = {
    "a whole number": "whole numbers", "a number": "numbers", "text": "texts",
    "true or false": "true/false values", "a table (JSON object)": "tables",
    "a date": "dates", "a date and time": "dates and times", "a time": "times",
    "a duration": "durations", "a UUID": "UUIDs",
}  # fmt: skip


def describe(schema: Schema | bool, root: Schema, within: References = frozenset()) -> str:
    """What a schema takes: ``a list of whole numbers``, ``"yellow" or "green"``, ``text``."""
    if isinstance(schema, bool) or not schema:
        return "anything"
    if "$ref" in schema:
        return describe(*_follow(schema["$ref"], root, within))
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
        if inner == "anything":
            return "a list"
        return f"a list of {_PLURALS.get(inner, inner)}"
    if kind == "string" and schema.get("format") in _FORMAT_NAMES:
        return _FORMAT_NAMES[schema["format"]]
    if kind == "object" and schema.get("title") and schema.get("properties"):
        return f"a {schema['title']} (JSON object)"
    return _NAMES.get(kind, "anything")


def _example(name: str, schema: Schema, root: Schema, *, in_shell: bool) -> str:
    sample = _sample(schema, root)
    if sample is None:
        return ""
    if not in_shell:
        return f"for instance {name} = {json.dumps(sample, ensure_ascii=False)}"
    text = sample if isinstance(sample, str) else json.dumps(sample, ensure_ascii=False)
    return f"for instance --param {shlex.quote(f'{name}={text}')}"


def _sample(schema: Schema, root: Schema, within: References = frozenset()) -> Any:  # noqa: ANN401
    """A value that fits, as far as one is known."""
    if "$ref" in schema:
        return _sample(*_follow(schema["$ref"], root, within))
    samples = {
        "a list of whole numbers": [1, 2, 3], "a list of texts": ["a", "b"],
        "a whole number": 3, "a number": 1.5, "true or false": True,
        "a date": "2026-01-31", "a date and time": "2026-01-31T05:00:00Z",
    }  # fmt: skip
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    known = "PT2H" if schema.get("format") == "duration" else samples.get(describe(schema, root))
    inner = (_sample(branch, root, within) for branch in branches)
    candidates = [schema.get("default"), known, *inner]
    tells = (c for c in candidates if c not in (None, [], {}))
    return next((c for c in tells if not problem(c, schema, root)), None)


# --- text from the command line ---------------------------------------------------------------


def coerce(text: str, schema: Schema | bool, root: Schema) -> Any:  # noqa: ANN401 JSON
    """Text from a shell as the value that `schema` takes.

    JSON is tried first, then the text itself, then the ways people write lists and truths.

    Raises:
        ValueError: Nothing fits; the message says why the likeliest reading did not.
    """
    told = []
    readings = list(_readings(text))
    if schema and _is_rounded(text):  # a Decimal takes text too, and keeps every digit of it
        readings.insert(0, text)
    for candidate in readings:
        found = problem(candidate, schema, root)
        if found is None:
            return candidate
        told.append(found)
    # A lone value where a list is wanted: its item's fault tells more than that it is no list.
    lone = not isinstance(_json(text.strip())[1], list | dict) and "a list" in describe(
        schema, root
    )
    raise ValueError(max(told, key=lambda reason: lone and " at [" in reason))


def _readings(text: str) -> Iterator[object]:
    stripped = text.strip()
    is_json, value = _json(stripped)
    if is_json:
        yield value
    yield text
    truths = {
        "true": True, "yes": True, "on": True, "1": True,
        "false": False, "no": False, "off": False, "0": False,
    }  # fmt: skip
    if stripped.lower() in truths:
        yield truths[stripped.lower()]
    if stripped.lower() in ("none", "null"):
        yield None
    seconds = written_interval(stripped) if stripped and not is_json else None
    if seconds is not None:  # 15m and 1h30m, as --interval takes them
        yield f"PT{seconds:.6f}".rstrip("0").rstrip(".") + "S"
    if stripped and (not is_json or not isinstance(value, list | dict)):
        parts = [part.strip() for part in stripped.strip("[]").split(",")]
        yield [_loosely(part) for part in parts]
        yield parts


def _json(text: str) -> tuple[bool, Any]:
    try:
        return True, json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return False, None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # NaN and Infinity would not survive the API


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_constant(digits)


def _is_rounded(text: str) -> bool:
    """Whether a number has more digits than a float holds."""
    value = _json(text.strip())[1]
    return isinstance(value, float) and Decimal(text.strip()) != Decimal(repr(value))


def _loosely(text: str) -> Any:  # noqa: ANN401 JSON
    found, value = _json(text.strip())
    return value if found else text
