"""Renders a plan: what a command changes and why, what stays, and what left the configuration.

`plan`, the dry runs and the commands that carry a plan out show it in the same way.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.output import plan_text
from flowship.output.tables import warning_lines
from flowship.output.terminal import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from flowship.deployment.left import Left
    from flowship.deployment.plan import Kept, Operation
    from flowship.deployment.report import DeployReport
    from flowship.planning.project_plan import ImagePlan, ProjectPlan

SIGNS = {"create": "[green]+[/]", "update": "[yellow]~[/]", "delete": "[red]-[/]"}
WIDTH = 80
COMMAND = re.compile("`[^`]*`")
GLUE = "\ufffe"  # in no text: a character that Unicode does not have


def operations(changes: Sequence[Operation], api_url: str) -> list[RenderableType]:
    """Each operation, in order, with what it changes."""
    if not changes:
        return [f"no changes: {escape(api_url)} is up to date"]
    lines: list[RenderableType] = [f"changes at {escape(api_url)}:"]
    for each in changes:
        lines += operation(each)
    return lines


def kept(values: Sequence[Kept]) -> list[RenderableType]:
    """What differs from the configuration and stays."""
    lines = [
        line
        for each in values
        for line in _with_reason(
            "[cyan]=[/]", plan_text.kept_words(each), plan_text.kept_reason(each)
        )
    ]
    return ["kept as it is on the server:", *lines] if lines else []


def left(gone: Sequence[Left], origin: str = "") -> list[RenderableType]:
    """Deployments that the configuration no longer has, or what is deployed in its place."""
    lines = [
        line
        for each in gone
        for line in _with_reason("[yellow]![/]", f"deployment {each.name}", each.words)
    ]
    title = f"not part of the {escape(origin)}:" if origin else "no longer in the configuration:"
    return [title, *lines] if lines else []


def _with_reason(sign: str, text: str, reason: str) -> list[str]:
    """A line, or two where the reason would make it too long."""
    if len(f"  ~ {text} ({reason})") <= WIDTH:
        return [f"  {sign} {escape(text)} [dim]({escape(reason)})[/]"]
    lines = (f"      [dim]{escape(line)}[/]" for line in _wrapped(reason))
    return [f"  {sign} {escape(text)}", *lines]


def _wrapped(text: str) -> list[str]:
    """Lines in which no command is broken in two: it is there to be pasted."""
    whole = COMMAND.sub(lambda found: found[0].replace(" ", GLUE), one_line(text))
    lines = textwrap.wrap(whole, WIDTH - 6, break_on_hyphens=False, break_long_words=False)
    return [line.replace(GLUE, " ") for line in lines]


def of_report(report: DeployReport) -> list[RenderableType]:
    """The plan of one image's deployments."""
    return [*operations(report.operations, report.api_url), *rest(report)]


def rest(report: DeployReport) -> list[RenderableType]:
    """What stays though the configuration has something else, or nothing."""
    return [*kept(report.kept), *left(report.left, report.origin)]


def image(plan: ImagePlan, *, several: bool = False) -> list[RenderableType]:
    """What happens to an image, and why."""
    title = f"image {plan.label}" if several else "image"
    reasons = plan_text.listed(plan.reasons, 5)
    return [
        f"{escape(title)}: {plan_text.IMAGE_WORDS[plan.action]}"
        + (f" [dim]({escape(reasons)})[/]" if reasons else "")
    ]


def warnings(plan: ProjectPlan, attention: Iterable[str]) -> list[RenderableType]:
    """What deserves a look, of earlier steps too."""
    found = [text for each in plan.images for text in each.to_json()["warnings"]]
    return warning_lines(dict.fromkeys((*attention, *found)))


def project(plan: ProjectPlan) -> list[RenderableType]:
    """The whole plan, and how much it is."""
    several = len(plan.images) > 1
    lines: list[RenderableType] = []
    for each in plan.images:
        lines += [*image(each, several=several), *of_report(each.deploy)]
    return [*lines, f"[bold]{escape(plan_text.totals(plan))}[/]"]


def saved(path: Path, environment: str | None) -> str:
    """Where the plan is, and the command that carries it out."""
    option = f" --env {shlex.quote(environment)}" if environment else ""
    command = f"flowship ship{option} --plan {shlex.quote(str(path))}"
    return escape(f"saved in {one_line(str(path))}: `{one_line(command)}` carries it out")


def operation(change: Operation) -> Iterator[str]:
    """One operation, with what it changes."""
    about = f"{change.action.value} {change.resource.value} {change.name}"
    yield from _with_reason(SIGNS[change.action.value], about, plan_text.reason(change))
    for row in plan_text.rows(change):
        whole, note = f"      {row.field}: {row.before} → {row.after}", f"  {row.note}".rstrip()
        if len(whole) <= WIDTH:
            yield escape(whole) + _note(note, fits=len(whole + note) <= WIDTH)
        else:
            yield f"      {escape(row.field)}: {escape(row.before)}"
            last = f"        → {row.after}"
            yield escape(last) + _note(note, fits=len(last + note) <= WIDTH)


def _note(text: str, *, fits: bool) -> str:
    """Whose value is replaced, on a line of its own where it does not fit."""
    return f"{'' if fits else chr(10) + ' ' * 6}[yellow]{escape(text)}[/]" if text else ""
