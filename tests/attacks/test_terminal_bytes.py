"""Text from outside in every renderer: control characters on the terminal, 0.

Each public function of ``flowship/output/render_*.py`` gets arguments made from its types, with
text that clears screens, hides itself, changes its direction, or is markup of Rich.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import random
import sys
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

from flowship.config.settings import Settings
from flowship.output import terminal
from flowship.output.console import Screen
from support.paths import ROOT
from support.rounds import attempts

HOSTILE = (
    "[/x] [red]\\ \x1b[2J\x1b]0;title\x07 \x00 \r \x9b31m \x7f \u202egpj \u2066 \u200f \u2028"
    "\ufeff \udc80 \U000e0041 end"
)
CONTROLS = [
    *map(chr, (*range(32), *range(127, 160))),
    *"\u200b\u2060\xad\u200e\u202a\u2029\u2069\ud800\udfff",
]
CONTROLS += [
    *"[]\\/#: \n",
    "[/]",
    "[link=x]",
    "[bold red]",
    "\x1b]8;;http://x\x07",
    "\x1b[2J",
    "\x1bc",
    "e\u0301",
]
OUTPUT = ROOT / "src" / "flowship" / "output"
MODULES = sorted(path.stem for path in OUTPUT.glob("render_*.py"))
PARTS = ("titled_row",)  # of lines that other functions return
SHOWN = ("RenderableType", "list[RenderableType]", "str")


def hostile(chance: random.Random) -> str:
    """Random control characters, ends and beginnings of markup, and letters."""
    return "x" + "".join(chance.choices(CONTROLS, k=chance.randint(1, 30))) + "y"


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
    if kind is Settings:  # its text is validated, except for what names where it comes from
        return Settings.model_construct(name="x", environment=HOSTILE)
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
    if typing.is_typeddict(kind):
        names = namespace(importlib.import_module(kind.__module__))
        return {name: make(each, depth) for name, each in hints(kind, names).items()}
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


def show(module: str, name: str, returns: str) -> None:
    """Print what a renderer makes of arguments full of `HOSTILE`."""
    home = importlib.import_module(f"flowship.output.{module}")
    function = getattr(home, name)
    types_of = hints(function, namespace(home))
    arguments = {each: make(types_of[each]) for each in inspect.signature(function).parameters}
    shown = function(**arguments)
    if returns == "str":  # for stdout; the others are markup, which fails if text is not escaped
        Screen().result({}, shown)
    else:
        Screen().info(*(shown if isinstance(shown, list) else [shown]))


RENDERERS = pytest.mark.parametrize(
    ("module", "name", "returns"), renderers(), ids=[f"{m}.{n}" for m, n, _ in renderers()]
)


@RENDERERS
def test_a_renderer_prints_nothing_raw(capsys, module, name, returns):
    show(module, name, returns)
    out, err = capsys.readouterr()
    assert raw(out) == []
    assert raw(err) == []
    assert raw(HOSTILE), "the text is hostile"


@RENDERERS
def test_a_renderer_prints_nothing_raw_of_random_text(capsys, monkeypatch, module, name, returns):
    for chance in attempts(f"{module}.{name}", each=10):
        monkeypatch.setattr(sys.modules[__name__], "HOSTILE", hostile(chance))
        show(module, name, returns)
        out, err = capsys.readouterr()
        assert raw(out) == [], ascii(HOSTILE)
        assert raw(err) == [], ascii(HOSTILE)


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
