"""Rule `secret`: secret files and variables that would be readable in the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowship.dockerfile.copies import copied
from flowship.dockerfile.parser import pairs
from flowship.dockerfile.rules.findings import Finding, Severity, View, span
from flowship.dockerfile.secrets_scan import (
    Secret,
    TextSecret,
    secret_in_file,
    secret_in_variable,
    secrets_in_text,
)
from flowship.dockerfile.stages import Step
from flowship.redaction import token

if TYPE_CHECKING:
    from flowship.project.entry import Entry


# .dockerignore would make the build fail, because the instruction names the file.
_WITHOUT_COPY = (
    "do not copy it, and pass it to the run instead (with a Prefect block, an environment variable"
    " or a mount)"
)

# More secret files are only counted: a whole folder of them was copied.
_MOST_NAMED = 20


def secret_files(view: View) -> Iterator[Finding]:
    """Find secret files that COPY and ADD copy."""
    if view.index is None or view.facts.context is None:
        return
    entries = {entry.path: entry for entry in view.facts.context.entries}
    final = {stage.index for stage in view.trace.final_lineage}
    known: dict[str, Secret | None] = {}
    for step in view.copies():
        if step.stored:
            continue
        for source, files in copied(step, view.index):
            found = {path: _secret_in(entries[path], known) for path in files if path in entries}
            for certain in (True, False):
                kinds = {
                    view.in_project(p): s.kind
                    for p, s in found.items()
                    if s and s.certain == certain
                }
                if kinds:
                    in_image = step.stage.index in final
                    message, help = _explain(kinds, in_image=in_image, certain=certain)
                    if certain and set(files) <= {source.path}:
                        help = _WITHOUT_COPY
                    severity = Severity.ERROR if in_image and certain else Severity.WARNING
                    yield from view.finding(
                        "secret", span(source.word), message, help, severity=severity, step=step
                    )


def _secret_in(entry: Entry, known: dict[str, Secret | None]) -> Secret | None:
    if entry.path not in known:
        known[entry.path] = secret_in_file(entry) if entry.kind == "file" else None
    return known[entry.path]


def _explain(kinds: Mapping[str, str], *, in_image: bool, certain: bool) -> tuple[str, str]:
    """Message and help for secret files (path → kind of secret)."""
    listed = _listed([f"{path} ({kind})" for path, kind in kinds.items()], last=", ")
    them = "it" if len(kinds) == 1 else "them"
    place = (
        f"the image, where anyone who can pull the image can read {them}"
        if in_image
        else "a build stage: not into the final image, but into the engine's build cache"
    )
    message = f"{listed} would be copied into {place}"
    if certain:
        names = _listed([f'"{path}"' for path in kinds], last=" and ")
        help = (
            f"add {names} to .dockerignore, and pass {them} to the run instead (with a Prefect"
            " block, an environment variable or a mount)"
        )
    else:
        help = "if it is a real password, read it from a Prefect block or the environment"
    return message, help


def _listed(words: list[str], *, last: str) -> str:
    """``a, b and c``; of very many words only the first ones, and how many more there are."""
    if len(words) > _MOST_NAMED:
        return f"{', '.join(words[:_MOST_NAMED])} and {len(words) - _MOST_NAMED} more"
    return last.join(filter(None, [", ".join(words[:-1]), words[-1]]))


def secret_texts(view: View) -> Iterator[Finding]:
    """Find secrets that are written into commands, labels and heredocs."""
    final = {stage.index for stage in view.trace.final_lineage}
    starts = sorted(i.start for i in view.dockerfile.instructions)
    for step in view.trace.steps:
        instruction = step.instruction
        if instruction.keyword in {"ENV", "ARG"}:
            continue
        for secret in secrets_in_text(instruction.rest.text):
            part = instruction.rest.part(secret.start, secret.end)
            yield from _in_text(view, step, secret, (part.start, part.end), final)
        if instruction.heredocs:
            following = [start for start in starts if start >= instruction.end]
            body = view.text[instruction.end : min(following, default=len(view.text))]
            for secret in secrets_in_text(body):
                place = (instruction.end + secret.start, instruction.end + secret.end)
                yield from _in_text(view, step, secret, place, final)


def _in_text(
    view: View, step: Step, secret: TextSecret, place: tuple[int, int], final: set[int]
) -> Iterator[Finding]:
    in_image = step.stage.index in final
    where = "the history of the image" if in_image else "the engine's build cache"
    yield from view.finding(
        "secret",
        place,
        f"{step.instruction.keyword} contains {secret.kind}, which stays readable in {where}",
        "remove it here and set it at run time: in the block's env, or as a Prefect secret; replace"
        " it if an image with it was pushed",
        severity=Severity.ERROR if secret.certain and in_image else Severity.WARNING,
        step=step,
    )


def secret_variables(view: View) -> Iterator[Finding]:
    """Find secrets that are written into ENV and ARG."""
    final = {stage.index for stage in view.trace.final_lineage}
    for step in view.trace.steps:
        keyword = step.instruction.keyword
        if keyword not in {"ENV", "ARG"}:
            continue
        for name, raw, start, end in pairs(step.instruction, step.escape):
            given = view.facts.build_args.get(name) if keyword == "ARG" else None
            value = step.expand(raw or "")
            if given is None and (not value.simple or value.error):
                continue
            kind = secret_in_variable(name, value.text if given is None else given)
            if kind:
                certain = bool(token(value.text)) and step.stage.index in final
                where = "history" if keyword == "ARG" else "configuration"
                source = "contains" if given is None else "gets, from build-args,"
                yield from view.finding(
                    "secret",
                    (start, end),
                    f"{keyword} {name} {source} {kind}, which stays readable in the image {where}",
                    "remove the value and set it at run time: in the block's env, or as a Prefect"
                    " secret",
                    severity=Severity.ERROR if certain else Severity.WARNING,
                    step=step,
                )
