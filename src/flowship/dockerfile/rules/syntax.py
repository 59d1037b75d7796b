"""Rule `syntax`: what the builder would refuse to read."""

from __future__ import annotations

from collections.abc import Iterator

from flowship.dockerfile.rules.findings import Finding, View, span


def syntax(view: View) -> Iterator[Finding]:
    """What cannot be parsed, and words that cannot be expanded."""
    for message, advice, start, end in view.problems:
        yield from view.finding("syntax", (start, end), message, advice)
    for step in view.trace.steps:
        if step.instruction.keyword not in {"COPY", "ADD", "WORKDIR"}:
            continue
        for word in step.instruction.words:
            fault = step.expand(word).fault
            if fault and not (word.raw.startswith("<<") and not word.quoted):
                advice = "close it"
                if "quote" in fault and not word.quoted and step.instruction.keyword != "WORKDIR":
                    advice = (
                        f"quotes do not hold spaces together here: write"
                        f' {step.instruction.keyword} ["source", "/destination with space/"]'
                    )
                yield from view.finding("syntax", span(word), fault, advice, step=step)
