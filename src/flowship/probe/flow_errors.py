"""Explains the exceptions that a flow file raises while it is imported in the image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from flowship.config.settings import FLOWS_DIR
from flowship.errors import BuildError
from flowship.probe.result import Project

DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "GitPython",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "jwt": "PyJWT",
    "mysql": "mysql-connector-python",
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "snowflake": "snowflake-connector-python",
    "yaml": "PyYAML",
}
"""Import name → the package to install, where the two names often get confused."""

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

BLOCK_MESSAGES = ("Unable to find block document", "Failed to reach API")
"""Prefect's messages if a block is loaded during import: it starts a temporary server, which does
not have the block."""


class Explanation(NamedTuple):
    """The parts of an error that depend on what went wrong."""

    code: str
    message: str
    hint: str


def explain(answer: Mapping[str, Any], project: Project) -> BuildError:
    """The error for an exception in the flow file, or in a module that it imports."""
    code, message, hint = _explanation(answer, project)
    return BuildError(
        message, code=code, hint=hint, where=_place(answer), details=answer["traceback"]
    )


def _explanation(answer: Mapping[str, Any], project: Project) -> Explanation:
    kind, message = answer["type"], str(answer["message"])
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
    if _is_network(answer):
        return Explanation(
            code="network-during-import",
            message="the flow uses the network or loads a block while it is imported",
            hint="move that line into the flow function; or set network = true in [probe], "
            "with env = { PREFECT_API_URL = … } for a block",
        )
    if kind == "KeyError" and "os.environ" in str(answer["traceback"]):
        return Explanation(
            code="environment-variable-missing",
            message=f"the flow reads the environment variable {message} while it is imported",
            hint="read it inside the flow function; or set it in [probe] env for the build "
            "and in [block] env for the runs",
        )
    return Explanation(
        code="flow-import-failed",
        message=f"the flow does not load: {kind}: {message}",
        hint="the traceback above comes from the container",
    )


def _is_network(answer: Mapping[str, Any]) -> bool:
    return bool(NETWORK_EXCEPTIONS & set(answer["chain"])) or any(
        text in answer["traceback"] for text in BLOCK_MESSAGES
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
