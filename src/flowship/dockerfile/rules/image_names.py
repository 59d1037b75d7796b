"""Rule `syntax`, of what an image is made from: stages that are not there, and images' names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowship.dockerfile.instructions import Word
from flowship.dockerfile.rules.findings import Finding, Severity, View, span
from flowship.dockerfile.stages import Step, repository_of


def origins(view: View) -> Iterator[Finding]:
    """The names of stages and images, behind FROM and in ``--from=``."""
    for step in view.instructions():
        if step.instruction.keyword == "FROM":
            yield from _stage_name(view, step)
            yield from _base(view, step)
        elif step.instruction.keyword == "COPY" and not step.stored:
            for word in step.instruction.flags:
                name, _, reference = word.raw[2:].partition("=")
                if name == "from" and reference:
                    yield from _copied_from(view, step, word, reference)


def _stage_name(view: View, step: Step) -> Iterator[Finding]:
    stage = step.stage
    if not stage.name:
        return
    word = step.instruction.words[2]
    if not re.fullmatch(r"[a-z][a-z0-9_.-]*", stage.name):
        yield from view.finding(
            "syntax",
            span(word),
            f'"{word.raw}" cannot be a stage\'s name',
            "begin it with a letter; then come letters, digits, and - _ .",
            step=step,
        )
    first = next(s for s in view.trace.stages if s.name == stage.name)
    if first is not stage and first.origin is not None:
        buildkit = view.trace.buildkit
        line, _, _ = view.lines.place(first.origin.start, first.origin.end)
        yield from view.finding(
            "syntax",
            span(word),
            f'the stage on line {line} is called "{first.name}" already'
            + (": that name now means this one" if buildkit else ""),
            "give one of them another name",
            severity="warning" if buildkit else "error",
            step=step,
        )


def _base(view: View, step: Step) -> Iterator[Finding]:
    stage = step.stage
    if stage.base and not stage.parent:
        yield from _upper_case(view, step, step.instruction.words[0], stage.base)


def _upper_case(view: View, step: Step, word: Word, image: str) -> Iterator[Finding]:
    """An image's name is in lower case. What comes before its first slash may be a host's name,
    with capitals too: older engines take it for one only with a dot or a port in it.
    """
    repository = repository_of(image)
    first, slash, rest = repository.partition("/")
    name = rest if slash else first
    certain = name != name.lower()
    if not certain and (not slash or first == first.lower() or re.search(r"[.:]", first)):
        return
    severity: Severity = "error" if certain else "warning"
    yield from view.finding(
        "syntax",
        span(word),
        f'"{repository}" cannot be an image: its name is in lower case'
        if certain
        else f'"{first}" has capitals: newer engines take it for a host, older ones refuse it',
        f'write "{image.replace(repository, repository.lower(), 1)}"',
        severity=severity,
        step=step,
    )


def _copied_from(view: View, step: Step, word: Word, reference: str) -> Iterator[Finding]:
    above = view.trace.stages[: step.stage.index]
    reason, advice = "", "copy from a stage above, or from an image"
    if "$" in reference:
        reason = "--from replaces no variables"
        advice = f'name the image in a stage of its own, "FROM {reference} AS other", and that here'
    elif re.fullmatch(r"[+-]?\d{1,9}", reference):
        if int(reference) == len(above):
            reason = f"stage {reference} is this one: it cannot copy from itself"
        elif not 0 <= int(reference) < len(above):
            reason = f"there is no stage {reference} above: they are counted from 0"
    elif not any(stage.name == reference.lower() for stage in above):
        if step.stage.name == reference.lower():
            reason = f'the stage "{step.stage.name}" cannot copy from itself'
            advice = f"name a stage above; an image of that name takes a tag, --from={reference}:…"
        else:
            yield from _upper_case(view, step, word, reference)
    if reason:
        yield from view.finding("syntax", span(word), reason, advice, step=step)
