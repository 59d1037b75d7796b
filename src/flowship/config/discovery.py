"""Finds the project's Python files and flows by parsing the source, without running it."""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Folders that do not hold the project's own code.
SKIPPED = {"__pycache__", "node_modules", "venv", "env", "build", "dist", "site-packages"}


@dataclass(frozen=True)
class FoundFlow:
    """A function decorated with ``@flow``.

    Attributes:
        path: The file, relative to the searched folder, with forward slashes.
        function: The function's name, ``Class.method`` for a static or class method.
        line: The line of the function's definition, counted from 1.
    """

    path: str
    function: str
    line: int

    @property
    def entrypoint(self) -> str:
        """``path/to/file.py:function``, as in the configuration and in Prefect."""
        return f"{self.path}:{self.function}"


def python_files(folder: Path) -> list[Path]:
    """All Python files below `folder` that can belong to the project, sorted."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            d
            for d in folders
            if d not in SKIPPED
            and not d.startswith(".")
            and not (Path(here, d) / "pyvenv.cfg").exists()
        )
        # A configuration file cannot hold a name that is not UTF-8 or not a single line.
        names = [n for n in sorted(files) if n.endswith(".py") and n.isprintable()]
        found += [Path(here, name) for name in names]
    return found


def find_flows(folder: Path) -> list[FoundFlow]:
    """All functions decorated with ``@flow`` below `folder`; skips files that cannot be parsed."""
    flows = []
    for path in python_files(folder):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        relative = path.relative_to(folder).as_posix()
        flows += [FoundFlow(relative, name, line) for name, line in _flows_of(tree.body)]
    return flows


def _flows_of(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, int]]:
    """Name and line of each flow; methods only if a run can call them without an instance."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not owner:
            yield from _flows_of(node.body, node.name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {_last_name(decorator) for decorator in node.decorator_list}
            if "flow" in decorators and (not owner or decorators & {"staticmethod", "classmethod"}):
                yield ".".join(filter(None, [owner, node.name])), node.lineno


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
    messages = []
    for path in python_files(folder):
        relative = path.relative_to(folder).as_posix()
        try:
            ast.parse(path.read_bytes())
        except SyntaxError as exc:
            line = f":{exc.lineno}" if exc.lineno else ""  # no line for a null byte
            messages.append(f"{relative}{line}: {exc.msg}")
        except (ValueError, OSError) as exc:
            messages.append(f"{relative}: {exc}")
    return messages


def _last_name(decorator: ast.expr) -> str:
    """``flow`` of ``@prefect.flow(name=…)``."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
