"""Rule `syntax`, of flags: those that no builder knows, and those that lack their value."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from flowship.dockerfile.builders import FLAGS, REPEATABLE, SWITCHES
from flowship.dockerfile.instructions import Instruction
from flowship.dockerfile.rules.findings import Finding, Severity, View, span

_SHELL = frozenset({"CMD", "ENTRYPOINT", "RUN"})


def flags(view: View) -> Iterator[Finding]:
    """What is wrong with a flag; of the builders that ``# syntax=`` fetches, one may know more."""
    unknown: Severity = "warning" if "syntax" in view.dockerfile.directives else "error"
    for step in view.instructions():
        instruction = step.instruction
        if not _looks_at_flags(instruction):
            continue
        known = FLAGS.get(instruction.keyword, frozenset())
        seen: set[str] = set()
        for word in instruction.flags:
            name, equals, _ = word.raw[2:].partition("=")
            severity: Severity = "error"
            if name not in known:
                reason, advice = (
                    f"{instruction.keyword} has no flag --{name}",
                    _known(name, instruction),
                )
                severity = unknown
            elif not equals and name not in SWITCHES:
                reason, advice = f"--{name} lacks its value", f"write --{name}=…"
            elif name in seen and name not in REPEATABLE:
                reason, advice = f"--{name} is given twice", "keep one"
            else:
                seen.add(name)
                continue
            yield from view.finding(
                "syntax", span(word), reason, advice, severity=severity, step=step
            )


def _looks_at_flags(instruction: Instruction) -> bool:
    """Whether the builder does: in some places it passes over them."""
    if instruction.keyword == "HEALTHCHECK":
        return not instruction.words or instruction.words[0].raw.upper() != "NONE"
    return instruction.keyword not in {"ARG", "STOPSIGNAL"}


def _known(name: str, instruction: Instruction) -> str:
    keyword = instruction.keyword
    known = FLAGS.get(keyword, frozenset())
    close = difflib.get_close_matches(name.lower(), known, n=1)
    if close:
        return f"did you mean --{close[0]}?"
    if keyword in _SHELL:
        return f'in JSON form it is a word of the command: {keyword} ["--{name}", …]'
    return f"it knows {', '.join(f'--{n}' for n in sorted(known))}" if known else "remove it"
