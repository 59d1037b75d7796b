"""Rule `secret`: secret files and variables that would be readable in the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowship.dockerfile.copies import copied
from flowship.dockerfile.parser import pairs
from flowship.dockerfile.rules.findings import Finding, Severity, View, span
from flowship.dockerfile.secrets_scan import Secret, secret_in_file, secret_in_variable

if TYPE_CHECKING:
    from flowship.project.entry import Entry


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


def secret_variables(view: View) -> Iterator[Finding]:
    """Find secrets that are written into ENV and ARG."""
    for step in view.trace.steps:
        keyword = step.instruction.keyword
        if keyword not in {"ENV", "ARG"}:
            continue
        for name, raw, start, end in pairs(step.instruction, step.escape):
            value = step.expand(raw or "")
            if not value.simple or value.error:
                continue
            kind = secret_in_variable(name, value.text)
            if kind:
                where = "history" if keyword == "ARG" else "configuration"
                yield from view.finding(
                    "secret",
                    (start, end),
                    f"{keyword} {name} contains {kind}, which stays readable in the image {where}",
                    "remove the value and set it at run time: in the block's env, or as a Prefect"
                    " secret",
                    severity=Severity.WARNING,
                    step=step,
                )
