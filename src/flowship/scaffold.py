"""What is in a folder, and a first project for one that is empty.

Flows are found by reading the source, never by running it.
"""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from pathlib import Path

# Folders that hold no code of the project's own.
SKIPPED = {"__pycache__", "node_modules", "venv", "env", "build", "dist", "site-packages"}


@dataclass(frozen=True)
class FoundFlow:
    """A function decorated with ``@flow``.

    Attributes:
        path: The file, relative to the folder searched, with forward slashes.
        function: The function's name.
        line: Where the function is defined, counted from 1.
    """

    path: str
    function: str
    line: int

    @property
    def entrypoint(self) -> str:
        """``path/to/file.py:function``, as the configuration and Prefect write it."""
        return f"{self.path}:{self.function}"


def python_files(folder: Path) -> list[Path]:
    """Every Python file below `folder` that can be the project's own, sorted."""
    found = []
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(
            d
            for d in folders
            if d not in SKIPPED
            and not d.startswith(".")
            and not (Path(here, d) / "pyvenv.cfg").exists()
        )
        found += [Path(here, name) for name in sorted(files) if name.endswith(".py")]
    return found


def find_flows(folder: Path) -> list[FoundFlow]:
    """Every function decorated with ``@flow`` below `folder`; unreadable files are passed over."""
    flows = []
    for path in python_files(folder):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        relative = path.relative_to(folder).as_posix()
        flows += [
            FoundFlow(relative, node.name, node.lineno)
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and any(_is_flow(decorator) for decorator in node.decorator_list)
        ]
    return flows


def _is_flow(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name == "flow"
