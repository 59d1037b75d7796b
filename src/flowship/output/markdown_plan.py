"""A plan as Markdown, for a comment on a pull request.

Names and values come from files and servers. They are shown as inline code, in which nothing is a
link, an image, HTML or the mention of a person, and which they cannot end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowship.output import plan_text
from flowship.output.terminal import one_line

if TYPE_CHECKING:
    from flowship.deployment.left import Left
    from flowship.deployment.plan import Kept, Operation
    from flowship.planning.project_plan import ImagePlan, ProjectPlan

LIMIT = 60_000
"""Characters; GitHub refuses a comment of more than 65,536."""
CUT = "\n… the rest is left out: `flowship plan` prints all of it\n"


def document(plan: ProjectPlan) -> str:
    """The whole plan."""
    of = f" for {code(plan.environment)}" if plan.environment else ""
    lines = [
        f"### flowship plan: {code(plan.project)}{of}",
        "",
        f"**{words(plan_text.totals(plan).partition(': ')[2])}**",
        "",
    ]
    for image in plan.images:
        lines += _image(image, several=len(plan.images) > 1)
    lines.append(f"Compared with {code(plan.api_url)}.")
    text = "\n".join(lines) + "\n"
    return text if len(text) <= LIMIT else text[: text.rindex("\n", 0, LIMIT)] + CUT


def code(text: str) -> str:
    """Text as inline code, on one line, whatever it contains."""
    shown = one_line(text).replace("\t", " ") or " "
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    padded = f" {shown} " if longest or shown.strip() != shown else shown
    return f"{fence}{padded}{fence}"


def words(text: str) -> str:
    """Words as they are, and as code if they have more than letters, digits and spaces."""
    return text if re.fullmatch(r"[A-Za-z0-9 ,;'?()-]*", text) else code(text)


def _image(image: ImagePlan, *, several: bool) -> Iterator[str]:
    if several:
        yield f"#### {code(image.label)}"
        yield ""
    reasons = "".join(f"; {code(reason)}" for reason in image.reasons)
    yield f"Image: {plan_text.IMAGE_WORDS[image.action]}{reasons}"
    yield ""
    report = image.deploy
    for title, items in (
        ("", [line for each in report.operations for line in _operation(each)]),
        ("Kept as it is on the server:", [_kept(each) for each in report.kept]),
        ("No longer in the configuration:", [_left(each) for each in report.left]),
    ):
        if items:
            yield from ([title, ""] if title else [])
            yield from items
            yield ""


def _operation(operation: Operation) -> Iterator[str]:
    about = f"{operation.action.value} {operation.resource.value}"
    yield f"- **{about}** {code(operation.name)} ({words(plan_text.reason(operation))})"
    for row in plan_text.rows(operation):
        note = f" ({words(row.note)})" if row.note else ""
        yield f"  - {code(row.field)}: {code(row.before)} → {code(row.after)}{note}"


def _kept(kept: Kept) -> str:
    return f"- {code(plan_text.kept_words(kept))} ({words(plan_text.kept_reason(kept))})"


def _left(left: Left) -> str:
    return f"- {code(left.name)}: {words(left.words)}"
