"""What the image answered when it was asked for its flow, in the user's terms.

`flowship.probe.script` runs in the image and answers with JSON; here that answer becomes a
`ProbeResult`, or a `BuildError` that a data engineer understands. Pure: no engine.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from flowship.config.settings import FLOWS_DIR
from flowship.errors import BuildError

if TYPE_CHECKING:
    from flowship.project.context import LeftOut

# Import name → the name it is installed under, where people most often trip.
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

NETWORK_FAILURES = {
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
# A block that is loaded while the flow is imported: Prefect then starts a throw-away server,
# which of course does not know the block.
BLOCK_FAILURES = ("Unable to find block document", "Failed to reach API")

# As tini, env and the shells put it.
NO_PYTHON = re.compile(r"python\b.*(not found|No such file)")


@dataclass(frozen=True)
class ProbeResult:
    """What the flow in an image says of itself.

    Attributes:
        flow_name: As Prefect will register it.
        description: The flow's docstring or description, if any.
        parameters: Its OpenAPI parameter schema (title, type, properties, required, …).
        prefect: The image's Prefect version.
        python: The image's Python version.
        entrypoint: What was loaded, relative to the flows folder.
    """

    flow_name: str
    entrypoint: str
    prefect: str
    python: str
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line, keys sorted: stored as a label of the image."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ProbeResult:
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Project:
    """What is needed of the project to explain a failure.

    Attributes:
        entrypoint: Relative to the flows folder.
        requirements: The file that lists the dependencies, or None.
        files: Paths of the project's files that were sent, relative to the project.
        left_out: Path → why it was not sent.
    """

    entrypoint: str
    requirements: str | None = None
    files: frozenset[str] = frozenset()
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)


def interpret(answer: Mapping[str, Any], project: Project) -> ProbeResult:
    """Read the image's answer.

    Raises:
        BuildError: The flow does not load; the message says why and what to do.
    """
    if "flow" in answer:
        return ProbeResult(
            flow_name=answer["flow"]["name"],
            description=answer["flow"]["description"],
            parameters=answer["parameters"],
            prefect=answer["prefect"],
            python=answer["python"],
            entrypoint=project.entrypoint,
        )
    explain = {
        "no-folder": _no_folder,
        "no-file": _no_file,
        "no-prefect": _no_prefect,
        "old-prefect": _old_prefect,
        "no-flow": _no_flow,
        "broken-link": _broken_link,
        "method": _method,
    }.get(answer["failure"], _exception)
    raise explain(answer, project)


def swallowed(entrypoint: Sequence[str], output: str) -> BuildError:
    """The image's own ENTRYPOINT did not run the command that it was given."""
    return BuildError(
        f"the image's ENTRYPOINT {json.dumps(list(entrypoint))} does not run the command it is "
        "given, so every run would crash: the worker starts `prefect flow-run execute` through it",
        hint='take ENTRYPOINT out of the Dockerfile, or let its script end with: exec "$@"',
        details=output,
    )


def crashed(exit_code: int, output: str, *, file: str = "", started: bool = False) -> BuildError:
    """The probe's container ended without an answer.

    Args:
        exit_code: The container's.
        output: What it said.
        file: The flow's.
        started: Whether the script in it had begun: the image is well, its flow is not.
    """
    if exit_code == 137:
        return BuildError(
            "the flow was killed while it was loaded: the engine ran out of memory",
            hint="load large data inside the flow function, not while the file is imported",
            details=output,
        )
    if "executable file not found" in output or (exit_code == 127 and NO_PYTHON.search(output)):
        return BuildError(
            "the image has no `python` on its PATH, so Prefect cannot run there",
            hint="start FROM a Prefect image, or put Python and Prefect into yours",
            details=output,
        )
    if started:
        how = f"by signal {exit_code - 128}" if exit_code > 128 else f"with exit code {exit_code}"
        return BuildError(
            f"the process ended {how} while the flow was loaded, and would in every run",
            hint="something at the top of the file, or in a module that it imports, ends it:"
            " os._exit, or a compiled package that does not fit the image",
            where=file,
            details=output,
        )
    return BuildError(
        f"the image could not be asked for its flow (exit code {exit_code})",
        hint="the lines above are the container's own; `flowship build --no-probe` asks nothing",
        details=output,
    )


def timed_out(seconds: int, output: str) -> BuildError:
    """Loading the flow did not end."""
    return BuildError(
        f"the flow did not load within {seconds} s",
        hint="move long work from the top of the file into the flow function, "
        "or raise timeout in [probe]",
        details=output,
    )


def _no_folder(answer: Mapping[str, Any], project: Project) -> BuildError:
    return BuildError(
        f"the image has no folder {FLOWS_DIR}, where the deployment looks for the flow",
        hint=f"copy the project there: COPY . {FLOWS_DIR}/",
        details=_landed(answer),
    )


def _no_file(answer: Mapping[str, Any], project: Project) -> BuildError:
    file = project.entrypoint.rpartition(":")[0]
    hint = f"copy it there: COPY {file} {PurePosixPath(FLOWS_DIR, file)}"
    reason = _why_left_out(file, project)
    close = difflib.get_close_matches(file, sorted(project.files), n=1)
    if reason:
        hint = f"{file} was not sent ({reason}): take it back with !{file} in .dockerignore"
    elif file not in project.files and close:
        hint = f'did you mean entrypoint = "{close[0]}:{project.entrypoint.rpartition(":")[2]}"?'
    elif file not in project.files:
        hint = f"there is no {file} in the project folder: mend the entrypoint"
    details = _landed(answer) or f"{FLOWS_DIR} holds: {', '.join(answer['listing']) or 'nothing'}"
    return BuildError(
        f"the flow's file is not in the image at {PurePosixPath(FLOWS_DIR, file)}",
        hint=hint,
        details=details,
    )


def _broken_link(answer: Mapping[str, Any], project: Project) -> BuildError:
    link, target = answer["link"], answer["target"]
    return BuildError(
        f"{link} is a link to {target}, which is not in the image: links are sent as links",
        hint=f"put the file itself into the project in the place of {link}, "
        "or see that what it points at is sent too",
        where=link,
    )


def _method(answer: Mapping[str, Any], project: Project) -> BuildError:
    file, _, function = project.entrypoint.rpartition(":")
    return BuildError(
        f"{function} is a method that needs an instance: every run would fail for want of `self`",
        hint="make it a static or class method, or a function of the file",
        where=file,
    )


def _landed(answer: Mapping[str, Any]) -> str:
    found = answer.get("found") or ()
    return "\n".join(["a file of that name is at:", *(f"  {path}" for path in found)] * bool(found))


def _no_prefect(answer: Mapping[str, Any], project: Project) -> BuildError:
    version = answer.get("version", "")
    if version:
        major = version.split(".")[0]
        return BuildError(
            f"Prefect {version} is in the image and cannot be imported",
            hint="flowship deploys to Prefect 3: mend what the requirements pin prefect to"
            if major != "3"
            else "the requirements put packages beside it that it does not work with: loosen them",
            details=answer["traceback"],
        )
    return BuildError(
        "Prefect cannot be imported in the image",
        hint="start FROM a Prefect image, or add prefect to the requirements",
        details=answer["traceback"],
    )


def _old_prefect(answer: Mapping[str, Any], project: Project) -> BuildError:
    return BuildError(
        f"the image holds Prefect {answer['prefect']}; flowship deploys to Prefect 3",
        hint="use a base image with Prefect 3, and mind the requirements that pin prefect",
    )


def _no_flow(answer: Mapping[str, Any], project: Project) -> BuildError:
    file, _, function = project.entrypoint.rpartition(":")
    flows = answer["flows"]
    close = difflib.get_close_matches(function, flows, n=1, cutoff=0.5)
    if function in flows:
        hint = f"{function} is not what @flow returned: is the name assigned again below?"
    elif not close and flows:
        hint = f'name one of them, for instance entrypoint = "{file}:{flows[0]}"'
    elif close:
        hint = f'did you mean entrypoint = "{file}:{close[0]}"?'
    else:
        hint = f"decorate the function in {file} with @flow (from prefect import flow)"
    return BuildError(
        f"{file} has no flow called {function}",
        hint=hint,
        where=file,
        details="flows in that file: " + ", ".join(flows) if flows else "",
    )


def _exception(answer: Mapping[str, Any], project: Project) -> BuildError:
    where = _place(answer)
    if answer["type"] == "ModuleNotFoundError" and answer.get("module"):
        message, hint = _missing_module(answer["module"], answer["found"], project)
    elif answer["type"] in ("SyntaxError", "IndentationError", "TabError"):
        message = f"{answer['type']}: {answer['message'].split(' (')[0]}"
        hint = "mend that line; the project runs on the image's Python, maybe not on yours"
    elif "attempted relative import" in str(answer["message"]):
        message = (
            "an import with two dots reaches above the flow's folder, and Prefect loads the flow's"
            " file by itself, not as a part of a package"
        )
        hint = _absolute_import(answer, project)
    elif _is_network(answer):
        message = "the flow reaches for the network, or loads a block, while it is imported"
        hint = (
            "move that line into the flow function; or set network = true in [probe], "
            "with env = { PREFECT_API_URL = … } for a block"
        )
    elif _lacks_variable(answer):
        message = f"the flow reads the environment variable {answer['message']} while imported"
        hint = (
            "read it within the flow function; or set it in [probe] env for the build, "
            "and in [block] env for the runs"
        )
    else:
        message = f"the flow does not load: {answer['type']}: {answer['message']}"
        hint = "the traceback above is the container's own"
    return BuildError(message, hint=hint, where=where, details=answer["traceback"])


def _absolute_import(answer: Mapping[str, Any], project: Project) -> str:
    """The same import as it works: from the project's folder on, or from src/."""
    found = re.search(r"from (\.{2,})([\w.]*) import (.+)", str(answer["traceback"]))
    path = PurePosixPath(answer.get("file") or "")
    inside = path.is_relative_to(FLOWS_DIR)
    file = path.relative_to(FLOWS_DIR) if inside else project.entrypoint.rpartition(":")[0]
    folder = PurePosixPath(file).parent
    if not found:
        return "imports start at the project folder: `from lib import …`, not `from ..lib import …`"
    parts = [p for p in folder.parts if p != "."][: 1 - len(found[1]) or None]
    parts = parts[1:] if parts[:1] == ["src"] else parts
    module = ".".join([*parts, *filter(None, [found[2]])])
    names = found[3].strip()
    return (
        f"imports start at the project folder: `from {module} import {names}`"
        if module
        else (f"imports start at the project folder: `import {names}`")
    )


def _is_network(answer: Mapping[str, Any]) -> bool:
    return bool(NETWORK_FAILURES & set(answer["chain"])) or any(
        text in answer["traceback"] for text in BLOCK_FAILURES
    )


def _lacks_variable(answer: Mapping[str, Any]) -> bool:
    return answer["type"] == "KeyError" and "os.environ" in str(answer["traceback"])


def _missing_module(module: str, found: Sequence[str], project: Project) -> tuple[str, str]:
    top = module.split(".")[0]
    message = f"the module {module} is not in the image"
    if top == PurePosixPath(project.entrypoint.rpartition(":")[0]).stem and "." in module:
        # Prefect loads the file as a package of its own: `from .helpers` is flow.helpers.
        sibling = module.partition(".")[2]
        return (
            f"there is no {sibling} beside the flow's file",
            f"is `from .{sibling} import` right?",
        )
    for path in (f"{top}.py", top, f"src/{top}", f"src/{top}.py"):
        reason = _why_left_out(path, project)
        if reason:
            return message, f"{path} was not sent ({reason}): take it back in .dockerignore"
    if found:
        return message, (
            f"{found[0]} is in the image, but not where Python looks: imports start at the "
            "project folder, the flow file's folder and src/"
        )
    sent = [f for f in project.files if f"/{top}.py" in f"/{f}" or f"/{top}/" in f"/{f}"]
    if sent:
        part = min(sent) if min(sent).endswith(f"{top}.py") else min(sent).partition("/")[0]
        return message, f"no COPY brings it there: COPY {part} {PurePosixPath(FLOWS_DIR, part)}"
    name = DISTRIBUTIONS.get(module) or DISTRIBUTIONS.get(top, top)
    return message, f"add {name} to {project.requirements or 'docker-requirements.txt'}"


def _why_left_out(path: str, project: Project) -> LeftOut | None:
    parts = path.split("/")
    for count in range(len(parts), 0, -1):
        if reason := project.left_out.get("/".join(parts[:count])):
            return reason
    return None


def _place(answer: Mapping[str, Any]) -> str:
    if not answer.get("file"):
        return ""
    path = PurePosixPath(answer["file"])
    shown = path.relative_to(FLOWS_DIR) if path.is_relative_to(FLOWS_DIR) else path
    return ":".join(str(p) for p in (shown, answer.get("line"), answer.get("column")) if p)
