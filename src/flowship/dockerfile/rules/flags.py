"""Rule `syntax` for flags: unknown ones, repeated ones, and ones without their value."""

from __future__ import annotations

from collections.abc import Iterator

from flowship.dockerfile.builders import FLAGS, REPEATABLE, SWITCHES
from flowship.dockerfile.instructions import Instruction
from flowship.dockerfile.rules.findings import Finding, Severity, View, span
from flowship.dockerfile.stages import Step
from flowship.errors import nearest

_SHELL = frozenset({"CMD", "ENTRYPOINT", "RUN"})


def flags(view: View) -> Iterator[Finding]:
    """Find flags that the builder would reject."""
    for step in view.instructions():
        if _has_flags(step.instruction):
            yield from _flags_of(view, step)


def _flags_of(view: View, step: Step) -> Iterator[Finding]:
    instruction = step.instruction
    known = FLAGS.get(instruction.keyword, frozenset())
    seen: set[str] = set()
    for word in instruction.flags:
        name, equals, _ = word.raw[2:].partition("=")
        severity = Severity.ERROR
        if name not in known:
            reason = f"{instruction.keyword} has no flag --{name}"
            advice = _advice_on_unknown(name, instruction)
            if "syntax" in view.dockerfile.directives:
                severity = Severity.WARNING  # the builder that it names may be newer
        elif not equals and name not in SWITCHES:
            reason, advice = f"--{name} needs a value", f"use --{name}=…"
        elif name in seen and name not in REPEATABLE:
            reason, advice = f"--{name} is given twice", "remove one of them"
        else:
            seen.add(name)
            continue
        yield from view.finding("syntax", span(word), reason, advice, severity=severity, step=step)


def _has_flags(instruction: Instruction) -> bool:
    """Whether the builder checks the flags: for some instructions it ignores them."""
    if instruction.keyword == "HEALTHCHECK":
        return not instruction.words or instruction.words[0].raw.upper() != "NONE"
    return instruction.keyword not in {"ARG", "STOPSIGNAL"}


def _advice_on_unknown(name: str, instruction: Instruction) -> str:
    keyword = instruction.keyword
    known = FLAGS.get(keyword, frozenset())
    if close := nearest(name.lower(), known):
        return f"did you mean --{close}?"
    if keyword in _SHELL:
        return f'to make it part of the command, use the JSON form: {keyword} ["--{name}", …]'
    return f"valid flags: {', '.join(f'--{n}' for n in sorted(known))}" if known else "remove it"
