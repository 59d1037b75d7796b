"""Describes why a flow does not load: all that is needed to explain it outside of the image."""

from __future__ import annotations

import ast
import getpass
import os
import re
import sys
import threading
import traceback
from enum import Enum
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any


class Failure(str, Enum):
    """Why the flow could not be described: the value of ``failure`` in the answer."""

    FOLDER_MISSING = "folder-missing"
    FILE_MISSING = "file-missing"
    FILE_UNREADABLE = "file-unreadable"
    BROKEN_LINK = "broken-link"
    PREFECT_MISSING = "prefect-missing"
    PREFECT_TOO_OLD = "prefect-too-old"
    FLOW_NOT_FOUND = "flow-not-found"
    FLOW_IS_METHOD = "flow-is-method"
    FLOW_WRAPPED = "flow-wrapped"
    FLOW_CALLED = "flow-called"
    WAITING = "waiting"
    EXCEPTION = "exception"
    PROCESS_ENDED = "process-ended"
    NOT_TRIED = "not-tried"


class CalledDuringImportError(BaseException):
    """The file calls a flow while it is imported. Not an `Exception`, so that no `except` of the
    file hides it."""


def describe_broken_prefect() -> dict[str, Any]:
    """The answer if Prefect cannot be imported, or not what a run needs of it."""
    return {
        "failure": Failure.PREFECT_MISSING,
        "version": installed_version("prefect"),
        "traceback": traceback.format_exc(),
    }


def installed_version(distribution: str) -> str:
    """The version of an installed package, even if it cannot be imported; else ""."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def describe_missing_file(file: str) -> dict[str, Any]:
    """The answer if the flow file is not in the current folder."""
    if link := broken_link(file):
        return describe_broken_link(link)
    listing = sorted(path.name for path in Path().iterdir())[:20]
    return {"failure": Failure.FILE_MISSING, "found": search(file), "listing": listing}


def describe_broken_link(link: str) -> dict[str, Any]:
    """The answer if `link` points to nothing."""
    return {"failure": Failure.BROKEN_LINK, "link": link, "target": str(Path(link).readlink())}


def describe_unreadable(path: str) -> dict[str, Any]:
    """The answer if the user of the image may not read `path`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return {"failure": Failure.FILE_UNREADABLE, "path": str(Path(path).absolute()), "user": user}


def describe_failure(exc: BaseException, file: str, function: str) -> dict[str, Any]:
    """The answer if the flow cannot be loaded: all that is needed to explain why."""
    from prefect.exceptions import MissingFlowError

    if isinstance(exc, MissingFlowError):
        if not file:
            return {"failure": Failure.FLOW_NOT_FOUND, "function": function, "flows": []}
        if wrapper := decorator_above_flow(file, function):
            return {"failure": Failure.FLOW_WRAPPED, **wrapper}
        return {"failure": Failure.FLOW_NOT_FOUND, "function": function, "flows": flows_in(file)}
    cause = getattr(exc, "user_exc", None) or exc
    if isinstance(cause, CalledDuringImportError):
        return {"failure": Failure.FLOW_CALLED, "call": str(cause), **place_of(cause)}
    if isinstance(cause, PermissionError) and str(cause.filename).endswith(".py"):
        return describe_unreadable(cause.filename)
    answer: dict[str, Any] = {
        "failure": Failure.EXCEPTION,
        "type": type(cause).__name__,
        "message": str(cause),
        "chain": [type(link).__name__ for link in chain(cause)],
        "types": [
            f"{kind.__module__}.{kind.__name__}"
            for link in chain(cause)
            for kind in type(link).__mro__
        ],
        "modules": modules_of(cause),
        "path": str(getattr(cause, "filename", None) or getattr(cause, "path", None) or ""),
        "code": str(getattr(cause, "code", None) or ""),  # of an error of pydantic
        "builds": foreign_builds(cause),
        "suffix": EXTENSION_SUFFIXES[0],
        "variables": unset_variables(cause),
        "traceback": "".join(project_traceback(cause)),
    }
    if isinstance(cause, ModuleNotFoundError):
        top = (cause.name or "").split(".")[0]
        for name in (f"{top}.py", top, f"{Path(file).parent}/{top}.py", f"src/{top}"):
            if link := broken_link(name):
                return describe_broken_link(link)
        answer.update(module=cause.name, found=find_below(Path(), f"{top}.py", top))
    return {**answer, **place_of(cause)}


def place_of(exc: BaseException) -> dict[str, Any]:
    """The file and line of the project where `exc` was raised, if there is one."""
    if isinstance(exc, SyntaxError):
        return {"file": exc.filename, "line": exc.lineno, "column": exc.offset}
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if is_project_file(f.filename)]
    return {"file": frames[-1].filename, "line": frames[-1].lineno} if frames else {}


def modules_of(exc: BaseException) -> list[str]:
    """The modules of the functions that were active when `exc` was raised, and its causes."""
    frames = (frame for link in chain(exc) for frame, _ in traceback.walk_tb(link.__traceback__))
    return sorted({str(frame.f_globals.get("__name__", "")) for frame in frames})


def foreign_builds(exc: BaseException) -> list[str]:
    """The compiled files of the module that was not found, which are for other platforms."""
    missing = re.search(
        r"^cannot import name '(\w+)'|^No module named '(?:\w+\.)*(\w+)'$", str(exc)
    )
    if not isinstance(exc, ImportError) or not missing:
        return []
    frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__)]
    folders = {Path(f.f_code.co_filename).parent for f in frames if f.f_code.co_filename[0] == "/"}
    names = [f"{missing[1] or missing[2]}.*{end}" for end in (".so", ".pyd")]
    found = {path for folder in folders for name in names for path in folder.glob(name)}
    return sorted(map(str, found))


def unset_variables(exc: BaseException) -> list[str]:
    """The environment variables whose absence explains `exc`."""
    frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__)]
    for frame in frames:  # of a model of pydantic-settings
        for value in list(frame.f_locals.values()):
            kinds = {kind.__name__ for kind in getattr(type(value), "__mro__", ())}
            if "BaseSettings" in kinds and hasattr(exc, "errors"):
                prefix = type(value).model_config.get("env_prefix") or ""
                missing = [e["loc"][0] for e in exc.errors() if e["type"] == "missing"]
                return [f"{prefix}{name}".upper() for name in missing]
    if isinstance(exc, KeyError) and frames and frames[-1].f_globals.get("__name__") == "os":
        return [str(exc.args[0])]
    place = place_of(exc)
    if not isinstance(exc, (TypeError, AttributeError, ValueError)) or "line" not in place:
        return []
    return variables_of_line(place["file"], place["line"])


def variables_of_line(file: str, line: int) -> list[str]:
    """The unset environment variables that the statement of this line reads, directly or through
    a name that was assigned before."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    assigned: dict[str, list[str]] = {}
    found: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        if isinstance(node, ast.Assign):
            for target in node.targets:
                assigned[getattr(target, "id", "")] = variables_read(node)
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            used = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
            found += variables_read(node)
            found += [v for name in used for v in assigned.get(name, ())]
    return sorted({name for name in found if not os.environ.get(name)})


def variables_read(node: ast.AST) -> list[str]:
    """The names in calls of ``os.getenv("X")`` and ``os.environ.get("X")``."""
    return [
        call.args[0].value
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith(("getenv", "environ.get"))
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    ]


def decorator_above_flow(file: str, function: str) -> dict[str, Any]:
    """The decorator that hides the flow, with its line; empty if there is none."""
    source = Path(file).read_bytes() if Path(file).is_file() else b""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == function:
            names = [ast.unparse(getattr(d, "func", d)) for d in node.decorator_list]
            flows = [i for i, name in enumerate(names) if name.split(".")[-1] == "flow"]
            if flows and flows[0] > 0:
                above = node.decorator_list[flows[0] - 1]
                return {"decorator": names[flows[0] - 1], "line": above.lineno}
    return {}


def chain(exc: BaseException | None) -> list[BaseException]:
    """`exc` and everything that caused it."""
    links: list[BaseException] = []
    while exc is not None and exc not in links:
        links.append(exc)
        exc = exc.__cause__ or exc.__context__
    return links


def project_traceback(exc: BaseException) -> list[str]:
    """The traceback from the project's first frame on, without the frames of the loader."""
    tb = exc.__traceback__
    first = tb
    while first is not None and not is_project_file(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return traceback.format_exception(type(exc), exc, first or tb)


def is_project_file(filename: str) -> bool:
    """Whether a file belongs to the project rather than to a library."""
    path = Path(filename).absolute()
    return (  # a file, since compiled code of a library names its source, which is not there
        path.is_file() and Path.cwd() in path.parents and "site-packages" not in path.parts
    )


def flows_in(file: str) -> list[str]:
    """The names of the functions in `file` that are decorated with ``@flow``."""
    if not Path(file).is_file():  # a module without a source file
        return []
    tree = ast.parse(Path(file).read_bytes())
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and any("flow" in ast.dump(decorator) for decorator in node.decorator_list)
    ]


def broken_link(file: str) -> str:
    """The part of the path `file` that is a broken link, or ""."""
    parts = [Path(file), *Path(file).parents]
    return next((str(part) for part in parts if part.is_symlink() and not part.exists()), "")


def search(file: str) -> list[str]:
    """Paths in the image with the same file name, except where libraries are installed."""
    roots = ("/opt", "/app", "/home", "/root", "/srv", "/usr/src", "/code", "/flows")
    return [path for root in roots for path in find_below(Path(root), Path(file).name)][:5]


def find_below(root: Path, *names: str) -> list[str]:
    """Every file or folder below `root` with one of `names`, except in site-packages."""
    found = []
    for here, folders, files in os.walk(root):
        folders[:] = sorted(d for d in folders if d not in ("site-packages", "__pycache__"))
        found += [str(Path(here, name)) for name in names if name in files + folders]
    return found


def describe_waiting() -> dict[str, Any]:
    """The answer if the flow does not load in time: where it waits."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    stack = traceback.extract_stack(frame)
    own = [index for index, entry in enumerate(stack) if is_project_file(entry.filename)]
    active = traceback.walk_stack(frame)
    return {
        "failure": Failure.WAITING,
        "modules": sorted({str(f.f_globals.get("__name__", "")) for f, _ in active}),
        "traceback": "".join(traceback.format_list(stack[own[0] :] if own else stack[-5:])),
        **({"file": stack[own[-1]].filename, "line": stack[own[-1]].lineno} if own else {}),
    }
