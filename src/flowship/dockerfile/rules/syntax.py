"""Rule `syntax`, of the text: what cannot be read, and words that an instruction does not take."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowship.dockerfile.instructions import pairs
from flowship.dockerfile.rules.findings import Finding, View, span
from flowship.dockerfile.stages import Step

_COMMENT = "a comment needs a line of its own"
_PORT = re.compile(r"\+?(\d{1,9})(?:-\+?(\d{1,9}))?(?:/(?:|tcp|udp|sctp))?", re.IGNORECASE)
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATIONS = frozenset({"interval", "timeout", "start-period", "start-interval"})


def syntax(view: View) -> Iterator[Finding]:
    """What cannot be parsed, words that cannot be expanded, and words that make no sense there."""
    for problem in view.problems:
        place = (problem.start, problem.end)
        yield from view.finding("syntax", place, problem.message, problem.help)
    for step in view.instructions():
        keyword = step.instruction.keyword
        if keyword in {"COPY", "ADD", "WORKDIR"}:
            yield from _faults(view, step)
        elif keyword in {"ENV", "LABEL", "ARG"}:
            yield from _pairs(view, step)
        elif keyword == "EXPOSE":
            yield from _ports(view, step)
        elif keyword == "HEALTHCHECK":
            yield from _health(view, step)


def _faults(view: View, step: Step) -> Iterator[Finding]:
    keyword = step.instruction.keyword
    for word in step.instruction.words:
        fault = step.expand(word).fault
        if fault and not (word.raw.startswith("<<") and not word.quoted):
            advice = "close it"
            if "quote" in fault and not word.quoted and keyword != "WORKDIR":
                advice = (
                    f"quotes do not hold spaces together here: write"
                    f' {keyword} ["source", "/destination with space/"]'
                )
            yield from view.finding("syntax", span(word), fault, advice, step=step)


def _pairs(view: View, step: Step) -> Iterator[Finding]:
    """The first thing in ENV, LABEL or ARG that is no pair; the value may be secret, and is not
    repeated.
    """
    keyword, before = step.instruction.keyword, ""
    for name, raw, start, end in pairs(step.instruction, step.escape):
        reason, advice = "", ""
        if not name:
            reason, advice = f"{keyword} has no name before the equals sign", "write NAME=value"
        elif raw is not None:
            reason, advice = step.expand(raw).fault, "close it, or escape the character"
        elif keyword != "ARG" and before:
            reason = "this word is not NAME=value"
            advice = f'a value with a space in it needs quotes: {before}="…"'
            advice = _COMMENT if name.startswith("#") else advice
        elif keyword != "ARG":
            reason, advice = f"{keyword} {name} has no value", f"write {keyword} {name}=…"
        if reason:
            yield from view.finding("syntax", (start, end), reason, advice, step=step)
            return
        before = name


def _ports(view: View, step: Step) -> Iterator[Finding]:
    for word in step.instruction.words:
        value = step.expand(word)
        wrong = [port for port in value.text.split() if not _is_port(port)] if value.known else []
        if wrong:
            advice = "write a number, a range or a number with its protocol: 80, 80-90, 53/udp"
            if word.raw.startswith("#"):
                advice = _COMMENT
            yield from view.finding(
                "syntax", span(word), f'"{wrong[0]}" is no port', advice, step=step
            )
            return


def _is_port(text: str) -> bool:
    found = _PORT.fullmatch(text.rpartition(":")[2])  # in front may be an address of the host
    return found is not None and int(found[1]) <= int(found[2] or found[1]) <= 65_535


def _health(view: View, step: Step) -> Iterator[Finding]:
    instruction = step.instruction
    kind = instruction.words[0].raw.upper() if instruction.words else ""
    rest = instruction.rest
    reason, advice = "", ""
    if kind == "NONE" and len(instruction.words) > 1:
        reason, advice = "HEALTHCHECK NONE takes no words", "write HEALTHCHECK NONE alone"
    elif kind == "CMD" and len(instruction.words) == 1:
        reason, advice = "HEALTHCHECK CMD names no command", "write the command behind CMD"
    elif kind and kind not in {"CMD", "NONE"}:
        reason, advice = "HEALTHCHECK takes CMD or NONE", "write CMD before the command"
    if reason:
        yield from view.finding("syntax", (rest.start, rest.end), reason, advice, step=step)
    for flag in instruction.flags if kind == "CMD" else ():
        name, _, value = flag.raw[2:].partition("=")
        if name in _DURATIONS and value and not _DURATION.fullmatch(value):
            advice = f"give it a unit: --{name}={value}s" if value.isdigit() else "write 30s or 1m"
            yield from view.finding(
                "syntax", span(flag), f'"{value}" is no duration', advice, step=step
            )
