"""Finds what the runs of a flow store: results, caches, and files below the working directory.

Only what the flow reaches through functions of the project is described, and a file only if its
path is written in the code: what is reported here becomes a warning, which must not be wrong.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .failures import is_project_file
from .written_files import missing_folders, written_files

MOST = 20
"""Entries that are kept: engines limit the size of an image's labels."""

Entry = dict[str, str]


def stored_by(flow: Any) -> dict[str, Any]:  # noqa: ANN401 - Prefect is imported late
    """What the runs of `flow` store.

    Returns:
        ``stored``, a list of entries with the keys of `flowship.probe.result.Stored`, and the
        defaults that Prefect's settings in the image give: ``default_storage``, a block or "",
        and ``default_folder``.
    """
    reached = list(reach(flow))
    entries = [entry for thing, storage in reached for entry in result_of(thing, storage)]
    functions = [function_of(thing) for thing, _ in reached]
    for path, function, line in written_files(functions):
        folder = path if path.endswith("/") else f"{os.path.dirname(path)}/"  # noqa: PTH120
        entries.append(
            {
                "kind": "file",
                "name": os.path.relpath(path) + ("/…" if path.endswith("/") else ""),
                "place": f"{shown(function.__code__.co_filename)}:{line}",
                "storage": os.path.normpath(folder),
            }
        )
    for folder, function, line in missing_folders(functions):
        entries.append(
            {
                "kind": "no-folder",
                "name": os.path.relpath(folder),
                "place": f"{shown(function.__code__.co_filename)}:{line}",
                "storage": folder,
            }
        )
    return {
        "stored": entries[:MOST],
        "default_storage": setting("DEFAULT_RESULT_STORAGE_BLOCK") or "",
        "default_folder": str(setting("LOCAL_STORAGE_PATH") or ""),
    }


def setting(name: str) -> Any:  # noqa: ANN401 - of any type
    """The value of one of Prefect's settings in the image; None if its Prefect has none such."""
    import prefect.settings

    found = getattr(prefect.settings, f"PREFECT_{name}", None)
    return found.value() if found else None


# --- results -------------------------------------------------------------------------------------


def result_of(thing: Any, storage: str) -> Iterator[Entry]:  # noqa: ANN401
    """The entry of a flow or task that persists its results, or may do so by a setting."""
    kind = kind_of(thing)
    if kind:
        code = function_of(thing).__code__
        yield {
            "kind": kind,
            "name": f"{'flow' if is_flow(thing) else 'task'} {thing.name}",
            "place": f"{shown(code.co_filename)}:{code.co_firstlineno}",
            "storage": storage,
        }


def kind_of(thing: Any) -> str:  # noqa: ANN401
    """``result``, ``cache``, or ``default`` for a flow that leaves it to a setting; else ""."""
    if not is_flow(thing) and not is_task(thing):
        return ""
    persists = thing.persist_result
    if is_task(thing):
        persists = setting("TASKS_DEFAULT_PERSIST_RESULT") if persists is None else persists
        if persists:
            return "cache" if outlives_run(thing) else "result"
        return ""
    if persists is None:
        return "result" if setting("RESULTS_PERSIST_BY_DEFAULT") else "default"
    return "result" if persists else ""


def outlives_run(task: Any) -> bool:  # noqa: ANN401
    """Whether other runs look for what is cached; Prefect's default policy is for one run."""
    policy = task.cache_policy
    if task.cache_key_fn is not None:
        return True
    parts = [type(part).__name__ for part in getattr(policy, "policies", [policy])]
    known = policy is not None and isinstance(policy, cache_policy())
    return known and "_None" not in parts and "RunId" not in parts


def cache_policy() -> type:
    """The base class of Prefect's cache policies."""
    from prefect.cache_policies import CachePolicy

    return CachePolicy


def storage_of(storage: Any) -> str:  # noqa: ANN401
    """``type/name`` of a block, or a folder, or "" for the default."""
    if not storage:
        return ""
    if isinstance(storage, str):
        return storage
    folder = storage if isinstance(storage, Path) else getattr(storage, "basepath", None)
    name = getattr(storage, "_block_document_name", None) or "…"
    kind = getattr(type(storage), "get_block_type_slug", lambda: "local-file-system")()
    if kind == "local-file-system":
        return str(Path(folder or "").expanduser().absolute())
    return f"{kind}/{name}"


# --- what a flow reaches -------------------------------------------------------------------------


def reach(flow: Any) -> Iterator[tuple[Any, str]]:  # noqa: ANN401
    """The flow and each task, flow and function of the project that it reaches.

    Yields:
        One of them, and where its result is stored: a flow's storage is that of its tasks too.
    """
    package = function_of(flow).__module__.partition(".")[0]
    pending, seen = [(flow, "")], set[int]()
    while pending:
        thing, storage = pending.pop(0)
        if id(thing) in seen or not isinstance(function_of(thing), FunctionType):
            continue
        seen.add(id(thing))
        function = function_of(thing)
        own = function.__module__.partition(".")[0] == package
        if not own and not is_project_file(function.__code__.co_filename):
            continue
        here = storage_of(getattr(thing, "result_storage", None)) or storage
        yield thing, here
        pending += [(other, here if is_flow(thing) else storage) for other in used_by(function)]


def used_by(function: FunctionType) -> Iterator[Any]:
    """The flows, tasks and functions that a function names, also those of a module or class."""
    names = list(names_in(function.__code__))
    cells = zip(function.__code__.co_freevars, function.__closure__ or ())  # noqa: B905 - for 3.9
    scope = {**function.__globals__, **{n: c.cell_contents for n, c in cells if has_content(c)}}
    for value in [scope[name] for name in names if name in scope]:
        if isinstance(value, ModuleType):
            yield from (vars(value)[name] for name in names if name in vars(value))
        elif inspect.isclass(value):
            yield from (m for m in list(vars(value).values()) if isinstance(m, FunctionType))
        elif isinstance(value, FunctionType) or is_flow(value) or is_task(value):
            yield value


def has_content(cell: Any) -> bool:  # noqa: ANN401
    """Whether a variable of an enclosing function has a value."""
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def names_in(code: CodeType) -> Iterator[str]:
    """The names that code uses, that of functions inside it included."""
    yield from (*code.co_names, *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def function_of(thing: Any) -> Any:  # noqa: ANN401
    """The function below the decorators."""
    own = thing.fn if is_flow(thing) or is_task(thing) else thing
    return inspect.unwrap(own) if callable(own) else own


def is_flow(thing: Any) -> bool:  # noqa: ANN401
    """Whether it is one of Prefect's flows."""
    from prefect.flows import Flow

    return isinstance(thing, Flow)


def is_task(thing: Any) -> bool:  # noqa: ANN401
    """Whether it is one of Prefect's tasks."""
    from prefect.tasks import Task

    return isinstance(thing, Task)


def shown(file: str) -> str:
    """A file as a message names it: relative to the project's folder, or to site-packages."""
    inside = str(Path(file).absolute()).partition("site-packages/")[2]
    return inside or os.path.relpath(file)
