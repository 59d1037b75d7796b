"""Rule `secret`: files and variables that would be readable in the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowship.dockerfile.copies import Source, copied
from flowship.dockerfile.instructions import pairs
from flowship.dockerfile.rules.findings import Finding, View, span
from flowship.dockerfile.secrets_scan import Secret, secret_in_file, secret_in_variable
from flowship.dockerfile.stages import Step

if TYPE_CHECKING:
    from flowship.project.context import Entry


# Beyond these, a secret file is only counted: somebody has copied a folder full of them.
_MOST_NAMED = 20


def secrets(view: View) -> Iterator[Finding]:
    """Secret files that COPY and ADD take along."""
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
            for sure in (True, False):
                kinds = {p: s.kind for p, s in found.items() if s and s.sure == sure}
                if kinds:
                    final_stage = step.stage.index in final
                    yield from _secret(view, step, source, kinds, final=final_stage, sure=sure)


def _secret_in(entry: Entry, known: dict[str, Secret | None]) -> Secret | None:
    if entry.path not in known:
        known[entry.path] = secret_in_file(entry) if entry.kind == "file" else None
    return known[entry.path]


def _secret(
    view: View, step: Step, source: Source, kinds: Mapping[str, str], *, final: bool, sure: bool
) -> Iterator[Finding]:
    listed = _listed([f"{path} ({kind})" for path, kind in kinds.items()], last=", ")
    names = _listed([f'"{path}"' for path in kinds], last=" and ")
    verb, them = ("enters", "it") if len(kinds) == 1 else ("enter", "them")
    place = (
        "the image, where everyone who can pull it can read it"
        if final
        else "a build stage: not the final image, but the engine's build cache"
    )
    yield from view.finding(
        "secret",
        span(source.word),
        f"{listed} {verb} {place}",
        f"add {names} to .dockerignore, and give {them} to the run instead (a Prefect block,"
        " an environment variable or a mount)"
        if sure
        else "read the password from a Prefect block or the environment, if it is a real one",
        severity="error" if final and sure else "warning",
        step=step,
    )


def _listed(words: list[str], *, last: str) -> str:
    """``a, b and c``: all of them, so that nobody has to ask twice; of very many the first."""
    if len(words) > _MOST_NAMED:
        return f"{', '.join(words[:_MOST_NAMED])} and {len(words) - _MOST_NAMED} more"
    return last.join(filter(None, [", ".join(words[:-1]), words[-1]]))


def variables(view: View) -> Iterator[Finding]:
    """Secrets written out behind ENV and ARG."""
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
