"""The script that runs inside a built image: loads the flow and describes it as JSON.

`flowship.probe.container` passes the text of this file to the image's own Python. flowship itself
is not installed there, so the script uses the standard library only, imports Prefect late and
keeps to Python 3.9 syntax. It writes two lines to stdout: `STARTED`, then the answer as one JSON
object. Everything that the flow prints while it is imported goes to stderr.

Called as ``python -c <this text> <folder> <entrypoint>``.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import platform
import re
import sys
import traceback
from enum import Enum
from pathlib import Path
from typing import Any

STARTED = "flowship-probe-started"
"""The first line on stdout. It is missing if the image's ENTRYPOINT does not run the command."""


class Failure(str, Enum):
    """Why the flow could not be described: the value of ``failure`` in the answer."""

    FOLDER_MISSING = "folder-missing"
    FILE_MISSING = "file-missing"
    BROKEN_LINK = "broken-link"
    PREFECT_MISSING = "prefect-missing"
    PREFECT_TOO_OLD = "prefect-too-old"
    FLOW_NOT_FOUND = "flow-not-found"
    FLOW_IS_METHOD = "flow-is-method"
    EXCEPTION = "exception"


def load(folder: str, entrypoint: str) -> dict[str, Any]:
    """Load `entrypoint` from `folder` in the same way as the deployment does.

    Returns:
        ``{"flow": …, "parameters": …, "prefect": …, "python": …}``, or ``{"failure": …, …}`` with
        one of the values of `Failure`.
    """
    file, _, function = entrypoint.rpartition(":")
    try:
        os.chdir(folder)
    except OSError:
        return {"failure": Failure.FOLDER_MISSING, "found": search(file)}
    if not Path(file).is_file():
        return describe_missing_file(file)
    try:
        import prefect
        from prefect.flows import load_flow_from_entrypoint
    except ImportError:
        return {
            "failure": Failure.PREFECT_MISSING,
            "version": installed_version("prefect"),
            "traceback": traceback.format_exc(),
        }
    if int(prefect.__version__.split(".")[0]) < 3:
        return {"failure": Failure.PREFECT_TOO_OLD, "prefect": prefect.__version__}
    try:
        flow: Any = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except BaseException as exc:  # noqa: BLE001 - a flow file may raise anything, even SystemExit
        return describe_failure(exc, file, function)
    if "." in function and next(iter(inspect.signature(flow.fn).parameters), "") == "self":
        return {"failure": Failure.FLOW_IS_METHOD}
    return {
        "flow": {"name": flow.name, "description": flow.description},
        "parameters": parameter_schema(flow),
        "prefect": prefect.__version__,
        "python": platform.python_version(),
    }


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
        if parameter.kind == parameter.VAR_KEYWORD:
            about = {k: value.pop(k) for k in ("title", "position", "description") if k in value}
            properties[name] = {
                **about,
                "type": "object",
                "additionalProperties": value,
                "default": {},
            }
    return schema


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
    """Whether `value` can be written as JSON."""
    try:
        json.dumps(value, default=str, allow_nan=False)
    except ValueError:
        return False
    return True


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


def describe_failure(exc: BaseException, file: str, function: str) -> dict[str, Any]:
    """The answer if the flow cannot be loaded: all that is needed to explain why."""
    from prefect.exceptions import MissingFlowError

    if isinstance(exc, MissingFlowError):
        return {"failure": Failure.FLOW_NOT_FOUND, "function": function, "flows": flows_in(file)}
    cause = getattr(exc, "user_exc", None) or exc
    answer: dict[str, Any] = {
        "failure": Failure.EXCEPTION,
        "type": type(cause).__name__,
        "message": str(cause),
        "chain": [type(link).__name__ for link in chain(cause)],
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
    return (
        not filename.startswith("<")
        and Path.cwd() in path.parents
        and "site-packages" not in path.parts
    )


def flows_in(file: str) -> list[str]:
    """The names of the functions in `file` that are decorated with ``@flow``."""
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


def main() -> None:
    """Write the answer to the real stdout, and send the flow's own output to stderr."""
    answer_to = os.dup(1)
    # The ENTRYPOINT may have left a line open, so the marker starts on a new one.
    os.write(answer_to, f"\n{STARTED}\n".encode())
    os.dup2(2, 1)
    if sys.path and sys.path[0] == "":
        # `prefect flow-run execute` does not have the current folder on its path either.
        del sys.path[0]
    answer = load(sys.argv[1], sys.argv[2])
    sys.stdout.flush()
    with os.fdopen(answer_to, "w") as stream:
        stream.write(json.dumps(answer, default=str) + "\n")
    # A thread that the flow started while it was imported must not keep the process running.
    os._exit(0)


if __name__ == "__main__":
    main()
