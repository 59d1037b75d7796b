"""Renders a deployment."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.deployment.pools import no_worker
from flowship.output import render_plan
from flowship.output.tables import short_digest, table, titled_row, value_text, warning_lines
from flowship.output.terminal import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.deployment.parameters import ParameterValue
    from flowship.deployment.report import (
        DeploymentReport,
        DeployReport,
        PoolReport,
        ScheduleReport,
    )
    from flowship.planning.project_plan import ImagePlan

UNCHANGED = "unchanged"
FEW = 5
"""Deployments that are shown in full; of more, see `_deployments`."""


def all_deployed(
    reports: Sequence[DeployReport], *, attention: Iterable[str] = (), digest: bool = True
) -> list[RenderableType]:
    """What is deployed of each image; see `deployed`. The warnings of earlier steps come last."""
    *others, last = reports
    lines = [line for report in others for line in deployed(report, digest=digest)]
    return [*lines, *deployed(last, attention=attention, digest=digest)]


def deployed(
    report: DeployReport, *, attention: Iterable[str] = (), digest: bool = True
) -> list[RenderableType]:
    """What is deployed, or in a dry run would be, and when it runs.

    Args:
        report: From the deploy.
        attention: Warnings of earlier steps; all warnings are shown last.
        digest: Show the image's digest. `ship` prints it as its result.
    """
    lines: list[RenderableType] = render_plan.of_report(report) if report.dry_run else []
    lines += _deployments(report)
    lines += _shared(report, digest=digest)
    warnings = list(dict.fromkeys((*attention, *_warnings(report))))
    if not report.dry_run:
        lines += render_plan.rest(report)
    if report.dry_run:
        return [*lines, *warning_lines(warnings), "nothing was changed (--dry-run)"]
    return [*lines, *_next(report), *warning_lines(warnings)]


def _deployments(report: DeployReport) -> list[RenderableType]:
    """The deployments in full; of many, those that changed in a line each, and the others as a
    number: the report of a project with a hundred flows is still one to read."""
    unchanged = [each for each in report.deployments if each.outcome == UNCHANGED]
    counted = unchanged if len(unchanged) > FEW else []
    shown = [each for each in report.deployments if each not in counted]
    changed = sum(each.outcome != UNCHANGED for each in shown)
    draw = _short if changed > FEW else _deployment
    lines = [line for each in shown for line in draw(each, dry_run=report.dry_run)]
    if counted:
        sign = "" if report.dry_run else "[green]✓[/] "
        paused = sum(each.paused for each in counted)
        also = f", {paused} of them paused" if paused else ""
        lines.append(f"{sign}unchanged: {len(counted)} deployments{also} (`flowship status`)")
    return lines


def _short(deployment: DeploymentReport, *, dry_run: bool) -> list[RenderableType]:
    """A deployment in a line: when it runs, but not the next times."""
    words = [each.words for each in deployment.schedules]
    runs = words[0] if words else "no schedule"
    runs += f" and {len(words) - 1} more" if len(words) > 1 else ""
    removed = "".join(f"; removed {each}" for each in deployment.removed_schedules)
    return [f"{_head(deployment, dry_run=dry_run)}: {escape(runs + removed)}"]


def _shared(report: DeployReport, *, digest: bool) -> list[RenderableType]:
    """The image, the block and the work pool of all deployments."""
    image = short_digest(report.image) if digest else report.image.partition("@")[0]
    how = "" if report.pushed else "  (only on this engine; its worker never pulls it)"
    pool = report.pool
    block, found = _outcome(report, report.block.outcome), _outcome(report, pool.outcome)
    lines: list[RenderableType] = [
        titled_row("image", image + how),
        titled_row("block", f"docker-container/{report.block.name} ({block})"),
        titled_row("pool", f"{pool.name} ({found}{', paused' if pool.paused else ''})"),
    ]
    if pool.copied:
        lines.append(
            f"  [dim]in this work pool, runs read {escape(', '.join(pool.live))} from the block;"
            f" {escape(', '.join(pool.copied))} were copied with their current values[/]"
        )
    lines.append(titled_row("worker", _worker(pool)))
    lines += _alerts(report)
    lines += [f"  [dim]also runs the new image:[/] {escape(name)}" for name in report.moved]
    return lines


def _alerts(report: DeployReport) -> list[RenderableType]:
    """How many automations there are. Those that a person disabled are among what is kept."""
    if not report.alerts:
        return []
    outcomes = Counter(_outcome(report, alert.outcome) for alert in report.alerts)
    parts = [f"{number} {outcome}" for outcome, number in outcomes.items()]
    disabled = sum(not alert.enabled for alert in report.alerts)
    parts += [f"{disabled} disabled"] if disabled else []
    return [titled_row("alerts", f"{len(report.alerts)} automations ({', '.join(parts)})")]


def _worker(pool: PoolReport) -> str:
    if pool.worker_online is None:
        return "unknown: the server did not respond"
    return "online" if pool.worker_online else "none online"


def _warnings(report: DeployReport) -> Iterator[str]:
    """What needs attention: what keeps runs from starting comes last."""
    several = len(report.deployments) > 1
    often = Counter(text for each in report.deployments for text in {*each.warnings})
    for deployment in report.deployments:
        of = f"{deployment.flow_name}/{deployment.name}: " if several else ""
        for text in deployment.warnings:  # of many, once: the caller drops what is repeated
            yield f"{often[text]} deployments: {text}" if often[text] > FEW else f"{of}{text}"
    yield from report.warnings
    pool = report.pool
    if pool.worker_online is False:
        yield no_worker(pool.name, pool.start_command)


def _next(report: DeployReport) -> list[RenderableType]:
    """The command that starts a run of what was deployed."""
    if not report.deployments:
        return []
    changed = (each for each in report.deployments if each.outcome != UNCHANGED)
    first = next(changed, report.deployments[0])
    name = shlex.quote(f"{first.flow_name}/{first.name}")
    return [f"  next: `flowship run {escape(name)} --watch`"]


def _outcome(report: DeployReport, done: str) -> str:
    changes = report.dry_run and done in ("created", "updated")
    return f"would be {done}" if changes else done


def ship_plans(
    plans: Sequence[ImagePlan], *, attention: Iterable[str] = ()
) -> list[RenderableType]:
    """What `ship` would do with each image, with the warnings of earlier steps."""
    *others, last = plans
    lines: list[RenderableType] = []
    for plan in others:
        lines += [*render_plan.image(plan, several=True), *deployed(plan.deploy)]
    several = bool(others)
    return [
        *lines,
        *render_plan.image(last, several=several),
        *deployed(last.deploy, attention=attention),
    ]


def _deployment(deployment: DeploymentReport, *, dry_run: bool) -> list[RenderableType]:
    return [
        _head(deployment, dry_run=dry_run),
        *_schedules(deployment.schedules, paused=deployment.paused),
        *(f"  [dim]removed[/]     {escape(words)}" for words in deployment.removed_schedules),
        *parameter_lines(deployment.parameters),
        *([titled_row("page", deployment.url)] if deployment.url else []),
    ]


def _head(deployment: DeploymentReport, *, dry_run: bool) -> str:
    name = f"{deployment.flow_name}/{deployment.name}"
    paused = " [yellow](paused)[/]" if deployment.paused else ""
    done = "[bold]" if dry_run else f"[green]✓[/] {escape(deployment.outcome)} [bold]"
    return f"{done}{escape(name)}[/]{paused}"


def deployment_names(report: DeployReport) -> str:
    """``flow/deployment``, one a line."""
    return "\n".join(one_line(f"{d.flow_name}/{d.name}") for d in report.deployments)


def _schedules(
    schedules: Iterable[ScheduleReport], *, paused: bool = False
) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for schedule in schedules:
        notes = [] if schedule.active else ["paused"]
        notes += ["added manually"] if schedule.source == "server" else []
        marks = f"  [dim]({', '.join(notes)})[/]" if notes else ""
        still = paused or not schedule.active
        shown.append(titled_row("would run" if still else "runs", schedule.words) + marks)
        if schedule.parameters:
            given = (f"{name} = {value_text(value)}" for name, value in schedule.parameters.items())
            shown.append(titled_row("", f"with {', '.join(given)}"))
        utc_only = all(run.local[19:] == "+00:00" for run in schedule.next_runs)
        to_the_second = any(run.utc[17:19] != "00" for run in schedule.next_runs)
        end = len("2026-01-31T05:00:00" if to_the_second else "2026-01-31T05:00")
        for run in schedule.next_runs:
            local, utc = run.local.replace("T", " "), run.utc[:end].replace("T", " ")
            if utc_only:
                shown.append(escape(f"              {local[:end]} UTC"))
                continue
            shown.append(
                escape(f"              {local[:end]} {local[19:]}") + f"  [dim]{escape(utc)} UTC[/]"
            )
    return shown or [titled_row("runs", "no schedule: runs only when started")]


def parameter_lines(values: Iterable[ParameterValue]) -> list[RenderableType]:
    """A table of parameter values and where each comes from."""
    rows = [
        (v.name, "" if v.source == "missing" else value_text(v.value), v.source) for v in values
    ]
    return [table(("parameter", "value", ""), rows)] if rows else []
