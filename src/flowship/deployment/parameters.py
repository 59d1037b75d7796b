"""A flow's parameters against its schema: read from the command line, validated, listed.

The schema is the one Prefect makes of the flow's signature (pydantic's JSON Schema with
`definitions`). They are validated here before anything changes, with errors in the user's terms;
the server validates again by the same schema. Pure.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from flowship.deployment.json_schema import (
    References,
    Schema,
    describe,
    follow,
    is_template,
    plain,
    problem,
)
from flowship.deployment.schedule_rules import written_interval
from flowship.errors import ConfigError, FlowshipError, UsageError, did_you_mean
from flowship.redaction import MASK, is_secret_name, mask_value


@dataclass(frozen=True)
class ParameterValue:
    """One parameter as a deployment will run with it.

    Attributes:
        name: As in the flow's signature.
        value: The JSON value, or None.
        source: "given" (configuration or flag), "default" (the flow's own), "default, as of the
            build" (made of the time of the import, so runs have another one) or "missing".
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
    """Validate `given` against `schema` and convert it to JSON values.

    Args:
        schema: The flow's parameter schema; None for an image that was not probed, in which
            case text is read as JSON where it is JSON, and any name and any value that the server
            can store passes.
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
            raise error(f'the flow has no parameter "{name}"', code="parameter-unknown",
                        hint=_unknown_hint(name, known), where=place)  # fmt: skip
        try:
            resolved[name] = _value(value, known[name], schema)
        except ValueError as exc:
            expected = describe(known[name], schema)
            secret = _holds_secret(name, value, known[name], schema)
            reason = "this value is not valid" if secret else exc
            # The example may be the flow's own default, which is secret too.
            in_shell = error is UsageError
            hint = "" if secret else _example(name, known[name], schema, in_shell=in_shell)
            raise error(
                f'parameter "{name}" expects {expected}: {reason}',
                code="parameter-invalid",
                hint=hint,
                where=place,
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


def _holds_secret(name: str, value: object, schema: Schema, root: Schema) -> bool:
    """Whether an error must not repeat this value: by its type, by its name or by its form."""
    if is_secret(schema, root) or is_secret_name(name):
        return True
    if isinstance(value, RawValue):
        is_json, read = _json(value.text.strip())
        values = [value.text, read] if is_json else [value.text]
    else:
        values = [plain(value)]
    # NaN is not equal to itself, but its text is.
    return any(repr(_shown(name, v, schema, root)) != repr(v) for v in values)


def of_options(schema: Mapping[str, Any] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``--param``; a text is read as the flow's schema says.

    Raises:
        UsageError: The flow has no such parameter, or a value has the wrong type.
    """
    typed = {k: RawValue(v) if isinstance(v, str) else v for k, v in given.items()}
    return resolve(schema, typed, where="--param {}".format, error=UsageError)


def require_all(schema: Mapping[str, Any] | None, values: Mapping[str, Any]) -> None:
    """Refuse a run that lacks a parameter which the flow requires.

    Raises:
        UsageError: One has no value.
    """
    if absent := missing(schema, values):
        raise UsageError(
            f'the flow requires "{absent[0]}", which has no value',
            code="parameter-required",
            hint=f"set it with --param {absent[0]}=…",
            where="--param",
        )


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


def refused_default(name: str, reason: str, schema: Schema | None) -> str:
    """Which default a run refuses, and why; the default is masked if it is secret."""
    field = (schema or {}).get("properties", {}).get(name, {})
    expected = describe(field, schema or {})
    shown = _shown(name, field.get("default"), field, schema or {})
    reason = "" if shown == MASK else f": {reason}"
    return (
        f'the default of "{name}", {json.dumps(shown, ensure_ascii=False)}, does not fit its type,'
        f" {expected}{reason}"
    )


def table(
    schema: Schema | None, given: Mapping[str, Any], computed: Collection[str] = ()
) -> tuple[ParameterValue, ...]:
    """Every parameter with its value and where that comes from, in the flow's own order.

    Secrets are masked, also among the flow's defaults.

    Args:
        schema: The flow's parameter schema; None for an image that was not probed.
        given: The values of the deployment.
        computed: The parameters whose default is made of the time of the import.
    """
    if schema is None:
        return tuple(ParameterValue(k, mask_value(v, k), "given", "") for k, v in given.items())
    properties: Mapping[str, Schema] = schema.get("properties", {})
    ordered = sorted(properties.items(), key=lambda item: item[1].get("position", 0))
    absent = missing(schema, given)
    return tuple(
        ParameterValue(
            name,
            _shown(name, given.get(name, field.get("default")), field, schema),
            _source(name, given, absent, computed),
            describe(field, schema),
        )
        for name, field in ordered
    )


def _source(
    name: str, given: Mapping[str, Any], absent: Collection[str], computed: Collection[str]
) -> str:
    if name in given:
        return "given"
    if name in absent:
        return "missing"
    return "default, as of the build" if name in computed else "default"


def is_secret(schema: Schema | bool, root: Schema, within: References = frozenset()) -> bool:
    """Whether this is a SecretStr or the like: what pydantic never shows."""
    if isinstance(schema, bool):
        return False
    if "$ref" in schema:
        return is_secret(*follow(schema["$ref"], root, within))
    if schema.get("writeOnly") or schema.get("format") == "password":
        return True
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    return any(is_secret(branch, root, within) for branch in branches)


def _shown(name: str, value: object, schema: Schema, root: Schema) -> Any:  # noqa: ANN401 JSON
    """The parameter's value as it may be shown: secrets masked by type, by name or by form."""
    return mask_value(masked(value, schema, root), name)


def masked(
    value: object, schema: Schema | bool, root: Schema, within: References = frozenset()
) -> Any:  # noqa: ANN401 JSON
    """The value with all that is secret by its type masked, also inside a model or a list."""
    if isinstance(schema, bool) or value is None or is_template(value):
        return value
    if is_secret(schema, root):
        return MASK
    if "$ref" in schema:
        return masked(value, *follow(schema["$ref"], root, within))
    for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        value = masked(value, branch, root, within)
    if isinstance(value, list):
        return [masked(item, schema.get("items", True), root) for item in value]
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        other = schema.get("additionalProperties", True)
        return {k: masked(v, inner.get(k, other), root) for k, v in value.items()}
    return value


def all_masked(given: Mapping[str, Any], *schemas: Schema | None) -> dict[str, Any]:
    """A deployment's or a schedule's parameters as they may be shown: masked where their name or
    form says so, or any of the schemas, such as the new and the stored one."""
    shown = dict(given)
    for schema in schemas:
        shown = shown if schema is None else masked(shown, schema, schema)
    found: dict[str, Any] = mask_value(shown)
    return found


def open_secrets(schema: Schema | None, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters given that hold a secret in clear text."""
    shown = all_masked(given, schema)
    return tuple(name for name, value in given.items() if shown[name] != value)


def _unknown_hint(name: str, known: Mapping[str, object]) -> str:
    listed = f"its parameters: {', '.join(known)}" if known else "the flow has no parameters"
    return did_you_mean(name, known, listed)


# --- words -------------------------------------------------------------------------------------


def _example(name: str, schema: Schema, root: Schema, *, in_shell: bool) -> str:
    sample = _sample(schema, root)
    if sample is None:
        return ""
    if not in_shell:
        return f"for example {name} = {json.dumps(sample, ensure_ascii=False)}"
    text = sample if isinstance(sample, str) else json.dumps(sample, ensure_ascii=False)
    return f"for example --param {shlex.quote(f'{name}={text}')}"


def _sample(schema: Schema, root: Schema, within: References = frozenset()) -> Any:  # noqa: ANN401
    """A value that fits, if one is known."""
    if "$ref" in schema:
        return _sample(*follow(schema["$ref"], root, within))
    samples = {
        "a list of whole numbers": [1, 2, 3], "a list of texts": ["a", "b"],
        "a set of whole numbers": [1, 2, 3], "a URL": "https://example.com/data",
        "a whole number": 3, "a number": 1.5, "true or false": True,
        "a date": "2026-01-31", "a date and time": "2026-01-31T05:00:00Z",
    }  # fmt: skip
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    known = "PT2H" if schema.get("format") == "duration" else samples.get(describe(schema, root))
    inner = (_sample(branch, root, within) for branch in branches)
    candidates = [schema.get("default"), known, *inner]
    useful = (c for c in candidates if c not in (None, [], {}))
    return next((c for c in useful if not problem(c, schema, root)), None)


# --- text from the command line ---------------------------------------------------------------


def coerce(text: str, schema: Schema | bool, root: Schema) -> Any:  # noqa: ANN401 JSON
    """Text from a shell as the value that `schema` takes.

    JSON is tried first, then the text itself, then the ways people write lists and booleans.

    Raises:
        ValueError: Nothing fits; the message says why the most likely reading does not.
    """
    problems = []
    readings = list(_readings(text))
    if schema and _is_rounded(text):  # a Decimal takes text too, and keeps every digit of it
        readings.insert(0, text)
    for candidate in readings:
        found = problem(candidate, schema, root)
        if found is None:
            return candidate
        problems.append(found)
    # A single value where a list is wanted: what is wrong with the item is more helpful than
    # that the value is not a list.
    words = describe(schema, root)
    lone = not isinstance(_json(text.strip())[1], list | dict) and (
        "a list" in words or "a set" in words
    )
    # So is that an item is repeated.
    raise ValueError(
        max(problems, key=lambda reason: lone and (" at [" in reason or "only once" in reason))
    )


def _readings(text: str) -> Iterator[object]:
    stripped = text.strip()
    is_json, value = _json(stripped)
    if is_json:
        yield value
    yield text
    booleans = {
        "true": True, "yes": True, "on": True, "1": True,
        "false": False, "no": False, "off": False, "0": False,
    }  # fmt: skip
    if stripped.lower() in booleans:
        yield booleans[stripped.lower()]
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
