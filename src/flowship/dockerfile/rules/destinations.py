"""Rules `relative-destination`, `unresolved-destination` and `relative-workdir`: where COPY, ADD
and WORKDIR really lead, where they were probably meant to, and the fix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from flowship.dockerfile.copies import Destination, destination
from flowship.dockerfile.instructions import Word
from flowship.dockerfile.rules.findings import Edit, Finding, View, span, unquoted
from flowship.dockerfile.stages import Step, clean, join

# Folders at the root of every Linux system under which people put their files. Left out on
# purpose are bin, lib, dev and the like: as a COPY's destination they are a project's own.
_ROOT_FOLDERS = frozenset({"etc", "home", "mnt", "opt", "root", "run", "srv", "tmp", "usr", "var"})


def destinations(view: View) -> Iterator[Finding]:
    """The destinations of COPY and ADD that are not absolute, or may not be."""
    for step in view.copies():
        where = destination(step)
        if where.value.fault or where.absolute:
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
        f"begin the destination with a slash, or {advice}",
        step=step,
    )


def _why_unresolved(view: View, step: Step, name: str) -> tuple[str, str]:
    """What hides the value of the variable that a destination begins with, and what shows it."""
    if step.env.get(name) is not None:
        return (
            f"${name} is set, but what a pattern leaves of it is not followed here, and older"
            " builders refuse it",
            "write the value without the pattern",
        )
    if name in view.trace.arguments and name not in step.env:
        return (
            f"${name} is set before FROM, which its stages do not see",
            f'take it over with "ARG {name}" below FROM',
        )
    return (
        f"${name} is not set to a value that can be told from this file",
        f'give the variable a default: "ARG {name}=/…"',
    )


def _relative(view: View, step: Step, where: Destination) -> Iterator[Finding]:
    written = unquoted(where.word.raw)
    meant = likely_meant(where.value.text, step.workdir.path)
    resolved = "" if where.value.simple else f' (that is "{where.value.text}")'
    later = "in an image built on this one, " if step.stored else ""
    if where.value.known and where.path is not None:
        verb = "lands in" if where.path.endswith("/") else "lands at"
        message = (
            f'"{written}"{resolved} is relative: {later}it {verb} {where.path}, because the working'
            f" directory is {step.workdir.path} (from {step.workdir.origin})"
        )
    elif step.workdir.path is not None:
        message = (
            f'"{written}" is relative: {later}it lands below {step.workdir.path}, the working'
            f" directory (from {step.workdir.origin})"
        )
    else:
        message = (
            f'"{written}"{resolved} is relative: {later}it lands below the working directory of'
            f" {step.workdir.origin}, which cannot be told without the image"
        )
    edit = _absolute_edit(where, meant, view.text)
    unclear = _unclear_workdir(step)
    kept = meant and where.path and meant.rstrip("/") == where.path.rstrip("/")
    if unclear and kept:  # the fix would write the doubtful folder out
        line = view.lines.place(unclear.instruction.start, unclear.instruction.end)[0]
        help = f"mend the WORKDIR on line {line} first: this destination hangs on it"
        yield from view.finding("relative-destination", span(where.word), message, help, step=step)
        return
    help = (
        f'write "{_preview(where, edit)}"'
        if edit
        else "begin the destination with a slash: the full path in the image"
    )
    yield from view.finding(
        "relative-destination", span(where.word), message, help, edit=edit, step=step
    )


def likely_meant(path: str, workdir: str | None) -> str | None:
    """The absolute path that was probably meant; None when nothing tells.

    A leading slash, where the path then begins with the working directory or a standard root
    folder; else the path as the working directory resolves it.
    """
    if re.match(r"[A-Za-z]:|\\", path):
        return None  # meant for Windows
    bare = re.sub(r"\A(\./+)+", "", path)
    slashed = f"/{bare}"
    folder = (workdir or "").rstrip("/")
    if bare.partition("/")[0] in _ROOT_FOLDERS or (
        folder and (slashed == folder or slashed.startswith(f"{folder}/"))
    ):
        meant: str | None = slashed
    else:
        meant = None if workdir is None else join(workdir, path)
    # Whoever ends with a dot means the folder; the builder takes flows/. for a file's name.
    dotted = path.rpartition("/")[2] in {".", ".."}
    if meant and dotted and meant.startswith("/"):
        return clean(meant).rstrip("/") + "/"
    return meant


def _absolute_edit(where: Destination, meant: str | None, text: str) -> Edit | None:
    """The fix: the whole word where it is plain, else what is missing in front of it."""
    word, value = where.word, where.value
    if meant is None:
        return None
    start, end = span(word)
    raw = unquoted(word.raw)
    if not word.quoted and raw != word.raw:
        start, end = start + 1, end - 1
    if text[start:end] == raw == value.text:
        replacement = json.dumps(meant, ensure_ascii=False)[1:-1] if word.quoted else meant
        return Edit(start, end, replacement) if _is_safe(replacement, word) else None
    if not meant.endswith(value.text):
        return None  # "." and ".." behind a variable or within quotes
    prefix = meant[: len(meant) - len(value.text)]
    if prefix != "/" and word.raw.lstrip("\"'").startswith("$"):
        return None  # another value of the variable may be absolute
    if not word.quoted and raw == word.raw and raw[:1] in {'"', "'"}:
        start += 1
    written = json.dumps(prefix, ensure_ascii=False)[1:-1] if word.quoted else prefix
    return Edit(start, start, written) if _is_safe(written, word) else None


def _is_safe(replacement: str, word: Word) -> bool:
    """Whether text means itself in a Dockerfile word."""
    if "$" in replacement and "$" not in word.raw:
        return False
    return word.quoted or not re.search(r"[\s\"'`\\]", replacement)


def _preview(where: Destination, edit: Edit | None) -> str:
    """The destination as the fix leaves it."""
    if edit is None:
        return where.word.raw
    if edit.end > edit.start:
        return edit.replacement
    return edit.replacement + unquoted(where.word.raw)


# --- working directories ---------------------------------------------------------------------


def workdirs(view: View) -> Iterator[Finding]:
    """The WORKDIRs that are not absolute."""
    for step in view.trace.steps:
        if step.instruction.keyword != "WORKDIR" or not step.instruction.words:
            continue
        word = step.instruction.words[0]
        value = step.expand(word)
        if not value.known or step.is_absolute(value):
            continue
        yield from _relative_workdir(view, step, word, value.text)


def _both_meanings(before: str, path: str) -> tuple[str, str]:
    """Where a relative WORKDIR leads, and where it was probably meant to."""
    resolved = join(before, path).rstrip("/") or "/"
    return resolved, (likely_meant(path, before) or resolved).rstrip("/") or "/"


def _unclear_workdir(step: Step) -> Step | None:
    """The WORKDIR above `step` that may have meant another place, unless that is allowed."""
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
            resolved, meant = _both_meanings(before, value.text)
            allowed = "relative-workdir" in other.instruction.allowed
            unclear = other if resolved != meant and not allowed else unclear
    return unclear


def _relative_workdir(view: View, step: Step, word: Word, path: str) -> Iterator[Finding]:
    """Only clear cases get a fix, and it keeps the meaning: later COPYs depend on it."""
    before = step.workdir.path
    if before is None:
        yield from view.finding(
            "relative-workdir",
            span(word),
            f'"{word.raw}" is relative to the working directory of {step.workdir.origin}, which'
            " cannot be told without the image",
            "write the full path, beginning with a slash",
            severity="error",
            step=step,
        )
        return
    resolved, meant = _both_meanings(before, path)
    message = f'"{word.raw}" is relative: the working directory becomes {resolved}'
    if meant != resolved:
        yield from view.finding(
            "relative-workdir",
            span(word),
            f"{message}, while {meant} was probably meant",
            f'write "{meant}", or "{resolved}" if that is what you want',
            severity="error",
            step=step,
        )
        return
    plain = word.raw == path == view.text[word.start : word.end]
    safe = plain and not re.search(r"[\"'`\\$]", resolved)
    edit = Edit(word.start, word.end, resolved) if safe else None
    yield from view.finding(
        "relative-workdir", span(word), message, f'write "{resolved}"', edit=edit, step=step
    )
