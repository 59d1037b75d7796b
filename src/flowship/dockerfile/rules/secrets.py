"""Rule `secret`: files and variables that would be readable in the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flowship.dockerfile.instructions import pairs
from flowship.dockerfile.landing import Source, copied, described
from flowship.dockerfile.rules.findings import Finding, View, span
from flowship.dockerfile.secrets_scan import secret_in_file, secret_in_variable
from flowship.dockerfile.stages import Step

if TYPE_CHECKING:
    from flowship.context import Entry


def secrets(view: View) -> Iterator[Finding]:
    """Secret files that COPY and ADD take along."""
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
    view: View, step: Step, source: Source, secret: Mapping[str, str], final: bool
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
        span(source.word),
        f"{listed} {verb} {place}",
        f"add {names} to .dockerignore, and give it to the run instead (a Prefect block,"
        " an environment variable or a mount)",
        severity="error" if final else "warning",
        step=step,
    )


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
