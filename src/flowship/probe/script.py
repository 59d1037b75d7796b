"""What runs inside the freshly built image: load the flow, say what it is, as JSON.

`flowship.probe.container` sends this file's text to the image's own Python; flowship itself is not
installed there. So: standard library only, Prefect imported late, Python 3.9 syntax. On stdout
is a line that says that the script was started, and the answer, one JSON object on a line of its
own; whatever the flow prints while it is imported goes to stderr.

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
from pathlib import Path
from typing import Any

STARTED = "flowship asks for the flow"  # an ENTRYPOINT that swallows the command never says it


def load(folder: str, entrypoint: str) -> dict[str, Any]:
    """Load `entrypoint` from `folder` as the deployment will.

    Returns:
        ``{"flow": …, "parameters": …, "prefect": …, "python": …}``, or ``{"failure": kind, …}``.
    """
    file, _, function = entrypoint.rpartition(":")
    try:
        os.chdir(folder)
    except OSError:
        return {"failure": "no-folder", "found": search(file)}
    if not Path(file).is_file():
        listing = sorted(path.name for path in Path().iterdir())[:20]
        if link := broken_link(file):
            return {"failure": "broken-link", "link": link, "target": str(Path(link).readlink())}
        return {"failure": "no-file", "found": search(file), "listing": listing}
    try:
        import prefect
        from prefect.flows import load_flow_from_entrypoint
    except ImportError:
        version = installed("prefect")
        return {"failure": "no-prefect", "version": version, "traceback": traceback.format_exc()}
    if int(prefect.__version__.split(".")[0]) < 3:
        return {"failure": "old-prefect", "prefect": prefect.__version__}
    try:
        flow: Any = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except BaseException as exc:  # noqa: BLE001 - a flow file may raise anything, sys.exit too
        return describe_failure(exc, file, function)
    if "." in function and next(iter(inspect.signature(flow.fn).parameters), "") == "self":
        return {"failure": "method"}
    return {
        "flow": {"name": flow.name, "description": flow.description},
        "parameters": schema(flow),
        "prefect": prefect.__version__,
        "python": platform.python_version(),
    }


def schema(flow: Any) -> dict[str, Any]:  # noqa: ANN401 - Prefect is imported late
    """The flow's parameter schema, with ``*args`` and ``**kwargs`` as a run takes them.

    Prefect calls both required, though runs go without; so written, no schedule could be made
    for such a flow. ``**kwargs`` is given as a table. ``*args`` is left out: Prefect 3 passes it
    on only where every parameter before it is given too, and fails the run otherwise.
    """
    described: dict[str, Any] = storable(flow.parameters.model_dump_for_openapi())
    known = described["properties"]
    for name, parameter in inspect.signature(flow.fn).parameters.items():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = known.pop(name, {})
        described["required"] = [r for r in described.get("required") or [] if r != name]
        if parameter.kind == parameter.VAR_KEYWORD:
            about = {k: value.pop(k) for k in ("title", "position", "description") if k in value}
            known[name] = {**about, "type": "object", "additionalProperties": value, "default": {}}
    return described


def storable(schema: Any) -> Any:  # noqa: ANN401 JSON
    """A schema, or a list of them, without what the server refuses.

    That is infinity and NaN, which are no JSON, and patterns that only pydantic reads: the
    server's are Python's. Without its default a parameter is still optional, and a run that is
    not given it has the flow's own. (With null in its place the UI would offer null, and the
    server would refuse the run.) What a bound or a pattern demands, the flow itself still does.
    """
    if isinstance(schema, list):
        return [storable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "definitions"):  # whose keys are names
            value = {name: storable(inner) for name, inner in value.items()}
        elif key == "patternProperties":
            value = {name: storable(inner) for name, inner in value.items() if readable(name)}
        elif key not in ("default", "enum", "const", "examples"):
            value = storable(value)
        if writable(value) and (key != "pattern" or readable(value)):
            kept[key] = value
    return kept


def readable(pattern: str) -> bool:
    """Whether Python knows a regular expression."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def writable(value: object) -> bool:
    """Whether JSON has such a value."""
    try:
        json.dumps(value, default=str, allow_nan=False)
    except ValueError:
        return False
    return True


def installed(distribution: str) -> str:
    """The version of a package that is installed, though it may not import; else ""."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def describe_failure(exc: BaseException, file: str, function: str) -> dict[str, Any]:
    """Everything the other side needs to explain why the flow does not load."""
    from prefect.exceptions import MissingFlowError

    if isinstance(exc, MissingFlowError):
        return {"failure": "no-flow", "function": function, "flows": flows_in(file)}
    cause = getattr(exc, "user_exc", None) or exc
    answer: dict[str, Any] = {
        "failure": "exception",
        "type": type(cause).__name__,
        "message": str(cause),
        "chain": [type(link).__name__ for link in chain(cause)],
        "traceback": "".join(trimmed(cause)),
    }
    if isinstance(cause, ModuleNotFoundError):
        top = (cause.name or "").split(".")[0]
        for name in (f"{top}.py", top, f"{Path(file).parent}/{top}.py", f"src/{top}"):
            if link := broken_link(name):
                return {
                    "failure": "broken-link",
                    "link": link,
                    "target": str(Path(link).readlink()),
                }
        answer.update(module=cause.name, found=below(Path(), f"{top}.py", top))
    if isinstance(cause, SyntaxError):
        answer.update(file=cause.filename, line=cause.lineno, column=cause.offset)
    else:
        frames = [f for f in traceback.extract_tb(cause.__traceback__) if own(f.filename)]
        if frames:
            answer.update(file=frames[-1].filename, line=frames[-1].lineno)
    return answer


def chain(exc: BaseException | None) -> list[BaseException]:
    """`exc` and everything that caused it."""
    links: list[BaseException] = []
    while exc is not None and exc not in links:
        links.append(exc)
        exc = exc.__cause__ or exc.__context__
    return links


def trimmed(exc: BaseException) -> list[str]:
    """The traceback from the project's first frame on: the loader's own frames tell nothing."""
    tb = exc.__traceback__
    first = tb
    while first is not None and not own(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return traceback.format_exception(type(exc), exc, first or tb)


def own(filename: str) -> bool:
    """Whether a file is the project's and not a library's."""
    path = Path(filename).absolute()
    return (
        not filename.startswith("<")
        and Path.cwd() in path.parents
        and "site-packages" not in path.parts
    )


def flows_in(file: str) -> list[str]:
    """The functions in `file` that are decorated with ``@flow``."""
    tree = ast.parse(Path(file).read_bytes())
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and any("flow" in ast.dump(decorator) for decorator in node.decorator_list)
    ]


def broken_link(file: str) -> str:
    """The part of the path `file` that is a link to nowhere, or ""."""
    parts = [Path(file), *Path(file).parents]
    return next((str(part) for part in parts if part.is_symlink() and not part.exists()), "")


def search(file: str) -> list[str]:
    """Where files of that name did land, apart from the places where libraries lie."""
    roots = ("/opt", "/app", "/home", "/root", "/srv", "/usr/src", "/code", "/flows")
    return [path for root in roots for path in below(Path(root), Path(file).name)][:5]


def below(root: Path, *names: str) -> list[str]:
    """Every file or folder below `root` that is called one of `names`, libraries apart."""
    found = []
    for here, folders, files in os.walk(root):
        folders[:] = sorted(d for d in folders if d not in ("site-packages", "__pycache__"))
        found += [str(Path(here, name)) for name in names if name in files + folders]
    return found


def main() -> None:
    """Answer on the real stdout; keep the flow's own output out of it."""
    answer_to = os.dup(1)
    os.write(answer_to, f"\n{STARTED}\n".encode())  # the ENTRYPOINT may have left a line open
    os.dup2(2, 1)
    if sys.path and sys.path[0] == "":
        del sys.path[0]  # `prefect flow-run execute` has no current folder on the path either
    answer = load(sys.argv[1], sys.argv[2])
    sys.stdout.flush()
    with os.fdopen(answer_to, "w") as stream:
        stream.write(json.dumps(answer, default=str) + "\n")
    os._exit(0)  # a thread that the flow started while being imported must not keep us


if __name__ == "__main__":
    main()
