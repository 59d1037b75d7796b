"""The script that runs inside a built image: loads each flow and describes it as JSON.

`flowship.probe.container` copies this file into the container. flowship itself is not installed
there, so the script uses the standard library only, imports Prefect late and keeps to Python 3.9
syntax. It writes to stdout: `STARTED`, then one line for each entrypoint, its answer as a JSON
object, in the order in which they are known.

Prefect is imported once. Each flow is then loaded in a process of its own, forked from that one:
what a flow imports, changes or breaks reaches no other flow, as in a run, and a flow that ends or
blocks its process is known by name.

Called as ``python <this file> <folder> <seconds> <entrypoint>…``.
"""

from __future__ import annotations

import ast
import getpass
import importlib
import inspect
import json
import logging
import os
import platform
import re
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

STARTED = "flowship-probe-started"
"""The first line on stdout. It is missing if the image's ENTRYPOINT does not run the command."""


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


RUN_MODULES = ("prefect.cli", "prefect.cli.flow_run", "prefect.flow_engine", "prefect.runner")
"""What ``prefect flow-run execute`` imports besides the flow."""

LONGEST_TEXT = 10_000
"""Characters of a description that are kept: engines limit the size of an image's labels."""


class CalledDuringImportError(BaseException):
    """The file calls a flow while it is imported. Not an `Exception`, so that no `except` of the
    file hides it."""


called: list[BaseException] = []
"""Every call of a flow during the import, even if the file catches the exception."""


def prepare(folder: str, entrypoints: list[str]) -> dict[str, dict[str, Any]]:
    """Go to `folder` and import what each run imports, once for all flows.

    Returns:
        Entrypoint → its answer, where that is known without loading the flow.
    """
    try:
        os.chdir(folder)
    except PermissionError as exc:
        return dict.fromkeys(entrypoints, describe_unreadable(str(exc.filename)))
    except OSError:
        failure = {"failure": Failure.FOLDER_MISSING}
        return {each: {**failure, "found": search(file_of(each))} for each in entrypoints}
    answers: dict[str, dict[str, Any]] = {}
    for each in entrypoints:
        answers.update((each, answer) for answer in missing_file(each))
    if len(answers) < len(entrypoints):
        for answer in import_prefect():
            answers.update((each, answer) for each in entrypoints if each not in answers)
    return answers


def file_of(entrypoint: str) -> str:
    """The file of ``path/to/file.py:function``; "" for ``package.module:function``."""
    path = entrypoint.rpartition(":")[0]
    return path if path.endswith(".py") else ""


def missing_file(entrypoint: str) -> list[dict[str, Any]]:
    """The answer if the flow's file is not there, or may not be read; else nothing."""
    file = file_of(entrypoint)
    try:
        if not file or (Path(file).is_file() and Path(file).read_bytes() is not None):
            return []
    except PermissionError as exc:
        return [describe_unreadable(str(exc.filename))]
    return [describe_missing_file(file)]


def import_prefect() -> list[dict[str, Any]]:
    """Import Prefect and what a run needs of it; the answer if that fails, else nothing."""
    try:
        import prefect
        import prefect.flows
    except ImportError:
        return [describe_broken_prefect()]
    if int(prefect.__version__.split(".")[0]) < 3:
        return [{"failure": Failure.PREFECT_TOO_OLD, "prefect": prefect.__version__}]
    refuse_calls()
    try:
        for module in RUN_MODULES:
            importlib.import_module(module)
    except Exception:  # noqa: BLE001 - whatever it is, each run would fail with it
        return [describe_broken_prefect()]
    return []


def load(entrypoint: str) -> dict[str, Any]:
    """Load `entrypoint` from the current folder in the same way as the deployment does.

    Returns:
        ``{"flow": …, "parameters": …, "prefect": …, "python": …}``, or ``{"failure": …, …}`` with
        one of the values of `Failure`.
    """
    import prefect
    from prefect.flows import load_flow_from_entrypoint

    function = entrypoint.rpartition(":")[2]
    try:
        flow: Any = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except BaseException as exc:  # noqa: BLE001 - a flow file may raise anything, even SystemExit
        return describe_failure(called[0] if called else exc, source_of(entrypoint), function)
    if called:
        return describe_failure(called[0], source_of(entrypoint), function)
    if "." in function and next(iter(inspect.signature(flow.fn).parameters), "") == "self":
        return {"failure": Failure.FLOW_IS_METHOD}
    return {
        "flow": {"name": flow.name, "description": storable_text(flow.description)},
        "parameters": parameter_schema(flow),
        "prefect": prefect.__version__,
        "python": platform.python_version(),
        "refused_defaults": refused_defaults(flow),
        "computed_defaults": computed_defaults(flow),
    }


def source_of(entrypoint: str) -> str:
    """The file of an entrypoint, also of one that names a module; "" if it is not known."""
    file, module = file_of(entrypoint), entrypoint.rpartition(":")[0]
    if file:
        return file
    loaded = getattr(sys.modules.get(module), "__file__", None)
    path = module.replace(".", "/")
    places = [f"{folder}{path}{end}" for folder in ("", "src/") for end in (".py", "/__init__.py")]
    return str(loaded or next((place for place in places if Path(place).is_file()), ""))


def describe_broken_prefect() -> dict[str, Any]:
    """The answer if Prefect cannot be imported, or not what a run needs of it."""
    return {
        "failure": Failure.PREFECT_MISSING,
        "version": installed_version("prefect"),
        "traceback": traceback.format_exc(),
    }


def refuse_calls() -> None:
    """Make every call of a flow raise: in each run, such a call would start another one."""
    import prefect.flows
    import prefect.main

    def refuse(action: str) -> Any:  # noqa: ANN401 - it replaces functions of any type
        def call(*args: Any, **_: Any) -> None:  # noqa: ANN401
            flow = next((a for a in args if isinstance(a, prefect.flows.Flow)), None)
            name = flow.fn.__name__ if flow else "flow"
            called.append(CalledDuringImportError(action.format(name)))
            raise called[-1]

        return call

    for kind in (prefect.flows.Flow, *prefect.flows.Flow.__subclasses__()):
        for method, action in (("__call__", "{}()"), ("serve", "{}.serve()"),
                               ("deploy", "{}.deploy()")):  # fmt: skip
            if method in vars(kind):
                setattr(kind, method, refuse(action))
    for module in (prefect.flows, prefect.main):
        for name in ("serve", "aserve", "deploy"):
            if hasattr(module, name):
                setattr(module, name, refuse(f"{name}()"))


# --- parameters ----------------------------------------------------------------------------------


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
        if parameter.kind == parameter.VAR_KEYWORD and "default" in value:
            properties[name] = value  # Prefect from 3.9 on describes the keywords as a whole
        elif parameter.kind == parameter.VAR_KEYWORD:
            about = {k: value.pop(k) for k in ("title", "position", "description") if k in value}
            properties[name] = {
                **about,
                "type": "object",
                "additionalProperties": value,
                "default": {},
            }
    return schema


def refused_defaults(flow: Any) -> dict[str, str]:  # noqa: ANN401 - Prefect is imported late
    """Parameter → why a run refuses the flow's own default, by the validation of a run."""
    if not flow.should_validate_parameters:
        return {}
    from prefect.utilities.callables import get_call_parameters, parameters_to_args_kwargs

    required, optional = [], set()
    for name, parameter in inspect.signature(flow.fn).parameters.items():
        if parameter.default is not parameter.empty:
            optional.add(name)
        elif parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            required.append(name)
    logging.disable()
    try:
        args, kwargs = parameters_to_args_kwargs(flow.fn, dict.fromkeys(required))
        flow.validate_parameters(get_call_parameters(flow.fn, args, kwargs))
    except Exception as exc:  # noqa: BLE001 - what cannot be validated is not refused
        errors: list[Any] = getattr(exc.__context__, "errors", list)()
        return {e["loc"][0]: e["msg"] for e in reversed(errors) if e["loc"][0] in optional}
    finally:
        logging.disable(logging.NOTSET)
    return {}


CLOCK = {"today", "now", "utcnow", "time", "time_ns", "gmtime", "localtime", "utc_now"}
"""Functions that return another value at each import."""


def computed_defaults(flow: Any) -> list[str]:  # noqa: ANN401 - Prefect is imported late
    """The parameters whose default is made of the present time, directly or through a name."""
    fn = inspect.unwrap(flow.fn)
    try:
        tree = ast.parse(Path(inspect.getfile(fn)).read_bytes())
    except (OSError, TypeError, SyntaxError, ValueError):
        return []
    names: set[str] = set()
    found: list[str] = []
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Assign, ast.AnnAssign))
            and node.value
            and reads(node.value, names)
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == fn.__name__:
            positional = [*node.args.posonlyargs, *node.args.args]
            last = positional[len(positional) - len(node.args.defaults) :]
            pairs = [
                *zip(last, node.args.defaults),  # noqa: B905 - Python 3.9 has no strict=
                *zip(node.args.kwonlyargs, node.args.kw_defaults),  # noqa: B905
            ]
            found += [arg.arg for arg, value in pairs if value and reads(value, names)]
    return found


def reads(expression: ast.expr, names: set[str]) -> bool:
    """Whether `expression` calls the clock, or uses one of `names`."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Call):
            function = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            if function in CLOCK:
                return True
        if isinstance(node, ast.Name) and node.id in names:
            return True
    return False


def storable_text(text: Any) -> Any:  # noqa: ANN401 - a description, or None
    """A text without half characters, which cannot be sent, and of a limited length."""
    if not isinstance(text, str):
        return text
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


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
        elif key in ("title", "description"):
            value = storable_text(value)
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
    """Whether `value` can be written as JSON in UTF-8, which has no half characters."""
    try:
        json.dumps(value, default=str, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


# --- failures ------------------------------------------------------------------------------------


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


# --- one process for each flow -------------------------------------------------------------------

MOST_AT_ONCE = 4
"""Flows that are loaded at the same time: each of them may import large libraries."""

MOST_WAITING = 3
"""After so many flows that did not load in time, no further one is tried."""

KEPT_OUTPUT = 20_000
"""Bytes of what a flow prints that are kept, to explain why its process ended."""


@dataclass
class Child:
    """The process that loads one flow.

    Attributes:
        entrypoint: What it loads.
        pid: The process.
        pipes: Where its answer comes from, and what it prints.
        deadline: When it must have answered.
        read: What came from each pipe.
        ended: Its exit code, when it has ended.
    """

    entrypoint: str
    pid: int
    pipes: list[int]
    deadline: float
    read: dict[int, bytes]
    ended: int | None = None

    def receive(self, pipe: int) -> bool:
        """Read what is there; False at the end of the pipe."""
        try:
            data = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return False
        self.read[pipe] += data
        if pipe == self.pipes[1]:
            self.read[pipe] = self.read[pipe][-KEPT_OUTPUT:]
        return bool(data)

    def outcome(self) -> dict[str, Any] | None:
        """What is known of the flow; None while it loads."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.ended = exit_code(status)
                while self.receive(self.pipes[0]):
                    pass
                while self.receive(self.pipes[1]):
                    pass
        answer = self.read[self.pipes[0]]
        if answer.endswith(b"\n"):
            return dict(json.loads(answer))
        if self.ended is not None:
            printed = self.read[self.pipes[1]].decode(errors="replace").splitlines()[-50:]
            text = "\n".join(printed)
            return {"failure": Failure.PROCESS_ENDED, "exit_code": self.ended, "output": text}
        if time.monotonic() > self.deadline:  # not even its own watch could answer
            return {"failure": Failure.WAITING, "modules": [], "traceback": ""}
        return None

    def close(self) -> None:
        """End the process, if it has not ended."""
        if self.ended is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for pipe in self.pipes:
            os.close(pipe)


def exit_code(status: int) -> int:
    """As a shell writes it: 128 and the signal for a process that a signal ended."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def start(entrypoint: str, seconds: float) -> Child:
    """Fork a process that loads one flow, answers and ends."""
    answer_from, answer_to = os.pipe()
    output_from, output_to = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(output_to, 1)
            os.dup2(output_to, 2)
            with watch(seconds, lambda: reply(answer_to, [describe_waiting()])):
                answer = load(entrypoint)
            reply(answer_to, [answer])
        except BaseException:  # noqa: BLE001 - the process must end here in any case
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(answer_to)
    os.close(output_to)
    pipes = [answer_from, output_from]
    for pipe in pipes:
        os.set_blocking(pipe, False)
    late = time.monotonic() + seconds + min(1.0, seconds * 0.1)
    return Child(entrypoint, pid, pipes, late, dict.fromkeys(pipes, b""))


def load_each(
    entrypoints: list[str], seconds: float, write: Callable[[str, dict[str, Any]], None]
) -> None:
    """Load each flow in a process of its own, a few at a time, and write the answers."""
    pending, running, waited = list(entrypoints), list[Child](), 0
    most = min(MOST_AT_ONCE, os.cpu_count() or 1)
    while pending or running:
        while pending and len(running) < most and waited < MOST_WAITING:
            running.append(start(pending.pop(0), seconds))
        if not running:
            break
        listen(running)
        for child in list(running):
            answer = child.outcome()
            if answer is not None:
                waited += answer.get("failure") == Failure.WAITING
                child.close()
                running.remove(child)
                write(child.entrypoint, answer)
    for entrypoint in pending:
        write(entrypoint, {"failure": Failure.NOT_TRIED})


def listen(children: list[Child]) -> None:
    """Wait for something to read, or a little, and read it."""
    pipes = {pipe: child for child in children for pipe in child.pipes}
    ready = select.select(list(pipes), [], [], 0.05)[0]
    received = [pipes[pipe].receive(pipe) for pipe in ready]
    if ready and not any(received):  # a pipe at its end is always ready
        time.sleep(0.005)


class watch:
    """While the block runs: call `late` if it takes longer than `seconds`."""

    def __init__(self, seconds: float, late: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, late)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if threading.current_thread() is not self._timer:
            self._timer.join()  # a process with threads is not to be forked


def reply(stream: int, answers: list[dict[str, Any]]) -> None:
    """Write the answers and end the process."""
    with suppress(OSError, ValueError):  # the flow may have closed it
        sys.stdout.flush()
    text = "".join(json.dumps(answer, default=str) + "\n" for answer in answers)
    with os.fdopen(stream, "w") as file:
        file.write(text)
    # A thread that the flow started while it was imported must not keep the process running.
    os._exit(0)


def main() -> None:
    """Write the answers to the real stdout, and send the flows' own output to stderr."""
    folder, seconds, *entrypoints = sys.argv[1:]
    answer_to = os.dup(1)
    # The ENTRYPOINT may have left a line open, so the marker starts on a new one.
    os.write(answer_to, f"\n{STARTED}\n".encode())
    os.dup2(2, 1)
    # A run does not have this file's folder on its path, and has these arguments.
    if sys.path and sys.path[0] == str(Path(__file__).parent):
        del sys.path[0]
    sys.argv[:] = ["prefect", "flow-run", "execute"]

    def late() -> None:
        reply(answer_to, [{"entrypoint": each, **describe_waiting()} for each in entrypoints])

    with watch(float(seconds), late):
        known = prepare(folder, entrypoints)
    with os.fdopen(os.dup(answer_to), "w") as answers:

        def write(entrypoint: str, answer: dict[str, Any]) -> None:
            answers.write(json.dumps({"entrypoint": entrypoint, **answer}, default=str) + "\n")
            answers.flush()

        for entrypoint, answer in known.items():
            write(entrypoint, answer)
        load_each([each for each in entrypoints if each not in known], float(seconds), write)
    reply(answer_to, [])


if __name__ == "__main__":
    main()
