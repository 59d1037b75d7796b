"""Finds the project's Python files and flows by parsing the source, without running it."""

from __future__ import annotations

import ast
import math
import os
import posixpath
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship.config import files
from flowship.errors import ConfigError

# Folders that do not hold the project's own code.
SKIPPED = {"__pycache__", "node_modules", "venv", "env", "build", "dist", "site-packages"}

MOST_FLOWS = 10  # that an error lists
SEARCH_SECONDS = 1.0


@dataclass(frozen=True)
class FoundFlow:
    """A function decorated with ``@flow``.

    Attributes:
        path: The file, relative to the searched folder, with forward slashes.
        function: The function's name, ``Class.method`` for a static or class method.
        line: The line of the function's definition, counted from 1.
        name: The name that Prefect registers the flow under; None if only running the code says it.
    """

    path: str
    function: str
    line: int
    name: str | None = None

    @property
    def entrypoint(self) -> str:
        """``path/to/file.py:function``, as in the configuration and in Prefect."""
        return f"{self.path}:{self.function}"


def python_files(folder: Path) -> list[Path]:
    """All Python files below `folder` that can belong to the project, sorted."""
    return sorted(_walk(folder))


def has_python_files(folder: Path) -> bool:
    """Whether there is one; it ends with the first."""
    return any(True for _ in _walk(folder))


def _walk(folder: Path, deadline: float = math.inf) -> Iterator[Path]:
    """The files of `python_files`, the nearest first, until a moment of the monotonic clock."""
    pending = deque([folder])
    while pending and time.monotonic() < deadline:
        here = pending.popleft()
        try:
            items = sorted(os.scandir(here), key=lambda item: item.name)
        except OSError:
            continue
        for item in items:
            if item.is_dir(follow_symlinks=False):
                skipped = item.name in SKIPPED or item.name.startswith(".")
                if not skipped and not os.path.lexists(f"{item.path}/pyvenv.cfg"):
                    pending.append(Path(item.path))
            elif item.name.endswith(".py") and _can_be_named(item.name) and item.is_file():
                yield Path(item.path)


def _can_be_named(file: str) -> bool:
    """Whether an entrypoint can contain the name: one line of UTF-8 without a backslash."""
    return file.isprintable() and "\\" not in file


def find_flows(folder: Path) -> list[FoundFlow]:
    """All functions decorated with ``@flow`` below `folder`; skips files that cannot be parsed."""
    flows = []
    for path in python_files(folder):
        flows += flows_in(path, path.relative_to(folder).as_posix())
    return flows


def first_flows(
    folder: Path, most: int = MOST_FLOWS, seconds: float = SEARCH_SECONDS
) -> tuple[list[FoundFlow], bool]:
    """The nearest flows below a folder that may be anything, such as a home folder.

    Returns:
        At most `most` of those that are found within `seconds`, and whether there may be more.
    """
    flows: list[FoundFlow] = []
    deadline = time.monotonic() + seconds
    for path in _walk(folder, deadline):
        flows += flows_in(path, path.relative_to(folder).as_posix())
        if len(flows) > most or time.monotonic() > deadline:
            break
    else:
        return flows, time.monotonic() > deadline
    return flows[:most], True


def flows_in(path: Path, name: str = "") -> list[FoundFlow]:
    """The functions of one file that are decorated with ``@flow``; `name` is how to call it."""
    tree, _ = _parsed(path)
    return [FoundFlow(name or path.name, *flow) for flow in _flows_of(tree.body)]


def _parsed(path: Path) -> tuple[ast.Module, str]:
    """The file's syntax tree; an empty one, and ``:line: reason``, if it cannot be parsed."""
    nothing = ast.Module([], [])
    try:
        return ast.parse(files.read_bytes(path)), ""
    except SyntaxError as exc:
        line = f":{exc.lineno}" if exc.lineno else ""  # no line for a null byte
        return nothing, f"{line}: {exc.msg}"
    except (ValueError, OSError, ConfigError) as exc:
        return nothing, f": {exc}"
    except (RecursionError, MemoryError):
        return nothing, ": an expression is nested too deeply"


def _flows_of(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, int, str | None]]:
    """Function, line and name of each flow; methods only if a run can call them without an
    instance."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not owner:
            yield from _flows_of(node.body, node.name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {_last_name(decorator) for decorator in node.decorator_list}
            if "flow" in decorators and (not owner or decorators & {"staticmethod", "classmethod"}):
                function = ".".join(filter(None, [owner, node.name]))
                yield function, node.lineno, _registered_name(node)


def _registered_name(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """The name of a flow: from its decorator, or else from the function, as Prefect derives it."""
    for decorator in node.decorator_list:
        if _last_name(decorator) == "flow" and isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg is None:  # @flow(**options)
                    return None
                if keyword.arg == "name":
                    return _text(keyword.value) or None
    return node.name.replace("_", "-")


def _text(node: ast.expr) -> str:
    """A text that is written out in the code; else empty."""
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) else ""


def likely_entrypoint(value: str) -> str:
    """The entrypoint that was probably meant by one in another spelling; "" if that is unclear."""
    text = value.strip().replace("\\", "/").replace("::", ":").removesuffix("()")
    path, colon, function = text.partition(":")
    if not colon and not path.endswith(".py"):
        return ""
    if not path.endswith(".py"):  # a module, as in Prefect's own pkg.module:flow
        path = f"{path.replace('.', '/')}.py"
    path = posixpath.normpath(path)
    likely = f"{path}:{function or 'flow_function'}"
    inside = not path.startswith(("/", "..")) and re.fullmatch(r"[\w./ -]+\.py", path)
    right = inside and re.fullmatch(r"[^\W\d]\w*(\.\w+)?", function or "flow")
    return likely if right and likely != value else ""


def unreadable(folder: Path) -> list[str]:
    """The Python files that `find_flows` skips, each as ``file:line: reason``."""
    reasons = [(path, _parsed(path)[1]) for path in python_files(folder)]
    return [f"{path.relative_to(folder).as_posix()}{reason}" for path, reason in reasons if reason]


def _last_name(decorator: ast.expr) -> str:
    """``flow`` of ``@prefect.flow(name=…)``."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
