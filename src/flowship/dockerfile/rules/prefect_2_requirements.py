"""Rule `prefect-2-requirement`: a RUN that installs Prefect 2, or an integration made for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowship.dockerfile.bases import prefect_version
from flowship.dockerfile.rules.findings import Finding, View
from flowship.project.requirement_rules import fault_of

_RULE = "prefect-2-requirement"

_INSTALLS = re.compile(r"\b(?:install|add|sync)\b[^&;|\n]*")
_PINNED = re.compile(
    r"(?<![\w./=-])prefect(?:[-_]\w+)*(?:\[[^\]]*\])?"  # a package, with its extras
    r"(?:\s*(?:[=~!<>]=|[<>])\s*[\w.*]+,?)+(?![$\w{])"  # and its versions
)


def prefect_2_requirements(view: View) -> Iterator[Finding]:
    """Find pins in the RUN instructions that the image is built from.

    The requirements files that they install are validated at their own lines, by the check.
    """
    lineage = view.trace.final_lineage
    base = prefect_version(lineage[0].base) if lineage else ""
    for step in (step for stage in lineage for step in stage.steps):
        instruction = step.instruction
        if instruction.keyword != "RUN" or step.replayed:
            continue
        for command in _INSTALLS.finditer(instruction.rest.text):
            for pin in _PINNED.finditer(command[0]):
                fault = fault_of(pin[0].rstrip(","), base)
                if fault and fault.code == _RULE:
                    start = command.start() + pin.start()
                    part = instruction.rest.part(start, start + len(pin[0]))
                    place = (part.start, part.end)
                    yield from view.finding(_RULE, place, fault.message, fault.hint, step=step)
