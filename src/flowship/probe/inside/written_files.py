"""Finds what functions write below the working directory, by reading their code: the files, and the
folders that the image lacks for them.

Only paths whose beginning is written in the code, or in a constant of its module, are known.
"""

from __future__ import annotations

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from types import FunctionType
from typing import Any

OPENERS = ("open", "io.open", "gzip.open", "bz2.open", "lzma.open", "codecs.open")
"""Functions that take a path and a mode."""

FIRST = {
    "to_csv", "to_parquet", "to_json", "to_excel", "to_feather", "to_pickle", "to_hdf", "to_orc",
    "to_xml", "to_html", "to_stata", "to_file", "write_csv", "write_parquet", "write_json",
    "write_ndjson", "write_ipc", "write_excel", "sink_parquet", "sink_csv", "savefig",
    "np.save", "np.savez", "np.savetxt", "os.makedirs", "os.mkdir",
}  # fmt: skip
"""Functions and methods that write to the path that they take first."""

SECOND = {"write_table", "urlretrieve", "joblib.dump", "shutil.copy", "shutil.copyfile"}
"""Functions that write to the path that they take second."""

OF_PATH = {"write_text", "write_bytes", "touch", "mkdir"}
"""Methods of a path that write to it."""

FOLDERS = {"mkdir", "makedirs"}
"""Of those, the ones that create a folder."""

KEYWORDS = ("path", "path_or_buf", "fname", "file", "excel_writer", "filename", "where", "dst")

ELSEWHERE = {"filesystem", "storage_options", "fs"}
"""Keywords with which a path is one of another file system."""

HANDED_ON = re.compile(r"upload|put_(directory|file|object)|unlink|rmtree|^os\.remove$")
"""Calls after which a file is not needed: it was only on its way, or is removed."""

NEED_A_FOLDER = {
    *OPENERS, "write_text", "write_bytes", "touch", "to_csv", "to_parquet", "to_json",
    "to_excel", "to_feather", "to_pickle", "savefig", "np.save", "np.savez", "np.savetxt",
}  # fmt: skip
"""Of the functions and methods that write, those that fail without the folder of the file."""

MAY_CREATE = re.compile(
    r"mkdir|make_?dir|dirs?$|folder|ensure|extract|unpack|copytree|chdir|system$|subprocess|Popen"
)
"""Calls that may create a folder, or go to another one."""

Node = (ast.FunctionDef, ast.AsyncFunctionDef)


def written_files(functions: list[FunctionType]) -> Iterator[tuple[str, FunctionType, int]]:
    """What some functions of one flow write below the working directory.

    Nothing is known of a flow that uploads or removes files: those that it writes are probably
    only on their way.

    Yields:
        The absolute path, or that of the folder with a slash if the file's name is not known; the
        function; and the line.
    """
    calls = calls_in(functions)
    if any(HANDED_ON.search(name_of(call.func)) for call, _, _ in calls):
        return
    for call, path, function in calls:
        if path:
            folder = name_of(call.func).rpartition(".")[2] in FOLDERS
            yield f"{path.rstrip('/')}/" if folder else path, function, call.lineno


def missing_folders(functions: list[FunctionType]) -> Iterator[tuple[str, FunctionType, int]]:
    """The folders that some functions of one flow write into, although there are none.

    Nothing is known of a flow that may create folders.

    Yields:
        The absolute path, the function, and the line.
    """
    calls = calls_in(functions)
    if any(MAY_CREATE.search(name_of(call.func)) for call, _, _ in calls):
        return
    for call, path, function in calls:
        folder = os.path.dirname(path)  # noqa: PTH120 - of a folder with a slash, itself
        if folder and needs_folder(call) and not os.path.isdir(folder):  # noqa: PTH112
            yield folder, function, call.lineno


def needs_folder(call: ast.Call) -> bool:
    """Whether a call that writes fails without the folder of its file."""
    name = name_of(call.func)
    last = name.rpartition(".")[2]
    own = isinstance(call.func, ast.Attribute) and last == "open"
    parts = any(each.arg == "partition_cols" for each in call.keywords)
    return not parts and (own or name in NEED_A_FOLDER or last in NEED_A_FOLDER)


def calls_in(functions: list[FunctionType]) -> list[tuple[ast.Call, str, FunctionType]]:
    """Each call in the code of some functions, and what it writes below the working directory."""
    found = []
    for function in functions:
        for node in body_of(function):
            known = Paths(node, function.__globals__)
            for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
                found.append((call, below(*known.text(target_of(call))), function))
    return found


def body_of(function: FunctionType) -> Iterator[ast.AST]:
    """The definition of a function in its file, if that is there."""
    code = function.__code__
    try:
        tree = ast.parse(Path(code.co_filename).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, Node):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno and node.name == code.co_name:
                yield node


def name_of(function: ast.AST) -> str:
    """``os.path.join`` as it is written; ``.open`` for a method of an expression."""
    if isinstance(function, ast.Attribute):
        return f"{name_of(function.value)}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def target_of(call: ast.Call) -> ast.AST | None:
    """The expression of the path that a call writes to; None if it does not write."""
    name = name_of(call.func)
    last = name.rpartition(".")[2]
    keywords = {each.arg: each.value for each in call.keywords if each.arg}
    if ELSEWHERE & set(keywords):
        return None
    if name in OPENERS:
        return argument(call, 0, keywords) if writes(call, 1, keywords) else None
    if isinstance(call.func, ast.Attribute) and (
        last in OF_PATH or (last == "open" and writes(call, 0, keywords))
    ):
        return call.func.value if is_path(call.func.value) else None
    for names, position in ((FIRST, 0), (SECOND, 1)):
        if name in names or (last in names and name != last):
            return argument(call, position, keywords)
    return None


def argument(call: ast.Call, position: int, keywords: dict[str, ast.expr]) -> ast.AST | None:
    """An argument by its position, or by one of the usual names of a path."""
    if len(call.args) > position:
        return call.args[position]
    return next((keywords[name] for name in KEYWORDS if name in keywords), None)


def writes(call: ast.Call, position: int, keywords: dict[str, ast.expr]) -> bool:
    """Whether the mode of an ``open`` is one to write."""
    mode = call.args[position] if len(call.args) > position else keywords.get("mode")
    return isinstance(mode, ast.Constant) and bool(set(str(mode.value)) & set("wax+"))


def is_path(expression: ast.AST) -> bool:
    """Whether an expression is likely a path: ``Path(…)``, a name, or one of them with ``/``."""
    if isinstance(expression, ast.BinOp):
        return isinstance(expression.op, ast.Div) and is_path(expression.left)
    if isinstance(expression, ast.Call):
        return name_of(expression.func) in ("Path", "pathlib.Path")
    return isinstance(expression, ast.Name)


class Paths:
    """The values of expressions in one function, as far as they are written in the code."""

    def __init__(self, node: ast.AST, constants: dict[str, Any]) -> None:
        self._constants = constants
        assigned = [each for each in ast.walk(node) if isinstance(each, ast.Assign)]
        stored = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)
                  and isinstance(n.ctx, ast.Store)]  # fmt: skip
        arguments = [each.arg for each in ast.walk(node) if isinstance(each, ast.arg)]
        self._times = Counter([*stored, *arguments, *arguments])
        self._local = {
            target.id: each.value
            for each in assigned
            for target in each.targets
            if isinstance(target, ast.Name)
        }

    def text(self, expression: ast.AST | None, depth: int = 0) -> tuple[str, bool]:
        """The text that an expression begins with, and whether it is all of it."""
        if expression is None or depth > 10:
            return "", False
        if isinstance(expression, ast.Constant):
            return (expression.value, True) if isinstance(expression.value, str) else ("", False)
        if isinstance(expression, ast.Name):
            return self._named(expression.id, depth)
        if isinstance(expression, ast.JoinedStr):
            return self._joined("", expression.values, depth)
        if isinstance(expression, ast.FormattedValue) and expression.format_spec is None:
            return self.text(expression.value, depth + 1)
        if isinstance(expression, ast.BinOp) and isinstance(expression.op, (ast.Div, ast.Add)):
            slash = "/" if isinstance(expression.op, ast.Div) else ""
            return self._joined(slash, [expression.left, expression.right], depth)
        if isinstance(expression, ast.Call) and name_of(expression.func) in (
            "Path", "pathlib.Path", "os.path.join", "str",
        ):  # fmt: skip
            return self._joined("/", expression.args, depth) if expression.args else (".", True)
        return "", False

    def _named(self, name: str, depth: int) -> tuple[str, bool]:
        if name in self._times:
            value = self._local.get(name) if self._times[name] == 1 else None
            return self.text(value, depth + 1)
        constant = self._constants.get(name)
        return (str(constant), True) if isinstance(constant, (str, PurePath)) else ("", False)

    def _joined(self, slash: str, parts: Any, depth: int) -> tuple[str, bool]:  # noqa: ANN401
        text = ""
        for number, part in enumerate(parts):
            more, complete = self.text(part, depth + 1)
            if slash and more.startswith("/"):
                text = ""
            text += (slash if number and text else "") + more
            if not complete:
                return text, False
        return text, True


def below(text: str, complete: bool) -> str:
    """The absolute path of a text that names a file below the working directory; else "".

    If only the beginning is known, the folder is returned, with a slash at its end.
    """
    if not re.fullmatch(r"[\w./ @=+-]+", text) or text in (".", "./"):
        return ""
    root = str(Path.cwd())
    path = os.path.normpath(os.path.join(root, text))  # noqa: PTH118 - links are not followed
    if not path.startswith(f"{root}/"):
        return ""
    if complete:
        return path
    return path + "/" if text.endswith("/") else os.path.dirname(path) + "/"  # noqa: PTH120
