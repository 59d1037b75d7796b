"""Explains the exceptions that a flow file raises while it is imported in the image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from flowship.config.settings import FLOWS_DIR
from flowship.errors import BuildError
from flowship.probe import known_causes
from flowship.probe.explanations import DISTRIBUTIONS, Explanation
from flowship.probe.result import Project

NETWORK_EXCEPTIONS = {
    "gaierror",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionError",
    "ConnectionRefusedError",
    "NameResolutionError",
    "NewConnectionError",
    "MaxRetryError",
    "URLError",
    "TransportError",
}
"""Exception types of the standard library and of common HTTP clients without network."""

DATABASE_EXCEPTIONS = {
    "AutoReconnect",
    "EndpointConnectionError",
    "InterfaceError",
    "OperationalError",
    "ServerSelectionTimeoutError",
}
"""Exception types of clients of databases and clouds if they do not reach their server."""

WAITS = ("socket", "ssl", "selectors", "urllib", "http.client", "httpcore", "httpx", "urllib3",
         "requests", "psycopg", "pymongo", "redis", "sqlalchemy", "botocore", "google.auth",
         "grpc", "prefect.client", "prefect.server")  # fmt: skip
"""Modules that wait for a server."""

PROBE_NETWORK = (
    "move that line into the flow function; or let the probe reach the server: [probe]"
    " network = true"
)
PROBE_API = f"{PROBE_NETWORK} and env = {{ PREFECT_API_URL = … }}"


def explain(answer: Mapping[str, Any], project: Project) -> BuildError:
    """The error for an exception in the flow file, or in a module that it imports."""
    code, message, hint = _explanation(answer, project)
    return BuildError(
        message, code=code, hint=hint, where=_place(answer), details=answer["traceback"]
    )


def called(answer: Mapping[str, Any], project: Project) -> BuildError:
    """The error for a file that calls a flow while it is imported."""
    return BuildError(
        f"the file calls {answer['call']} while it is imported: each run imports the file, and"
        " would start one more",
        code="flow-called-during-import",
        hint='move the call below `if __name__ == "__main__":` at the end of the file',
        where=_place(answer),
    )


def waiting(answer: Mapping[str, Any], project: Project) -> BuildError:
    """The error for a file whose import does not end in time."""
    modules = answer["modules"]
    on_prefect = any(m.startswith(("prefect.client", "prefect.server")) for m in modules)
    on_server = any(f"{m}.".startswith(f"{w}.") for m in modules for w in WAITS)
    hint = "move long work from the top of the file into the flow function, or raise timeout in"
    return BuildError(
        f"the flow did not load within {project.timeout} s: it still waits "
        + (
            "for the Prefect API"
            if on_prefect
            else "for a server"
            if on_server
            else "here"
            if answer.get("file")
            else "for imports"
        ),
        code="probe-timed-out",
        hint=PROBE_API if on_prefect else PROBE_NETWORK if on_server else f"{hint} [probe]",
        where=_place(answer),
        details=answer["traceback"],
    )


def _explanation(answer: Mapping[str, Any], project: Project) -> Explanation:
    requirements = project.requirements or "docker-requirements.txt"
    kind, message = answer["type"], str(answer["message"])
    known = known_causes.find(answer, requirements)
    if known:
        return known
    if kind == "ModuleNotFoundError" and answer.get("module"):
        return _module_missing(answer["module"], answer["found"], project)
    if kind in ("SyntaxError", "IndentationError", "TabError"):
        hint = (
            "fix that line; the project runs on the image's Python, which may be older than yours"
        )
        return Explanation(
            code="flow-syntax-error", message=f"{kind}: {message.split(' (')[0]}", hint=hint
        )
    if "attempted relative import" in message:
        return _relative_import(answer, project)
    return (
        _server(answer)
        or _variables(answer, project)
        or _only_in_a_run(answer)
        or _file(answer, project)
        or Explanation(
            code="flow-import-failed",
            message=f"the flow does not load: {kind}: {message}",
            hint="each run would fail there too: correct that line, or move it into the flow"
            " function if it needs what only a run has",
        )
    )


def _server(answer: Mapping[str, Any]) -> Explanation | None:
    """What needs a server, which the probe's container does not reach."""
    names = set(answer["chain"])
    types = answer.get("types", ())
    if any(m.startswith("prefect.client.") for m in answer.get("modules", ())):
        return Explanation(
            code="network-during-import",
            message="the flow uses the Prefect API while it is imported: it loads a block or a"
            " variable, for example",
            hint=PROBE_API,
        )
    database = names & DATABASE_EXCEPTIONS and not any(t.startswith("sqlite3.") for t in types)
    if not names & NETWORK_EXCEPTIONS and not database:
        return None
    return Explanation(
        code="network-during-import",
        message="the flow uses the network while it is imported",
        hint=PROBE_NETWORK,
    )


def _variables(answer: Mapping[str, Any], project: Project) -> Explanation | None:
    names = answer.get("variables") or _named_by_a_package(answer)
    if not names:
        return None
    several = "variables" if len(names) > 1 else "variable"
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    values = ", ".join(f'{name} = "…"' for name in names)
    secret = all(name in project.secrets for name in names)
    return Explanation(
        code="environment-variable-missing",
        message=f"the flow reads the environment {several} {listed} while it is imported",
        hint="read it inside the flow function: runs get the secret, the build does not; or give"
        f" the build some other text: [probe] env = {{ {values} }}"
        if secret
        else f"read it inside the flow function; or set [probe] env = {{ {values} }} for the build"
        " and [block] env for the runs",
    )


def _named_by_a_package(answer: Mapping[str, Any]) -> list[str]:
    """The variable in the message of environs, python-decouple or starlette."""
    if answer["type"] not in ("EnvError", "UndefinedValueError"):
        return []
    found = re.search(r"\b([A-Z][A-Z0-9_]+)\b", str(answer["message"]))
    return [found[1]] if found else []


def _only_in_a_run(answer: Mapping[str, Any]) -> Explanation | None:
    modules = answer.get("modules", ())
    if "MissingContextError" in answer["chain"]:
        return Explanation(
            code="run-context-missing",
            message="that line needs a flow run, but the file is imported before the run starts",
            hint="move it into the flow or a task; at the top of a file use"
            " logging.getLogger(__name__) in place of get_run_logger()",
        )
    parser = next((m for m in ("argparse", "click", "typer") if _has(modules, m)), "")
    if answer["type"] == "SystemExit" and parser:
        return Explanation(
            code="arguments-read-during-import",
            message=f"the file reads arguments of the command line ({parser}) while it is"
            " imported, and a run has none of yours",
            hint='move that below `if __name__ == "__main__":`, and make the arguments parameters'
            " of the flow",
        )
    return None


def _has(modules: Iterable[str], package: str) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for module in modules)


def _file(answer: Mapping[str, Any], project: Project) -> Explanation | None:
    path = answer.get("path")
    if not path or answer["type"] not in ("FileNotFoundError", "PermissionError"):
        return None
    if answer["type"] == "PermissionError":
        return Explanation(
            code="file-access-denied",
            message=f"the user of the image may not read or write {path}",
            hint="change its owner or mode in the Dockerfile, or use it inside the flow function"
            " in a folder such as /tmp",
        )
    inside = str(PurePosixPath(path)).removeprefix(f"{FLOWS_DIR}/")
    if reason := project.why_left_out(inside):
        hint = f"{inside} was not sent to the engine ({reason}): add !{inside} to .dockerignore"
    elif inside in project.files:
        hint = f"copy it there: COPY {inside} {PurePosixPath(FLOWS_DIR, inside)}"
    else:
        hint = "a file that is read: add it to the project; one that is written: create its"
        hint += " folder first, Path(…).parent.mkdir(parents=True, exist_ok=True)"
    return Explanation(
        code="file-missing-during-import",
        message=f"the file opens {path} while it is imported, which is not in the image",
        hint=hint,
    )


def _place(answer: Mapping[str, Any]) -> str:
    """``file:line:column``, relative to the flows folder if the file is there."""
    if not answer.get("file"):
        return ""
    path = PurePosixPath(answer["file"])
    shown = path.relative_to(FLOWS_DIR) if path.is_relative_to(FLOWS_DIR) else path
    return ":".join(str(p) for p in (shown, answer.get("line"), answer.get("column")) if p)


# --- modules that are missing --------------------------------------------------------------------


def _module_missing(module: str, found: list[str], project: Project) -> Explanation:
    top, _, sibling = module.partition(".")
    if sibling and top == PurePosixPath(project.flow_file).stem:
        # Prefect loads the file as a package of its own: `from .helpers` becomes flow.helpers.
        return Explanation(
            code="module-missing",
            message=f"the flow file's folder has no module {sibling}",
            hint=f"check the line `from .{sibling} import …`",
        )
    return Explanation(
        code="module-missing",
        message=f"the module {module} is not in the image",
        hint=_module_missing_hint(module, found, project),
    )


def _module_missing_hint(module: str, found: list[str], project: Project) -> str:
    top = module.partition(".")[0]
    for path in (f"{top}.py", top, f"src/{top}", f"src/{top}.py"):
        if reason := project.why_left_out(path):
            return f"{path} was not sent to the engine ({reason}): add !{path} to .dockerignore"
    rest = module.removeprefix(f"{top}.")
    if rest != module and any(f.startswith((f"{top}/", f"src/{top}/")) for f in project.files):
        return f"{top} is in the project, but has no module {rest}: check its name"
    if found:
        return (
            f"{found[0]} is in the image, but not on Python's path: imports start at the "
            "project folder, at the flow file's folder or at src/"
        )
    sent = [f for f in project.files if f"/{top}.py" in f"/{f}" or f"/{top}/" in f"/{f}"]
    if sent:
        first = min(sent)
        part = first if first.endswith(f"{top}.py") else first.partition("/")[0]
        return f"the Dockerfile does not copy it: add COPY {part} {PurePosixPath(FLOWS_DIR, part)}"
    name = DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(top, top)
    return f"add {name} to {project.requirements or 'docker-requirements.txt'}"


# --- relative imports ----------------------------------------------------------------------------


def _relative_import(answer: Mapping[str, Any], project: Project) -> Explanation:
    works = _absolute_import(answer, project)
    example = f"`{works}`" if works else "`from lib import …`, not `from ..lib import …`"
    return Explanation(
        code="relative-import-failed",
        message="an import with two dots goes above the flow's folder, but Prefect loads the flow"
        " file on its own, not as part of a package",
        hint=f"write the import from the project folder: {example}",
    )


def _absolute_import(answer: Mapping[str, Any], project: Project) -> str:
    """The same import from the project folder, or from src/; "" if it is not in the traceback."""
    found = re.search(r"from (\.{2,})([\w.]*) import (.+)", str(answer["traceback"]))
    if not found:
        return ""
    dots, module, names = found[1], found[2], found[3].strip()
    path = PurePosixPath(answer.get("file") or "")
    inside = path.is_relative_to(FLOWS_DIR)
    file = path.relative_to(FLOWS_DIR) if inside else PurePosixPath(project.flow_file)
    parts = file.parent.parts[: 1 - len(dots) or None]
    parts = parts[1:] if parts[:1] == ("src",) else parts
    package = ".".join([*parts, *filter(None, [module])])
    return f"from {package} import {names}" if package else f"import {names}"
