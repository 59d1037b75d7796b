"""Rule `syntax` for FROM and ``--from=``: names of images and stages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowship.dockerfile.bases import repository_of
from flowship.dockerfile.instructions import Word
from flowship.dockerfile.rules.findings import Finding, Severity, View, span
from flowship.dockerfile.stages import Stage, Step


def image_names(view: View) -> Iterator[Finding]:
    """Find names of images and stages that the builder would reject."""
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
            f'invalid stage name: "{word.raw}"',
            "start it with a letter, followed by letters, digits, hyphens, underscores or dots",
            step=step,
        )
    first = next(s for s in view.trace.stages if s.name == stage.name)
    if first is not stage:
        yield from _repeated_name(view, step, word, first)


def _repeated_name(view: View, step: Step, word: Word, first: Stage) -> Iterator[Finding]:
    if first.origin is None:
        return
    buildkit = view.trace.buildkit
    line, _, _ = view.lines.place(first.origin.start, first.origin.end)
    yield from view.finding(
        "syntax",
        span(word),
        f'the stage name "{first.name}" is already used on line {line}'
        + (", and now refers to this stage" if buildkit else ""),
        "rename one of the stages",
        severity=Severity.WARNING if buildkit else Severity.ERROR,
        step=step,
    )


def _base(view: View, step: Step) -> Iterator[Finding]:
    stage = step.stage
    if stage.base and not stage.parent:
        yield from _upper_case(view, step, step.instruction.words[0], stage.base)


def _upper_case(view: View, step: Step, word: Word, image: str) -> Iterator[Finding]:
    """Image names are lowercase. The part before the first slash may be a host with uppercase
    letters: older engines recognize it as a host only if it contains a dot or a port.
    """
    repository = repository_of(image)
    first, slash, rest = repository.partition("/")
    name = rest if slash else first
    certain = name != name.lower()
    if not certain and (not slash or first == first.lower() or re.search(r"[.:]", first)):
        return
    yield from view.finding(
        "syntax",
        span(word),
        f'invalid image name: "{repository}" must be lowercase'
        if certain
        else f'"{first}" has uppercase letters: newer engines read it as a host, older ones'
        " reject it",
        f'use "{image.replace(repository, repository.lower(), 1)}"',
        severity=Severity.ERROR if certain else Severity.WARNING,
        step=step,
    )


def _copied_from(view: View, step: Step, word: Word, reference: str) -> Iterator[Finding]:
    above = view.trace.stages[: step.stage.index]
    reason, advice = "", "copy from an earlier stage, or from an image"
    if "$" in reference:
        reason = "--from does not expand variables"
        advice = f'add a stage, "FROM {reference} AS other", and copy from that: --from=other'
    elif re.fullmatch(r"[+-]?\d{1,9}", reference):
        if int(reference) == len(above):
            reason = f"stage {reference} is this stage, which cannot copy from itself"
        elif not 0 <= int(reference) < len(above):
            reason = f"no earlier stage {reference} found: stages are counted from 0"
    elif not any(stage.name == reference.lower() for stage in above):
        if step.stage.name == reference.lower():
            reason = f'the stage "{step.stage.name}" cannot copy from itself'
            advice = f"use an earlier stage; for an image of that name add a tag: {reference}:…"
        else:
            yield from _upper_case(view, step, word, reference)
    if reason:
        yield from view.finding("syntax", span(word), reason, advice, step=step)
