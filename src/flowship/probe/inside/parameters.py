"""Describes the parameters of a flow, in the form that Prefect's server accepts."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import re
from pathlib import Path
from typing import Any

LONGEST_TEXT = 10_000
"""Characters of a description that are kept: engines limit the size of an image's labels."""


def parameter_schema(flow: Any) -> dict[str, Any]:  # noqa: ANN401 - Prefect is imported late
    """The flow's parameter schema, with ``*args`` and ``**kwargs`` as a run accepts them.

    Prefect marks both as required although runs work without them, so no schedule could be
    created for such a flow. Here ``**kwargs`` is an optional object. ``*args`` is left out:
    Prefect 3 passes it on only if every parameter before it is given too, and fails the run
    otherwise.
    """
    schema: dict[str, Any] = storable(flow.parameters.model_dump_for_openapi())
    properties = schema["properties"]
    for name, parameter in inspect.signature(flow.fn).parameters.items():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = properties.pop(name, {})
        schema["required"] = [r for r in schema.get("required") or [] if r != name]
        if parameter.kind == parameter.VAR_KEYWORD and "default" in value:
            properties[name] = value  # Prefect from 3.9 on describes the keywords as a whole
        elif parameter.kind == parameter.VAR_KEYWORD:
            about = {k: value.pop(k) for k in ("title", "position", "description") if k in value}
            properties[name] = {
                **about,
                "type": "object",
                "additionalProperties": value,
                "default": {},
            }
    return schema


def refused_defaults(flow: Any) -> dict[str, str]:  # noqa: ANN401 - Prefect is imported late
    """Parameter → why a run refuses the flow's own default, by the validation of a run."""
    if not flow.should_validate_parameters:
        return {}
    from prefect.utilities.callables import get_call_parameters, parameters_to_args_kwargs

    required, optional = [], set()
    for name, parameter in inspect.signature(flow.fn).parameters.items():
        if parameter.default is not parameter.empty:
            optional.add(name)
        elif parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            required.append(name)
    logging.disable()
    try:
        args, kwargs = parameters_to_args_kwargs(flow.fn, dict.fromkeys(required))
        flow.validate_parameters(get_call_parameters(flow.fn, args, kwargs))
    except Exception as exc:  # noqa: BLE001 - what cannot be validated is not refused
        errors: list[Any] = getattr(exc.__context__, "errors", list)()
        return {e["loc"][0]: e["msg"] for e in reversed(errors) if e["loc"][0] in optional}
    finally:
        logging.disable(logging.NOTSET)
    return {}


CLOCK = {"today", "now", "utcnow", "time", "time_ns", "gmtime", "localtime", "utc_now"}
"""Functions that return another value at each import."""


def computed_defaults(flow: Any) -> list[str]:  # noqa: ANN401 - Prefect is imported late
    """The parameters whose default is made of the present time, directly or through a name."""
    fn = inspect.unwrap(flow.fn)
    try:
        tree = ast.parse(Path(inspect.getfile(fn)).read_bytes())
    except (OSError, TypeError, SyntaxError, ValueError):
        return []
    names: set[str] = set()
    found: list[str] = []
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Assign, ast.AnnAssign))
            and node.value
            and reads(node.value, names)
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == fn.__name__:
            positional = [*node.args.posonlyargs, *node.args.args]
            last = positional[len(positional) - len(node.args.defaults) :]
            pairs = [
                *zip(last, node.args.defaults),  # noqa: B905 - Python 3.9 has no strict=
                *zip(node.args.kwonlyargs, node.args.kw_defaults),  # noqa: B905
            ]
            found += [arg.arg for arg, value in pairs if value and reads(value, names)]
    return found


def reads(expression: ast.expr, names: set[str]) -> bool:
    """Whether `expression` calls the clock, or uses one of `names`."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            function = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            if function in CLOCK:
                return True
        if isinstance(node, ast.Name) and node.id in names:
            return True
    return False


def storable_text(text: Any) -> Any:  # noqa: ANN401 - a description, or None
    """A text without half characters, which cannot be sent, and of a limited length."""
    if not isinstance(text, str):
        return text
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def storable(schema: Any) -> Any:  # noqa: ANN401 JSON
    """A schema, or a list of schemas, without the values that the server rejects.

    These are infinity and NaN, which JSON does not have, and patterns that only pydantic
    understands: the server uses Python's regular expressions. A parameter whose default is
    removed stays optional, and a run without it uses the flow's own default. (With null instead,
    the UI would offer null and the server would reject the run.) The flow itself still enforces
    every bound and pattern.
    """
    if isinstance(schema, list):
        return [storable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "definitions"):  # the keys inside are names, not keywords
            value = {name: storable(inner) for name, inner in value.items()}
        elif key == "patternProperties":
            value = {name: storable(inner) for name, inner in value.items() if is_pattern(name)}
        elif key in ("title", "description"):
            value = storable_text(value)
        elif key not in ("default", "enum", "const", "examples"):
            value = storable(value)
        if is_json(value) and (key != "pattern" or is_pattern(value)):
            kept[key] = value
    return kept


def is_pattern(pattern: str) -> bool:
    """Whether `pattern` is a regular expression that Python can compile."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def is_json(value: object) -> bool:
    """Whether `value` can be written as JSON in UTF-8, which has no half characters."""
    try:
        json.dumps(value, default=str, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True
