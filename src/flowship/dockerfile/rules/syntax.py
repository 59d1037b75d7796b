"""Rule `syntax` for text that cannot be parsed and for invalid arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowship.dockerfile.parser import pairs
from flowship.dockerfile.rules.findings import Finding, View, span
from flowship.dockerfile.stages import Step

_COMMENT = "put the comment on its own line"
_PORT = re.compile(r"\+?(\d{1,9})(?:-\+?(\d{1,9}))?(?:/(?:|tcp|udp|sctp))?", re.IGNORECASE)
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATIONS = frozenset({"interval", "timeout", "start-period", "start-interval"})


def syntax(view: View) -> Iterator[Finding]:
    """Find text that cannot be parsed and arguments that the builder would reject."""
    for problem in view.problems:
        place = (problem.start, problem.end)
        yield from view.finding("syntax", place, problem.message, problem.help)
    for step in view.instructions():
        keyword = step.instruction.keyword
        if keyword in {"COPY", "ADD", "WORKDIR"}:
            yield from _word_errors(view, step)
        elif keyword in {"ENV", "LABEL", "ARG"}:
            yield from _pairs(view, step)
        elif keyword == "EXPOSE":
            yield from _ports(view, step)
        elif keyword == "HEALTHCHECK":
            yield from _health(view, step)


def _word_errors(view: View, step: Step) -> Iterator[Finding]:
    keyword = step.instruction.keyword
    for word in step.instruction.words:
        error = step.expand(word).error
        if error is None or (word.raw.startswith("<<") and not word.quoted):
            continue
        advice = "close it"
        if error.is_quote and not word.quoted and keyword != "WORKDIR":
            advice = (
                "for paths with spaces use the JSON form instead of quotes:"
                f' {keyword} ["source", "/destination with space/"]'
            )
        yield from view.finding("syntax", span(word), error.value, advice, step=step)


def _pairs(view: View, step: Step) -> Iterator[Finding]:
    """Find the first argument of ENV, LABEL or ARG that is not a pair.

    Messages do not repeat the value, because it may be secret.
    """
    keyword, before = step.instruction.keyword, ""
    for name, raw, start, end in pairs(step.instruction, step.escape):
        reason, advice = "", ""
        if not name:
            reason, advice = f"{keyword} has no name before the equals sign", "use NAME=value"
        elif raw is not None:
            error = step.expand(raw).error
            reason, advice = error.value if error else "", "close it, or escape the character"
        elif keyword != "ARG" and before:
            reason = "expected NAME=value"
            advice = f'put values that contain spaces in quotes: {before}="…"'
            advice = _COMMENT if name.startswith("#") else advice
        elif keyword != "ARG":
            reason, advice = f"{keyword} {name} has no value", f"use {keyword} {name}=…"
        if reason:
            yield from view.finding("syntax", (start, end), reason, advice, step=step)
            return
        before = name


def _ports(view: View, step: Step) -> Iterator[Finding]:
    for word in step.instruction.words:
        value = step.expand(word)
        wrong = [port for port in value.text.split() if not _is_port(port)] if value.known else []
        if wrong:
            advice = "use a port, a range, or a port with its protocol: 80, 80-90, 53/udp"
            message = f'invalid port: "{wrong[0]}"'
            yield from view.finding("syntax", span(word), message, advice, step=step)
            return


def _is_port(text: str) -> bool:
    found = _PORT.fullmatch(text.rpartition(":")[2])  # an address of the host may come first
    return found is not None and int(found[1]) <= int(found[2] or found[1]) <= 65_535


def _health(view: View, step: Step) -> Iterator[Finding]:
    instruction = step.instruction
    kind = instruction.words[0].raw.upper() if instruction.words else ""
    rest = instruction.rest
    reason, advice = "", ""
    if kind == "NONE" and len(instruction.words) > 1:
        reason, advice = "HEALTHCHECK NONE takes no arguments", "use only HEALTHCHECK NONE"
    elif kind == "CMD" and len(instruction.words) == 1:
        reason, advice = "HEALTHCHECK CMD needs a command", "add the command after CMD"
    elif kind and kind not in {"CMD", "NONE"}:
        reason, advice = "HEALTHCHECK needs CMD or NONE", "add CMD before the command"
    if reason:
        yield from view.finding("syntax", (rest.start, rest.end), reason, advice, step=step)
    for flag in instruction.flags if kind == "CMD" else ():
        name, _, value = flag.raw[2:].partition("=")
        if name in _DURATIONS and value and not _DURATION.fullmatch(value):
            advice = f"add a unit: --{name}={value}s" if value.isdigit() else "use 30s or 1m"
            message = f'invalid duration: "{value}"'
            yield from view.finding("syntax", span(flag), message, advice, step=step)
