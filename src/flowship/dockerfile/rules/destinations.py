"""Rules `relative-destination`, `unresolved-destination` and `relative-workdir`.

They report where COPY, ADD and WORKDIR really lead, which path was probably intended, and the fix.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator

from flowship.dockerfile.commands import command_of
from flowship.dockerfile.copies import Destination, destination
from flowship.dockerfile.instructions import Word
from flowship.dockerfile.paths import join, join_written
from flowship.dockerfile.rules.findings import Edit, Finding, Severity, View, span, unquoted
from flowship.dockerfile.rules.multiple_sources import needs_slash
from flowship.dockerfile.stages import Step

# Folders at the root of a Linux system that people copy files into. bin, lib, dev and the like are
# missing on purpose: as a COPY destination they are usually folders of the project.
_ROOT_FOLDERS = frozenset({"etc", "home", "mnt", "opt", "root", "run", "srv", "tmp", "usr", "var"})

_DEPENDENCY_LIST = re.compile(r"[\w.-]*(?:requirements|constraints)[\w.-]*\.(?:txt|in)", re.ASCII)


def destinations(view: View) -> Iterator[Finding]:
    """Find COPY and ADD destinations that are relative, or may be."""
    for step in view.copies():
        where = destination(step)
        if where.value.error or where.absolute:
            continue
        if where.absolute is None:
            yield from _unresolved(view, step, where)
        else:
            yield from _relative(view, step, where)


def _unresolved(view: View, step: Step, where: Destination) -> Iterator[Finding]:
    reason, advice = _why_unresolved(view, step, where.value.unknown[0])
    yield from view.finding(
        "unresolved-destination",
        span(where.word),
        f'cannot tell whether "{where.word.raw}" is absolute: {reason}',
        f"start the destination with a slash, or {advice}",
        step=step,
    )


def _why_unresolved(view: View, step: Step, name: str) -> tuple[str, str]:
    """Why the variable that starts a destination has no known value, and what to do."""
    if step.env.get(name) is not None:
        return (
            f"${name} is set, but flowship does not evaluate patterns, and older builders reject"
            " them",
            "write the value without the pattern",
        )
    if name in view.trace.arguments and name not in step.env:
        return (
            f"${name} is set before FROM, where this stage does not see it",
            f'declare it in the stage with "ARG {name}" below FROM',
        )
    return (
        f"${name} has no value in this file",
        f'give the variable a default: "ARG {name}=/…"',
    )


def _relative(view: View, step: Step, where: Destination) -> Iterator[Finding]:
    intended = intended_path(where.value.text, step.workdir.path)
    written = intended_path(where.value.text, view.written_workdir(step))
    edit = _absolute_edit(where, written, view.text, slash=needs_slash(view, step, where))
    kept = bool(intended and where.path and intended.rstrip("/") == where.path.rstrip("/"))
    advice = advice_on_workdir(view, step)
    if advice and kept:  # the fix would make the wrong folder permanent
        help, edit = advice, None
    elif edit:
        help = f'use "{_preview(where, edit)}"'
    else:
        help = "use the full path in the image, starting with a slash"
    message = _relative_message(step, where)
    # "." and "./x" are written on purpose; opt/prefect/flows/ never is.
    reader = _reading(view, step, where)
    if reader:
        line = view.lines.place(reader.instruction.start, reader.instruction.end)[0]
        message += f"; the RUN on line {line} reads it there"
    meant = kept and (where.value.leading.startswith(".") or reader is not None)
    yield from view.finding(
        "relative-destination",
        span(where.word),
        message,
        help,
        severity=Severity.WARNING if meant else Severity.ERROR,
        edit=edit,
        step=step,
    )


def _reading(view: View, step: Step, where: Destination) -> Step | None:
    """The RUN that installs from a list of dependencies where this COPY puts it, with the same
    relative path and working directory: so the file is where it is needed."""
    name = where.value.text
    if not where.value.known or where.path is None or not _DEPENDENCY_LIST.fullmatch(name):
        return None
    named = re.compile(rf"(?:^|\s)-{{1,2}}\w+[ =]?[\"']?{re.escape(name)}(?=[\s\"';&|]|$)")
    for later in view.trace.steps:
        command = command_of(later) if later.instruction.keyword == "RUN" else ""
        if (
            later.stage is step.stage
            and later.stored == step.stored
            and later.instruction.start > step.instruction.start
            and later.workdir.path == step.workdir.path
            and named.search(command)
            and not re.search(r"\bcd\s", command)
        ):
            return later
    return None


def _relative_message(step: Step, where: Destination) -> str:
    expanded = "" if where.value.simple else f' (expands to "{where.value.text}")'
    later = "in an image built from this one, " if step.stored else ""
    start = f'"{unquoted(where.word.raw)}"{expanded} is a relative path: {later}it resolves to'
    workdir = step.workdir
    if where.value.known and where.path is not None:
        reason = f"because the working directory is {workdir.path} (set by {workdir.origin})"
        return f"{start} {where.path}, {reason}"
    if workdir.path is not None:
        reason = f"a path below {workdir.path}, the working directory (set by {workdir.origin})"
        return f"{start} {reason}"
    return f"{start} a path below the working directory of {workdir.origin}, which is unknown"


def intended_path(path: str, workdir: str | None) -> str | None:
    """The absolute path that was probably intended; None if that is unclear.

    A slash is added if the path then starts with a standard root folder or with a working
    directory of several folders: below /app, `app/` usually is the folder app of the project.
    Otherwise, and if it begins with a dot, it is the path as the working directory resolves it.
    """
    if re.match(r"[A-Za-z]:|\\", path):
        return None  # a Windows path
    bare = re.sub(r"\A(\./+)+", "", path)
    slashed = f"/{bare}"
    folder = (workdir or "").rstrip("/")
    forgotten = bare.partition("/")[0] in _ROOT_FOLDERS or (
        folder.count("/") > 1 and (slashed == folder or slashed.startswith(f"{folder}/"))
    )
    if forgotten and not path.startswith("."):
        intended: str | None = slashed
    else:
        intended = join_written(workdir, path)
    # A trailing dot means the folder, but the builder takes flows/. as the name of a file.
    dotted = path.rpartition("/")[2] in {".", ".."}
    if intended and dotted and intended.startswith(("/", "$")):
        return posixpath.normpath(intended).rstrip("/") + "/"
    return intended


def _absolute_edit(
    where: Destination, intended: str | None, text: str, *, slash: bool
) -> Edit | None:
    """The fix: replace the whole word if it is plain, otherwise insert the missing beginning.

    Args:
        where: The destination.
        intended: What it should be.
        text: The Dockerfile.
        slash: Whether it must end with a slash.
    """
    word, value = where.word, where.value
    if intended is None or "<<" in word.raw:  # a here-document: its text would become instructions
        return None
    start, end = span(word)
    raw = unquoted(word.raw)
    if not word.quoted and raw != word.raw:
        start, end = start + 1, end - 1
    if text[start:end] == raw == value.text:
        intended += "/" if slash and not intended.endswith("/") else ""
        replacement = json.dumps(intended, ensure_ascii=False)[1:-1] if word.quoted else intended
        return Edit(start, end, replacement) if _is_safe(replacement, word) else None
    if slash or not intended.endswith(value.text):
        return None  # "." or ".." after a variable or within quotes
    prefix = intended[: len(intended) - len(value.text)]
    if prefix != "/" and word.raw.lstrip("\"'").startswith("$"):
        return None  # another value of the variable may be absolute
    if not word.quoted and raw == word.raw and raw[:1] in {'"', "'"}:
        start += 1
    written = json.dumps(prefix, ensure_ascii=False)[1:-1] if word.quoted else prefix
    return Edit(start, start, written) if _is_safe(written, word) else None


def _is_safe(replacement: str, word: Word) -> bool:
    """Whether the text can be written into the word without quoting."""
    if "$" in replacement and word.raw.startswith("'"):
        return False  # the builder does not expand variables in single quotes
    return word.quoted or not re.search(r"[\s\"'`\\]", replacement)


def _preview(where: Destination, edit: Edit | None) -> str:
    """The destination after the fix."""
    if edit is None:
        return where.word.raw
    if edit.end > edit.start:
        return edit.replacement
    return edit.replacement + unquoted(where.word.raw)


# --- working directories ---------------------------------------------------------------------


def workdirs(view: View) -> Iterator[Finding]:
    """Find relative WORKDIRs."""
    for step in view.trace.steps:
        if step.instruction.keyword != "WORKDIR" or not step.instruction.words:
            continue
        word = step.instruction.words[0]
        value = step.expand(word)
        if not value.known or step.is_absolute(value):
            continue
        yield from _relative_workdir(view, step, word, value.text)


def _resolved_and_intended(before: str, path: str) -> tuple[str, str]:
    """The folder that a relative WORKDIR leads to, and the one that was probably intended."""
    resolved = join(before, path).rstrip("/") or "/"
    return resolved, (intended_path(path, before) or resolved).rstrip("/") or "/"


def advice_on_workdir(view: View, step: Step) -> str:
    """What to fix before the destination of `step`, or ""."""
    unclear = _unclear_workdir(step)
    if unclear is None:
        return ""
    line = view.lines.place(unclear.instruction.start, unclear.instruction.end)[0]
    return f"fix the WORKDIR on line {line} first: this destination depends on it"


def _unclear_workdir(step: Step) -> Step | None:
    """The WORKDIR above `step` that may be wrong, unless the rule is turned off for it."""
    unclear = None
    for other in (s for stage in step.stage.lineage for s in stage.steps):
        if other is step:
            break
        if other.instruction.keyword != "WORKDIR" or not other.instruction.words or other.stored:
            continue
        value = other.expand(other.instruction.words[0])
        before = other.workdir.path
        if other.is_absolute(value):
            unclear = None
        elif before is not None and value.known:
            resolved, intended = _resolved_and_intended(before, value.text)
            ignored = "relative-workdir" in other.instruction.ignored
            unclear = other if resolved != intended and not ignored else unclear
    return unclear


def _relative_workdir(view: View, step: Step, word: Word, path: str) -> Iterator[Finding]:
    """Offer a fix only if the folder is clear: later destinations depend on it."""
    edit, severity = None, Severity.ERROR
    before = step.workdir.path
    if before is None:
        message = (
            f'"{word.raw}" is a relative path: it depends on the working directory of'
            f" {step.workdir.origin}, which is unknown"
        )
        help = "use the full path, starting with a slash"
    else:
        resolved, intended = _resolved_and_intended(before, path)
        message = f'"{word.raw}" is a relative path: the working directory becomes {resolved}'
        help = f'use "{resolved}"'
        if intended != resolved:
            message += f", but {intended} was probably intended"
            help = f'use "{intended}", or "{resolved}" if that is what you want'
        else:
            severity = Severity.WARNING
            written = join_written(view.written_workdir(step), path)
            plain = word.raw == path == view.text[word.start : word.end]
            safe = written and plain and not re.search(r"[\"'`\\]", written)
            if written and safe:
                edit = Edit(word.start, word.end, written.rstrip("/") or "/")
                help = f'use "{edit.replacement}"'
            elif written is None:
                help = "use the full path, starting with a slash"
    yield from view.finding(
        "relative-workdir", span(word), message, help, severity=severity, edit=edit, step=step
    )
