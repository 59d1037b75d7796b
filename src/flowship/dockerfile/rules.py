"""The rules of ``flowship check``: a Dockerfile's text in, findings out.

Pure: no engine, no network, no console. What the check may know of the world comes in as
`Facts`, and each of them may be missing. docs/check.md explains every rule to the user.
"""

from __future__ import annotations

import difflib
import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from flowship.dockerfile.entrypoint import verdict
from flowship.dockerfile.instructions import Lines, Word, pairs, parse
from flowship.dockerfile.landing import (
    Destination,
    Index,
    Source,
    command_of,
    copied,
    described,
    destination,
    go_match,
    look_for,
    sources,
)
from flowship.dockerfile.secrets_scan import secret_in_file, secret_in_variable
from flowship.dockerfile.stages import Stage, Step, Trace, is_absolute, join, repository_of, trace

if TYPE_CHECKING:
    from flowship.context import Context, Entry

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Edit:
    """A replacement of the text between two character offsets."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True)
class Finding:
    """Something wrong, with its place and what to do.

    Attributes:
        rule: Its name, as comments and configuration spell it.
        line: Counted from 1.
        column: Of the first offending character on its line, counted from 1.
        end_column: Of the character behind the offending text, on the same line.
        message: The reason, saying what would really happen.
        help: What to do.
        edit: A safe fix, when there is one.
        source: Who found it.
    """

    rule: str
    severity: Severity
    line: int
    column: int
    end_column: int
    message: str
    help: str
    edit: Edit | None = None
    source: str = "flowship"


@dataclass(frozen=True)
class Facts:
    """What the check knows of the world; every field may be left out.

    Attributes:
        context: The files that would be sent to the engine.
        workdirs: Base image reference → its working directory, as the engine tells it.
        entrypoint: ``flows/taxi.py:etl``, relative to `flows_dir` in the image.
        flows_dir: Where the deployment runs from, in the image.
        build_args: The build's ``--build-arg`` values.
        ignore: Rules that the project allows everywhere.
    """

    context: Context | None = None
    workdirs: Mapping[str, str] = field(default_factory=dict)
    entrypoint: str | None = None
    flows_dir: str = "/opt/prefect/flows"
    build_args: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """A rule's place in the documentation: one line, and how much it usually weighs."""

    summary: str
    severity: Severity


RULES: Mapping[str, Rule] = {
    "relative-destination": Rule(
        "a COPY or ADD destination that is not absolute lands below the working directory", "error"
    ),
    "unresolved-destination": Rule(
        "a COPY or ADD destination begins with a variable that cannot be told", "warning"
    ),
    "flow-not-in-place": Rule(
        "the flow's file does not end up where the deployment looks for it", "error"
    ),
    "missing-source": Rule(
        "a COPY or ADD source is not in the build context, or left out of it", "error"
    ),
    "secret": Rule("a secret is about to enter the image", "error"),
    "code-before-dependencies": Rule(
        "dependencies are installed after the code was copied, so every edit reinstalls them",
        "warning",
    ),
    "relative-workdir": Rule(
        "a WORKDIR that is not absolute; an error when it may have meant another place", "warning"
    ),
    "entrypoint": Rule(
        "an ENTRYPOINT that does not run the command it is given, so that every run crashes",
        "error",
    ),
    "unpinned-base": Rule("a base image without a version", "warning"),
    "syntax": Rule("something that the builder would refuse to read", "error"),
}
"""Every rule by name; ``[check] ignore`` and comments accept exactly these names."""

# Folders at the root of every Linux system under which people put their files. Left out on
# purpose are bin, lib, dev and the like: as a COPY's destination they are a project's own.
_ROOT_FOLDERS = frozenset({"etc", "home", "mnt", "opt", "root", "run", "srv", "tmp", "usr", "var"})


def check(text: str, facts: Facts | None = None) -> list[Finding]:
    """Judge a Dockerfile.

    Args:
        text: The Dockerfile; any text is accepted.
        facts: What is known of the context, the bases and the flow.

    Returns:
        Findings by position. Never raises on account of `text`.
    """
    view = _View.of(text, facts or Facts())
    found: list[Finding] = []
    for rule in (_syntax, _destinations, _workdirs, _missing_sources, _secrets, _variables):
        found += rule(view)
    found += _code_before_dependencies(view)
    found += _unpinned_bases(view)
    found += _entrypoint(view)
    found += _flow_in_place(view, found)
    unique = dict.fromkeys(found)
    return sorted(unique, key=lambda f: (f.line, f.column, f.rule, f.message))


def fix(text: str, findings: Iterable[Finding]) -> str:
    """Apply the edits of `findings`; of two that overlap, the first."""
    edits = {f.edit for f in findings if f.edit is not None}
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end, e.replacement)):
        if edit.start < position or edit.end > len(text):
            continue
        pieces += [text[position : edit.start], edit.replacement]
        position = max(edit.end, edit.start)
    return "".join(pieces) + text[position:]


@dataclass(frozen=True)
class _View:
    """One Dockerfile under examination."""

    text: str
    facts: Facts
    lines: Lines
    trace: Trace
    problems: tuple[tuple[str, str, int, int], ...]
    index: Index | None

    @classmethod
    def of(cls, text: str, facts: Facts) -> _View:
        dockerfile = parse(text)
        walked = trace(dockerfile, workdirs=facts.workdirs, build_args=facts.build_args)
        problems = tuple(
            (p.message, p.help, p.start, p.end) for p in (*dockerfile.problems, *walked.problems)
        )
        index = Index(facts.context) if facts.context is not None else None
        return cls(text, facts, Lines(text), walked, problems, index)

    def copies(self) -> Iterator[Step]:
        """Every COPY and ADD that names a destination."""
        for step in self.trace.steps:
            if step.instruction.keyword in {"COPY", "ADD"} and len(step.instruction.words) >= 2:
                yield step

    def finding(
        self,
        rule: str,
        place: tuple[int, int],
        message: str,
        help: str,
        *,
        severity: Severity | None = None,
        edit: Edit | None = None,
        step: Step | None = None,
    ) -> Iterator[Finding]:
        """The finding, unless the project or a comment allows the rule."""
        allowed = self.facts.ignore | (step.instruction.allowed if step else frozenset())
        if rule not in allowed:
            line, column, end_column = self.lines.place(*place)
            yield Finding(
                rule,
                severity or RULES[rule].severity,
                line,
                column,
                end_column,
                message,
                help,
                edit,
            )


def _span(word: Word) -> tuple[int, int]:
    """The place to underline: in JSON form without the quotes."""
    return (word.start + 1, word.end - 1) if word.quoted else (word.start, word.end)


# --- syntax ----------------------------------------------------------------------------------


def _syntax(view: _View) -> Iterator[Finding]:
    for message, advice, start, end in view.problems:
        yield from view.finding("syntax", (start, end), message, advice)
    for step in view.trace.steps:
        if step.instruction.keyword not in {"COPY", "ADD", "WORKDIR"}:
            continue
        for word in step.instruction.words:
            fault = step.expand(word).fault
            if fault and not (word.raw.startswith("<<") and not word.quoted):
                advice = "close it"
                if "quote" in fault and not word.quoted and step.instruction.keyword != "WORKDIR":
                    advice = (
                        f"quotes do not hold spaces together here: write"
                        f' {step.instruction.keyword} ["source", "/destination with space/"]'
                    )
                yield from view.finding("syntax", _span(word), fault, advice, step=step)


# --- destinations ----------------------------------------------------------------------------


def _destinations(view: _View) -> Iterator[Finding]:
    for step in view.copies():
        where = destination(step)
        if where.value.fault or where.absolute:
            continue
        if where.absolute is None:
            yield from _unresolved(view, step, where)
        else:
            yield from _relative(view, step, where)


def _unresolved(view: _View, step: Step, where: Destination) -> Iterator[Finding]:
    names = " and ".join(f"${name}" for name in where.value.unknown)
    verb = "is" if len(where.value.unknown) == 1 else "are"
    yield from view.finding(
        "unresolved-destination",
        _span(where.word),
        f'cannot tell whether "{where.word.raw}" is absolute: {names} {verb} not set to a value'
        " that can be told from this file",
        f'begin the destination with a slash, or give the variable a default: "ARG '
        f'{where.value.unknown[0]}=/…"',
        step=step,
    )


def _relative(view: _View, step: Step, where: Destination) -> Iterator[Finding]:
    written = _unquoted(where.word.raw)
    meant = _meant(where.value.text, step.workdir.path)
    resolved = "" if where.value.simple else f' (that is "{where.value.text}")'
    later = "in an image built on this one, " if step.stored else ""
    if where.value.known and where.path is not None:
        verb = "lands in" if where.path.endswith(("/", "\\")) else "lands at"
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
    if unclear and meant == where.path:  # the fix would write the doubtful folder out
        line = view.lines.place(unclear.instruction.start, unclear.instruction.end)[0]
        help = f"mend the WORKDIR on line {line} first: this destination hangs on it"
        yield from view.finding("relative-destination", _span(where.word), message, help, step=step)
        return
    help = (
        f'write "{_preview(where, edit)}"'
        if edit
        else "begin the destination with a slash: the full path in the image"
    )
    yield from view.finding(
        "relative-destination", _span(where.word), message, help, edit=edit, step=step
    )


def _meant(path: str, workdir: str | None) -> str | None:
    """The absolute path that was probably meant; None when nothing tells.

    A leading slash, where the path then begins with the working directory or a standard root
    folder; else the path as the working directory resolves it.
    """
    bare = re.sub(r"\A(\./+)+", "", path)
    slashed = f"/{bare}"
    folder = (workdir or "").rstrip("/")
    if bare.partition("/")[0] in _ROOT_FOLDERS or (
        folder and (slashed == folder or slashed.startswith(f"{folder}/"))
    ):
        return slashed
    return None if workdir is None else join(workdir, path)


def _absolute_edit(where: Destination, meant: str | None, text: str) -> Edit | None:
    """The fix: the whole word where it is plain, else what is missing in front of it."""
    word, value = where.word, where.value
    if meant is None:
        return None
    start, end = _span(word)
    raw = _unquoted(word.raw)
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
    return edit.replacement + _unquoted(where.word.raw)


def _unquoted(raw: str) -> str:
    """A word without the pair of quotes around it."""
    return raw[1:-1] if re.fullmatch(r"\"[^\"]*\"|'[^']*'", raw) else raw


# --- working directories ---------------------------------------------------------------------


def _workdirs(view: _View) -> Iterator[Finding]:
    for step in view.trace.steps:
        if step.instruction.keyword != "WORKDIR" or not step.instruction.words:
            continue
        word = step.instruction.words[0]
        value = step.expand(word)
        if value.fault or not value.known or is_absolute(value.text):
            continue
        yield from _relative_workdir(view, step, word, value.text)


def _both_meanings(before: str, path: str) -> tuple[str, str]:
    """Where a relative WORKDIR leads, and where it was probably meant to."""
    resolved = join(before, path).rstrip("/") or "/"
    return resolved, (_meant(path, before) or resolved).rstrip("/") or "/"


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
        if is_absolute(value.leading if not value.known else value.text):
            unclear = None
        elif before is not None and value.known:
            resolved, meant = _both_meanings(before, value.text)
            allowed = "relative-workdir" in other.instruction.allowed
            unclear = other if resolved != meant and not allowed else unclear
    return unclear


def _relative_workdir(view: _View, step: Step, word: Word, path: str) -> Iterator[Finding]:
    """Only clear cases get a fix, and it keeps the meaning: later COPYs depend on it."""
    before = step.workdir.path
    if before is None:
        yield from view.finding(
            "relative-workdir",
            _span(word),
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
            _span(word),
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
        "relative-workdir", _span(word), message, f'write "{resolved}"', edit=edit, step=step
    )


# --- sources ---------------------------------------------------------------------------------


def _missing_sources(view: _View) -> Iterator[Finding]:
    if view.index is None or view.facts.context is None:
        return
    for step in view.copies():
        # What ONBUILD stores is copied from another project's context.
        if step.stored or "from" in step.instruction.flag_names:
            continue
        for source in sources(step):
            if source.kind != "context" or not source.value.known or "**" in source.path:
                continue
            if view.index.leads_through_link(source.path):
                continue
            if not view.index.matches(source):
                yield from _missing(view, view.index, view.facts.context, step, source)


def _missing(
    view: _View, index: Index, context: Context, step: Step, source: Source
) -> Iterator[Finding]:
    written = source.word.raw
    reason = _reason_left_out(context, source)
    close = difflib.get_close_matches(source.path, index.names, n=1)
    advice = f'did you mean "{close[0]}"?' if close and close[0] else "check the spelling"
    if reason:
        message = f'"{written}" is not in the build context: {reason}'
        advice = f'let it through with "!{source.path}" in .dockerignore, or do not copy it'
        if reason.endswith("secrets"):
            advice = "do not copy it: give it to the run, by a Prefect block or the block's env"
    elif source.outside:
        message = f'"{written}" is outside the build context: the builder cannot see it'
        advice = "move it into the project folder"
    elif source.is_glob:
        message = (
            f'"{written}" matches nothing in the build context: BuildKit copies nothing and says'
            " nothing, the classic builder stops"
        )
        advice = "check the pattern, or remove it"
    else:
        message = f'"{written}" is not in the build context'
    yield from view.finding("missing-source", _span(source.word), message, advice, step=step)


def _reason_left_out(context: Context, source: Source) -> str:
    """Which rule kept a source, or the folder around it, out of the context."""
    path = source.path
    while path:
        if path in context.left_out:
            return _told(path, source.path, context.left_out[path])
        path = path.rpartition("/")[0]
    if source.is_glob:
        pattern = go_match(source.path)
        matched = next((p for p in context.left_out if pattern.match(p)), None)
        if matched:
            return _told(matched, source.path, context.left_out[matched])
    inside = [p for p in context.left_out if p.startswith(f"{source.path}/")]
    return _told(inside[0], source.path, context.left_out[inside[0]]) if inside else ""


def _told(path: str, asked: str, reason: str) -> str:
    which = "it is" if path == asked else f'"{path}" is'
    return reason if reason.startswith("left out") else f"{which} left out by {reason}"


# --- secrets ---------------------------------------------------------------------------------


def _secrets(view: _View) -> Iterator[Finding]:
    if view.index is None or view.facts.context is None:
        return
    entries = {entry.path: entry for entry in view.facts.context.entries}
    final = {stage.index for stage in view.trace.final_lineage}
    kinds: dict[str, str] = {}
    for step in view.copies():
        if step.stored:
            continue
        for source, files in copied(step, view.index):
            found = {path: _kind(entries[path], kinds) for path in files if path in entries}
            secret = {path: kind for path, kind in found.items() if kind}
            if secret:
                yield from _secret(view, step, source, secret, step.stage.index in final)


def _kind(entry: Entry, kinds: dict[str, str]) -> str:
    if entry.path not in kinds:
        kinds[entry.path] = secret_in_file(entry) if entry.kind == "file" else ""
    return kinds[entry.path]


def _secret(
    view: _View, step: Step, source: Source, secret: Mapping[str, str], final: bool
) -> Iterator[Finding]:
    listed = described(f"{path} ({kind})" for path, kind in secret.items())
    verb = "enters" if len(secret) == 1 else "enter"
    place = (
        "the image, where everyone who can pull it can read it"
        if final
        else "a build stage: not the final image, but the engine's build cache"
    )
    names = described((f'"{path}"' for path in secret), last=" and ")
    yield from view.finding(
        "secret",
        _span(source.word),
        f"{listed} {verb} {place}",
        f"add {names} to .dockerignore, and give it to the run instead (a Prefect block,"
        " an environment variable or a mount)",
        severity="error" if final else "warning",
        step=step,
    )


def _variables(view: _View) -> Iterator[Finding]:
    for step in view.trace.steps:
        keyword = step.instruction.keyword
        if keyword not in {"ENV", "ARG"}:
            continue
        for name, raw, start, end in pairs(step.instruction, step.escape):
            value = step.expand(raw or "")
            if not value.simple or value.fault:
                continue
            kind = secret_in_variable(name, value.text)
            if kind:
                yield from view.finding(
                    "secret",
                    (start, end),
                    f"{keyword} {name} holds {kind}: it stays readable in the image"
                    + (" history" if keyword == "ARG" else "'s configuration"),
                    "leave the value out, and set it where the container runs: in the block's env"
                    " or a Prefect secret",
                    severity="warning",
                    step=step,
                )


# --- layers ----------------------------------------------------------------------------------

_INSTALLS = re.compile(
    r"(?:\bpip3?\s+(?:--?\S+\s+)*install\b|\buv\s+(?:pip\s+install|pip\s+sync|sync)\b"
    r"|\bpoetry\s+install\b|\bpipenv\s+(?:install|sync)\b|\b(?:conda|mamba|micromamba)\s+(?:env\s+)?"
    r"(?:install|create|update)\b|\bapt(?:-get)?\s+(?:-\S+\s+)*install\b|\bapk\s+add\b"
    r"|\b(?:yum|dnf|microdnf)\s+(?:-\S+\s+)*install\b|\bnpm\s+(?:ci|install)\b)[^&;|\n]*"
)
_DEPENDENCY_FILES = re.compile(
    r"(?i)(\.(txt|in|lock|toml|cfg|ya?ml|json|pem|crt|cer|conf|ini|whl|deb|list|sources|gpg|asc"
    r"|rpm|sh|npmrc|md|rst)|Pipfile|setup\.py|\.python-version|LICENSE)\Z"
)
_DEPENDENCY_FOLDERS = {"requirements", "wheels", "wheelhouse", "certs", "vendor", "packages"}
_OWN_PROJECT = re.compile(
    r"(?:^|\s)(?:-e\s+|--editable[ =])?[\"']?\.{1,2}/?(?:\[[\w,-]+\])?[\"']?(?=\s|$)"
)


def _code_before_dependencies(view: _View) -> Iterator[Finding]:
    copied_code: dict[int, Step | None] = {}
    for stage in view.trace.stages:
        code = copied_code[stage.parent.index] if stage.parent else None
        reported = False
        for step in (s for s in stage.steps if not s.stored):
            keyword = step.instruction.keyword
            if keyword in {"COPY", "ADD"} and code is None and _copies_code(view, step):
                code = step
            if keyword == "RUN" and code is not None and not reported:
                installing = _installing(step)
                if installing:
                    reported = True
                    yield from _reinstalls(view, step, code, installing)
        copied_code[stage.index] = code


def _installing(step: Step) -> tuple[int, int] | None:
    """The place of a command that installs dependencies, and not only the project itself."""
    text = command_of(step)
    for found in _INSTALLS.finditer(text):
        only_project = _OWN_PROJECT.search(found[0]) and not re.search(
            r"\s(-r|--requirements?)\b", found[0]
        )
        if only_project:
            continue
        rest = step.instruction.rest
        if text == rest.text:
            part = rest.part(found.start(), found.start() + len(found[0].rstrip()))
            return part.start, part.end
        return rest.start, rest.end
    return None


def _copies_code(view: _View, step: Step) -> bool:
    if "from" in step.instruction.flag_names or len(step.instruction.words) < 2:
        return False
    return any(
        _is_code(view.index, source)
        for source in sources(step)
        if source.kind == "context" and source.value.known
    )


def _is_code(index: Index | None, source: Source) -> bool:
    name = posixpath.basename(source.path)
    if name.endswith(".py"):
        return name != "setup.py"
    if index is not None and not source.is_glob:
        if source.path in index.files:
            return False
        return any(file.endswith(".py") for file in index.below(source.path))
    if source.is_glob:
        return name.endswith("*")
    if source.path == "":
        return True
    return "." not in name.lstrip(".") and (
        not _DEPENDENCY_FILES.search(name) and name not in _DEPENDENCY_FOLDERS
    )


def _reinstalls(view: _View, step: Step, code: Step, place: tuple[int, int]) -> Iterator[Finding]:
    line = view.lines.place(code.instruction.start, code.instruction.start)[0]
    yield from view.finding(
        "code-before-dependencies",
        place,
        f"this runs again after every edit of the code, which {code.instruction.keyword} on line"
        f" {line} has copied before it",
        "copy only the list of dependencies (requirements.txt), install, and then copy the code",
        step=step,
    )


def _unpinned_bases(view: _View) -> Iterator[Finding]:
    for stage in view.trace.stages:
        if stage.parent or not stage.base or stage.origin is None or stage.base == "scratch":
            continue
        image = stage.base
        version = image[len(repository_of(image)) :]
        if "@" in image or (version and version != ":latest"):
            continue
        what = "has no version" if not version else 'has the version "latest"'
        word = stage.origin.words[0]
        _, step = _beginning(stage)
        yield from view.finding(
            "unpinned-base",
            _span(word),
            f"{image} {what}: the next build may start from another image than this one did",
            f"name one, for instance {repository_of(image)}:{_example_tag(image)}",
            step=step,
        )


def _example_tag(image: str) -> str:
    name = repository_of(image)
    if name.endswith("prefecthq/prefect"):
        return "3.8.8-python3.11"
    return "3.11-slim" if name.rpartition("/")[2] == "python" else "1.0"


# --- the ENTRYPOINT --------------------------------------------------------------------------


def _entrypoint(view: _View) -> Iterator[Finding]:
    """The one that the image ends up with: the last in its stages."""
    steps = [step for stage in view.trace.final_lineage for step in stage.steps if not step.stored]
    last = next((s for s in reversed(steps) if s.instruction.keyword == "ENTRYPOINT"), None)
    rest = last.instruction.rest if last else None
    if last is None or rest is None or not rest.text:
        return
    found = verdict(rest.text)
    if found:
        yield from view.finding(
            "entrypoint",
            (rest.start, rest.end),
            f"{found.reason}; a worker starts the run as that command, `prefect flow-run execute`",
            'remove this line, or name a script that ends with: exec "$@"',
            severity="error" if found.certain else "warning",
            step=last,
        )


# --- the flow --------------------------------------------------------------------------------


def _flow_in_place(view: _View, findings: list[Finding]) -> Iterator[Finding]:
    if view.index is None or not view.facts.entrypoint or not view.trace.stages:
        return
    file = view.facts.entrypoint.rpartition(":")[0] or view.facts.entrypoint
    target = posixpath.normpath(posixpath.join("/", view.facts.flows_dir, file))
    own = _own_path(view.index, file)
    outcome = look_for(target, own, view.trace, view.index)
    if outcome.found or outcome.doubtful or _is_fixed_otherwise(view, findings, target, own):
        return
    final = view.trace.stages[-1]
    looked = f"the deployment will look for the flow at {target}"
    if outcome.elsewhere:
        path, step = outcome.elsewhere[0]
        yield from view.finding(
            "flow-not-in-place",
            _span(step.instruction.words[-1]),
            f"{looked}, but this puts it at {path}",
            f'copy it to "{posixpath.dirname(target)}/"',
            step=step,
        )
        return
    reason = _reason_absent(view.facts, own, file)
    place, step_of = _beginning(final)
    advice = f"add COPY {own or file} {target}"
    yield from view.finding(
        "flow-not-in-place", place, f"{looked}, but {reason}", advice, step=step_of
    )


def _own_path(index: Index, file: str) -> str | None:
    """The flow's file in the context: as configured, below ``project/``, or by its end."""
    for path in (file, f"project/{file}"):
        if path in index.files:
            return path
    name = posixpath.basename(file)
    ending = sorted(p for p in index.files if posixpath.basename(p) == name)
    return ending[0] if len(ending) == 1 else None


def _is_fixed_otherwise(view: _View, findings: list[Finding], target: str, own: str | None) -> bool:
    """Whether following the other findings' advice would put the flow in its place."""
    edits = {f.edit.start for f in findings if f.edit and f.rule == "relative-destination"}
    moved: dict[int, str] = {}
    for step in view.copies():
        where = destination(step)
        start, _ = _span(where.word)
        if start in edits or start + 1 in edits:
            meant = _meant(where.value.text, step.workdir.path)
            if meant is not None:
                moved[step.instruction.start] = meant
    if not moved or view.index is None:
        return False
    return look_for(target, own, view.trace, view.index, moved=moved).found is not None


def _reason_absent(facts: Facts, own: str | None, file: str) -> str:
    if own is not None:
        return f"no instruction copies {own} into the image"
    left_out = facts.context.left_out if facts.context else {}
    for whole in (file, f"project/{file}"):
        path = whole
        while path:
            if path in left_out:
                told = _told(path, whole, left_out[path])
                return f"{told}, so it is not in the build context"
            path = path.rpartition("/")[0]
    return f"there is no {file} in the build context"


def _beginning(stage: Stage) -> tuple[tuple[int, int], Step | None]:
    """The stage's FROM: where something is missing, that is the only place to point at."""
    origin = stage.origin
    if origin is None:
        return (0, 0), None
    return (origin.start, origin.end), Step(origin, stage, {}, stage.workdir, "\\")
