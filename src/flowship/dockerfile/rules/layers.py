"""Rules `code-before-dependencies` and `unpinned-base`: slow or unrepeatable builds."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from flowship.dockerfile.bases import PREFECT_VERSION, repository_of
from flowship.dockerfile.commands import command_of
from flowship.dockerfile.copies import Index, Source, SourceKind, destination, sources
from flowship.dockerfile.paths import clean, is_within, join
from flowship.dockerfile.rules.findings import Finding, View, from_step, span
from flowship.dockerfile.stages import Step

_INSTALLS = re.compile(
    r"(?:\bpip3?\s+(?:--?\S+\s+)*install\b|\buv\s+(?:pip\s+install|pip\s+sync|sync)\b"
    r"|\bpoetry\s+install\b|\bpipenv\s+(?:install|sync)\b|\b(?:conda|mamba|micromamba)\s+(?:env\s+)?"
    r"(?:install|create|update)\b|\bapt(?:-get)?\s+(?:-\S+\s+)*install\b|\bapk\s+add\b"
    r"|\b(?:yum|dnf|microdnf)\s+(?:-\S+\s+)*install\b|\bnpm\s+(?:ci|install)\b)[^&;|\n]*"
)
_PROJECT_TOOL = re.compile(r"\b(?P<tool>uv|poetry|pdm|pipenv)\s+(?:install|sync)\b")
_DEPENDENCY_FILES = re.compile(
    r"(?i)(\.(txt|in|lock|toml|cfg|ya?ml|json|pem|crt|cer|conf|ini|whl|deb|list|sources|gpg|asc"
    r"|rpm|sh|npmrc|md|rst)|Pipfile|setup\.py|\.python-version|LICENSE)\Z"
)
_ARCHIVE = re.compile(r"\.(whl|zip|tar(\.\w+)?|tgz)\Z")
_DEPENDENCY_FOLDERS = {"requirements", "wheels", "wheelhouse", "certs", "vendor", "packages"}
# A folder to install from, and the options whose value is some other path.
_FOLDER = re.compile(
    r"(?:^|\s)(?:-e\s*|--editable[ =])?[\"']?(?:file://)?(?P<path>\.{1,2}(?=[\s\"'\[]|\Z)|\.{0,2}/[^\s\"'\[*]*)"
    r"(?:\[[\w,-]+\])?[\"']?(?=\s|\Z)"
)
_OTHER_PATH = re.compile(
    r"\s(?:-[tcfi]|--(?:target|prefix|root|src|cache-dir|constraints?|find-links|project|directory"
    r"|python|log))[ =]\S+"
)


def code_before_dependencies(view: View) -> Iterator[Finding]:
    """Find the first command of each stage that installs dependencies after the code is copied."""
    copied_code: dict[int, Step | None] = {}
    installed: dict[int, frozenset[str]] = {}
    for stage in view.trace.stages:
        code = copied_code[stage.parent.index] if stage.parent else None
        # The tools that have installed the dependencies before the code is copied.
        prepared = installed[stage.parent.index] if stage.parent else frozenset()
        reported = False
        for step in (s for s in stage.steps if not s.stored):
            keyword = step.instruction.keyword
            if keyword in {"COPY", "ADD"} and code is None and _copies_code(view, step):
                code = step
            if keyword == "RUN" and code is None:
                prepared |= {found["tool"] for found in _PROJECT_TOOL.finditer(command_of(step))}
            if keyword == "RUN" and code is not None and not reported:
                installing = _installing(step, code, prepared)
                if installing:
                    reported = True
                    yield from _reinstalls(view, step, code, installing)
        copied_code[stage.index] = code
        installed[stage.index] = prepared


def _installing(step: Step, code: Step, prepared: frozenset[str]) -> tuple[int, int] | None:
    """The position of a command that installs dependencies, not just the project itself.

    A tool that has installed the dependencies before, such as ``uv sync --no-install-project``,
    adds only the project now.
    """
    text = command_of(step)
    for found in _INSTALLS.finditer(text):
        tool = _PROJECT_TOOL.match(found[0])
        if tool and tool["tool"] in prepared:
            continue
        listed = re.search(r"\s(-r|--requirements?)\b", found[0])
        if not listed and _names_project(found[0], step, code):
            continue
        rest = step.instruction.rest
        if text == rest.text:
            part = rest.part(found.start(), found.start() + len(found[0].rstrip()))
            return part.start, part.end
        return rest.start, rest.end
    return None


def _names_project(command: str, step: Step, code: Step) -> bool:
    """Whether `command` installs a folder of the project: one that `code` copied."""
    copied = destination(code).path
    for found in _FOLDER.finditer(_OTHER_PATH.sub("", command)):
        named = found["path"]
        if named.rstrip("/") in {".", ".."}:
            return True
        if copied is None or step.workdir.path is None or _ARCHIVE.search(named):
            continue
        path, code_folder = clean(join(step.workdir.path, named)), clean(copied)
        if path != "/" and (is_within(path, code_folder) or is_within(code_folder, path)):
            return True
    return False


def _copies_code(view: View, step: Step) -> bool:
    if "from" in step.instruction.flag_names or len(step.instruction.words) < 2:
        return False
    return any(
        _is_code(view.index, source)
        for source in sources(step)
        if source.kind is SourceKind.CONTEXT and source.value.known
    )


def _is_code(index: Index | None, source: Source) -> bool:
    name = posixpath.basename(source.path)
    if name.endswith(".py"):
        return name != "setup.py"
    if index is not None and not source.is_glob:
        if source.path in index.files:
            return False
        return any(file.endswith(".py") for file in index.below(source.path))
    if source.is_glob:  # uv.lock* is the usual way to copy a file that may be missing
        return name.endswith("*") and not _DEPENDENCY_FILES.search(name.rstrip("*"))
    if source.path == "":
        return True
    return "." not in name.lstrip(".") and (
        not _DEPENDENCY_FILES.search(name) and name not in _DEPENDENCY_FOLDERS
    )


def _reinstalls(view: View, step: Step, code: Step, place: tuple[int, int]) -> Iterator[Finding]:
    line = view.lines.place(code.instruction.start, code.instruction.start)[0]
    yield from view.finding(
        "code-before-dependencies",
        place,
        f"this runs again after every code change, because {code.instruction.keyword} on line"
        f" {line} copies the code first",
        "copy only the dependency list (requirements.txt), install it, and then copy the code",
        step=step,
    )


def unpinned_bases(view: View) -> Iterator[Finding]:
    """Find base images without a version."""
    for stage in view.trace.stages:
        if stage.parent or not stage.base or stage.origin is None or stage.base == "scratch":
            continue
        image = stage.base
        version = image[len(repository_of(image)) :]
        if "@" in image or (version and version != ":latest"):
            continue
        what = "has no version" if not version else 'uses the tag "latest"'
        word = stage.origin.words[0]
        yield from view.finding(
            "unpinned-base",
            span(word),
            f"{image} {what}: the next build may use a different image",
            f"pin a version, for example {repository_of(image)}:{_example_tag(image)}",
            step=from_step(stage),
        )


def _example_tag(image: str) -> str:
    name = repository_of(image)
    if name.endswith("prefecthq/prefect"):
        return f"{PREFECT_VERSION}-python3.11"
    return "3.11-slim" if name.rpartition("/")[2] == "python" else "1.0"
