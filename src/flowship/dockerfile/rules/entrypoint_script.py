"""Rule `entrypoint` for the script that an ENTRYPOINT starts: its file shows whether it can start.

The messages of the engine name something else: "no such file or directory" for a script with
Windows line endings, although the script is there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from flowship.dockerfile.commands import command_of
from flowship.dockerfile.paths import join
from flowship.dockerfile.placement import find_file
from flowship.dockerfile.rules.findings import View
from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.project.entry import Entry

_HEAD = 65_536  # bytes
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class ScriptProblem(NamedTuple):
    """Why a script cannot start, and what to do."""

    reason: str
    help: str


def script_problem(view: View, words: Sequence[str], *, by_shell: bool) -> ScriptProblem | None:
    """What keeps the script `words[0]` from starting, if its file shows it.

    Args:
        view: The Dockerfile and the files of the project.
        words: The program of the ENTRYPOINT and its arguments.
        by_shell: Whether a shell reads the script. Otherwise the kernel starts it.
    """
    entry = _file(view, words[0]) if words else None
    if entry is None:
        return None
    try:
        head = entry.read(_HEAD)
    except (OSError, ConfigError):
        return None  # the build reports it
    if not head or b"\0" in head:
        return None
    path, first = view.in_project(entry.path), head.partition(b"\n")[0]
    script = head.startswith(b"#!")
    crlf = b"\r\n" in head if by_shell else script and first.endswith(b"\r")
    if crlf and not _mentions(view, "dos2unix", "\\r"):
        return ScriptProblem(
            f"{path} has Windows line endings (CRLF), so that it cannot start",
            f'save it with Unix line endings (LF), and add "{path} text eol=lf" to .gitattributes',
        )
    if by_shell:
        return None
    if not script:
        return ScriptProblem(
            f'{path} does not start with "#!", so that the kernel cannot start it',
            "start it with #!/bin/sh",
        )
    if not entry.mode & 0o111 and not _mentions(view, "chmod"):
        return ScriptProblem(
            f"{path} is not executable",
            f"run: chmod +x {path} (in git: git update-index --chmod=+x {path}), or add"
            " RUN chmod +x below its COPY",
        )
    return None


def _file(view: View, program: str) -> Entry | None:
    """The file of the project that is copied to the path of `program`, if that is certain."""
    if view.index is None or view.facts.context is None or "$" in program:
        return None
    workdir = view.trace.stages[-1].workdir.path
    if program.startswith("/"):
        paths = [program]
    elif "/" in program:
        paths = [join(workdir, program)] if workdir else []
    else:
        paths = [posixpath.join(folder, program) for folder in _PATH]
    for path in paths:
        found = find_file(posixpath.normpath(path), None, view.trace, view.index).found
        if found:
            return next((e for e in view.facts.context.entries if e.path == found), None)
    return None


def _mentions(view: View, *words: str) -> bool:
    """Whether a command or a flag of the final image may change the file after it is copied."""
    for stage in view.trace.final_lineage:
        for step in stage.steps:
            instruction = step.instruction
            text = command_of(step) if instruction.keyword == "RUN" else ""
            flags = " ".join(instruction.flag_names)
            if any(word in text or word in flags for word in words):
                return True
    return False
