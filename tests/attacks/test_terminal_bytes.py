"""Text from outside in every renderer: control characters on the terminal, 0.

Each public function of ``flowship/output/render_*.py`` gets arguments made from its types, with
text that clears screens, hides itself, changes its direction, or is markup of Rich.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import types
import typing
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import SecretStr

from flowship.output import terminal
from flowship.output.console import Screen
from support.paths import ROOT

HOSTILE = (
    "[/x] [red]\\ \x1b[2J\x1b]0;title\x07 \x00 \r \x9b31m \x7f \u202egpj \u2066 \u200f \u2028"
    "\ufeff \udc80 \U000e0041 end"
)
OUTPUT = ROOT / "src" / "flowship" / "output"
MODULES = sorted(path.stem for path in OUTPUT.glob("render_*.py"))
PARTS = ("titled_row",)  # of lines that other functions return
SHOWN = ("RenderableType", "list[RenderableType]", "str")


def raw(text: str) -> list[str]:
    """The characters of `text` that a terminal would execute or not show."""
    return [c for c in text if c not in "\n\t " and not c.isprintable()]


def namespace(module: types.ModuleType) -> dict[str, Any]:
    """A module's names, with those that it imports for its types only."""
    found = dict(vars(module))
    source = ast.parse(Path(inspect.getfile(module)).read_text(encoding="utf-8"))
    for node in source.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            exec(compile(ast.Module(node.body, []), "<types>", "exec"), found)
    return found


def hints(thing: Any, names: dict[str, Any]) -> dict[str, Any]:
    return typing.get_type_hints(thing, names)


def make(kind: Any, depth: int = 0) -> Any:
    """A value of a type, with `HOSTILE` wherever it has text."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (str, Any, object):
        return HOSTILE
    if origin is Literal:
        return inner[0]
    if origin in (Union, UnionType):
        return make(next(each for each in inner if each is not type(None)), depth)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    simple = {bool: True, int: 3, float: 1.5, bytes: b"x", type(None): None}
    simple |= {SecretStr: SecretStr(HOSTILE)}
    simple |= {Path: Path(HOSTILE.replace("\0", "")), datetime: datetime.now(timezone.utc)}
    if kind in simple:
        return simple[kind]
    return collection(kind, origin, inner, depth)


def collection(kind: Any, origin: Any, inner: Any, depth: int) -> Any:
    if origin and issubclass(origin, typing.Mapping | dict):
        return {make(inner[0], depth): make(inner[1], depth)}
    if origin in (tuple, list, set, frozenset) or (origin and hasattr(origin, "__iter__")):
        item = make(inner[0], depth + 1)
        return frozenset([item]) if origin in (set, frozenset) else (item, item)
    if is_dataclass(kind):
        module = importlib.import_module(kind.__module__)
        types_of = hints(kind, namespace(module))
        return kind(**{f.name: make(types_of[f.name], depth) for f in fields(kind) if f.init})
    if hasattr(kind, "_fields"):  # a NamedTuple
        return kind(**{name: make(each, depth) for name, each in hints(kind, {}).items()})
    raise AssertionError(f"this test cannot make a {kind}")


def renderers() -> list[tuple[str, str, str]]:
    found = []
    for name in MODULES:
        source = ast.parse((OUTPUT / f"{name}.py").read_text(encoding="utf-8"))
        found += [
            (name, node.name, ast.unparse(node.returns))
            for node in source.body
            if isinstance(node, ast.FunctionDef)
            and not node.name.startswith("_")
            and node.returns is not None
            and ast.unparse(node.returns) in SHOWN
            and node.name not in PARTS
        ]
    return found


def test_there_are_renderers():
    assert len(renderers()) >= 15


@pytest.mark.parametrize(
    ("module", "name", "returns"), renderers(), ids=[f"{m}.{n}" for m, n, _ in renderers()]
)
def test_a_renderer_prints_nothing_raw(capsys, module, name, returns):
    home = importlib.import_module(f"flowship.output.{module}")
    function = getattr(home, name)
    types_of = hints(function, namespace(home))
    arguments = {each: make(types_of[each]) for each in inspect.signature(function).parameters}
    shown = function(**arguments)
    if returns == "str":  # for stdout; the others are markup, which fails if text is not escaped
        Screen().result({}, shown)
    else:
        Screen().info(*(shown if isinstance(shown, list) else [shown]))
    out, err = capsys.readouterr()
    assert raw(out) == []
    assert raw(err) == []
    assert raw(HOSTILE), "the text is hostile"


@pytest.mark.parametrize("live", [False, True])
def test_progress_prints_nothing_raw(capsys, live):
    from flowship.events import Output, Phase, Step, Transfer
    from flowship.output.progress import Lines, Live

    report: Any = Live(terminal.console()) if live else Lines(terminal.console())
    events = [Phase(HOSTILE), Step(HOSTILE, cached=True), Output(HOSTILE), Transfer(HOSTILE, "x")]
    events.append(Transfer(HOSTILE, f"Pushed {HOSTILE}", 1, 2))
    for event in events:
        report(event)
    if live:
        terminal.console().print(report._drawing())
    assert raw(capsys.readouterr().err) == []
