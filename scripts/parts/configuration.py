"""Writes the tables of keys in docs/configuration.md from the models of the configuration.

    PYTHONPATH=scripts .venv/bin/python -m parts.configuration

A table is between two comments: ``<!-- keys of Block -->`` and ``<!-- end of keys -->``.
A key's meaning is the docstring below its field, which costs no time at import: this module reads
it from the source. Where the default is not the value in the code, the docstring ends with a
paragraph ``Default: …``. tests/parts/test_configuration.py fails when the page is out of date.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from flowship.config import image_settings, settings, tables
from flowship.config.keys import kebab
from flowship.deployment import docker_block

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"
COMMAND = "PYTHONPATH=scripts .venv/bin/python -m parts.configuration"

TYPES = {
    "str": "text",
    "FilePath": "text",
    "Entrypoint": "text",
    "LockFile": "text or `false`",
    "Command": "text or list of text",
    "Whole": "number",
    "Interval": "number or text",
    "Limit": "number or table",
    "Moment": "date and time, or text",
    "bool": "true or false",
    "bool | Literal['auto']": "true, false or text",
    "Literal['keep', 'pause']": '`"keep"`, `"pause"`',
    "PullPolicy": '`"always"`, `"if-not-present"`, `"never"`',
    "tuple[str, ...]": "list of text",
    "tuple[AlertEvent, ...]": 'list of `"failed"`, `"crashed"`, `"late"`, `"stuck"`',
    "tuple[FilePath, ...]": "list of text",
    "tuple[Schedule, ...]": "list of tables",
    "dict[str, str]": "table of text",
    "dict[str, Any]": "table",
    "dict[str, StrictBool | StrictInt | StrictFloat | StrictStr]": (
        "table of text, numbers or booleans"
    ),
    "SecretTable": "list of text, or table of text",
}
"""An annotation as it is written in the source, without ``| None`` → the type in words."""

# Of [block] a key that is not set is not written: a new block decides.
DEFAULTS = {"Block": docker_block.DEFAULTS}


class Key(NamedTuple):
    """One key of a table, as a row of the page has it."""

    name: str
    type: str
    default: str
    meaning: str

    def row(self) -> str:
        """The row in Markdown."""
        return f"| `{self.name}` | {self.type} | {self.default} | {self.meaning} |"


def models() -> dict[str, type[BaseModel]]:
    """Every model of a table of the configuration, by its name."""
    known: dict[str, type[BaseModel]] = {}
    for module in (settings, image_settings, tables):
        for name, value in vars(module).items():
            if inspect.isclass(value) and issubclass(value, tables.Table):
                known[name] = value
    return known


def keys(model: type[BaseModel]) -> list[Key]:
    """The keys of a table, the required ones first; those with a section of their own left out."""
    names = [n for n in model.model_fields if not (is_internal(model, n) or is_section(model, n))]
    names.sort(key=lambda name: not model.model_fields[name].is_required())
    return [key(model, name) for name in names]


def is_internal(model: type[BaseModel], name: str) -> bool:
    """Whether `loading` fills a field in, so that it is not a key."""
    return bool(model.model_fields[name].exclude)


def is_section(model: type[BaseModel], name: str) -> bool:
    """Whether a key of the configuration is a table that has its own section."""
    named = set(re.findall(r"\w+", written(model, name).annotation))
    return bool(named & models().keys()) and model is not tables.Deployment


class Written(NamedTuple):
    """What the source says of a field."""

    annotation: str
    docstring: str


def written(model: type[BaseModel], name: str) -> Written:
    """The annotation of a field, and the docstring below it in this class or a base of it."""
    found = [fields_of(base)[name] for base in model.__mro__ if name in fields_of(base)]
    docstring = next((f.docstring for f in found if f.docstring), "")
    return Written(found[0].annotation, docstring)


@cache
def fields_of(model: type) -> dict[str, Written]:
    """The fields that the body of one class declares."""
    if not issubclass(model, tables.Table):
        return {}
    [body] = ast.parse(inspect.getsource(model)).body
    assert isinstance(body, ast.ClassDef)
    return dict(declared(body))


def declared(body: ast.ClassDef) -> Iterator[tuple[str, Written]]:
    """Each annotated name in the body of a class."""
    for node, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, Written(ast.unparse(node.annotation), docstring_in(after))


def docstring_in(node: ast.stmt | None) -> str:
    """The text of a statement that is only a text; else empty."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return inspect.cleandoc(str(node.value.value))
    return ""


def key(model: type[BaseModel], name: str) -> Key:
    """The row of one key.

    Raises:
        SystemExit: Its type or its meaning is not known here.
    """
    annotation, docstring = written(model, name)
    kind = TYPES.get(annotation.removesuffix(" | None"))
    if kind is None:
        raise SystemExit(f"{model.__name__}.{name}: add {annotation} to TYPES in {__file__}")
    meaning, _, default = docstring.partition("\n\nDefault: ")
    if not meaning:
        raise SystemExit(f"{model.__name__}.{name}: write its meaning below it, as a docstring")
    words = " ".join(default.split()) or in_words(model, name)
    return Key(kebab(name), kind, words, " ".join(meaning.split()))


def in_words(model: type[BaseModel], name: str) -> str:
    """The default in the code, as the page writes it."""
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    value = DEFAULTS.get(model.__name__, {}).get(name, value)
    assert value is not PydanticUndefined
    return "none" if value in (None, "") else f"`{json.dumps(value)}`"


def table(name: str) -> str:
    """The text between the two comments for a model."""
    listed = keys(models()[name])
    if name == "NamedImage":  # the same keys as the project's, so only their names
        return f"{', '.join(f'`{key.name}`' for key in listed)}"
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *(key.row() for key in listed)])


BLOCK = re.compile(r"(<!-- keys of (\w+) -->\n\n?).*?(\n\n?<!-- end of keys -->)", re.DOTALL)


def page(text: str) -> str:
    """The page with its tables as the models have them."""
    return BLOCK.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", text)


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
