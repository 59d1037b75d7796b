"""How a deployment looks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.deployment.desired import DeploymentSpec
    from flowship.deployment.parameters import ParameterValue
    from flowship.deployment.report import Change, DeploymentReport, DeployReport, ScheduleReport
from flowship.output.tables import table, titled_row, value_text, warning_lines


def specs(wanted: Iterable[DeploymentSpec]) -> list[RenderableType]:
    """What a deploy would do, before anything changes."""
    lines: list[RenderableType] = []
    for spec in wanted:
        lines += [
            f"would deploy [bold]{escape(spec.flow_name)}/{escape(spec.name)}[/]",
            titled_row("image", spec.image.reference),
            titled_row("entrypoint", f"{spec.path}/{spec.entrypoint}"),
            titled_row("block", f"docker-container/{spec.block_name}"),
            titled_row("pool", spec.work_pool),
            *(
                _schedules(spec.preview, paused=spec.paused_at_first)
                if spec.preview
                else [titled_row("runs", _unscheduled(spec))]
            ),
            *_perhaps_another(spec),
            *parameter_lines(spec.parameter_values),
            *warning_lines(spec.warnings),
        ]
    return [*lines, "nothing was changed (--dry-run)"]


def _perhaps_another(spec: DeploymentSpec) -> list[RenderableType]:
    """A dry run asks no server, and so knows of no schedule that an earlier flag left there."""
    if spec.schedule_source != "configuration" or not spec.preview:
        return []
    return ["  [dim]            or by the one that an earlier --cron or the like left there[/]"]


def _unscheduled(spec: DeploymentSpec) -> str:
    if spec.schedule_source == "none":
        return "the schedules that flowship made would be removed"
    return "no schedule configured; one given by flag earlier stays"


def deployed(report: DeployReport) -> list[RenderableType]:
    """What is deployed now, and when it runs."""
    lines: list[RenderableType] = []
    for deployment in report.deployments:
        lines += _deployment(deployment)
    how = "" if report.pushed else "  (only on this engine: its worker never pulls it)"
    pool = report.pool
    lines += [
        titled_row("image", report.image + how),
        titled_row("block", f"docker-container/{report.block.name} ({report.block.outcome})"),
        *_changes(report.block.edits, "the block's"),
        *(
            f"  [dim]the block keeps {escape(name)} = {escape(value_text(value))}, which the "
            "configuration does not name[/]"
            for name, value in report.block.kept.items()
        ),
        titled_row("pool", f"{pool.name} ({pool.outcome}{', paused' if pool.paused else ''})"),
    ]
    if pool.copied:
        lines.append(
            f"  [dim]in this pool {', '.join(pool.live)} follow the block at each run; "
            f"{', '.join(pool.copied)} were copied as they are now[/]"
        )
    if pool.worker_online:
        lines.append(titled_row("worker", "online"))
    else:
        start = escape(pool.start_command)
        lines.append(f"  worker      [yellow]none online[/]: start one with `{start}`")
    lines += [f"  [dim]also runs the new image:[/] {escape(name)}" for name in report.moved]
    return lines + warning_lines(report.warnings)


def _deployment(deployment: DeploymentReport) -> list[RenderableType]:
    name = f"{deployment.flow_name}/{deployment.name}"
    paused = " [yellow](paused)[/]" if deployment.paused else ""
    return [
        f"[green]✓[/] {deployment.outcome} [bold]{escape(name)}[/]{paused}",
        *_changes(deployment.changes, "its"),
        *_schedules(deployment.schedules, paused=deployment.paused),
        *(f"  [dim]removed[/]     {escape(words)}" for words in deployment.removed_schedules),
        *parameter_lines(deployment.parameters),
        titled_row("look at", deployment.url),
        *warning_lines(deployment.warnings),
    ]


def deployment_names(report: DeployReport) -> str:
    """``flow/deployment``, one a line."""
    return "\n".join(f"{d.flow_name}/{d.name}" for d in report.deployments)


def _changes(changes: Iterable[Change], whose: str) -> list[RenderableType]:
    changes = list(changes)
    moved = [c for c in changes if _is_reference(c.was) and _is_reference(c.now)]
    lines: list[RenderableType] = []
    if len(moved) > 1:  # to another block: the first of them tells it all
        changes = [c for c in changes if c not in moved[1:]]
        lines.append(f"  [dim]and {len(moved) - 1} more references, to the same block[/]")
    told = [
        f"  [yellow]wrote over[/]  {whose} {change.field}: "
        f"{_given(change.was)} → {_given(change.now)}"
        for change in changes
    ]
    return [*told, *lines]


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith("{{ prefect.blocks.")


def _given(value: object) -> str:
    return "nothing" if value is None else escape(value_text(value))


def _schedules(
    schedules: Iterable[ScheduleReport], *, paused: bool = False
) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for schedule in schedules:
        notes = [] if schedule.active else ["paused"]
        notes += ["added by a person"] if schedule.source == "server" else []
        told = f"  [dim]({', '.join(notes)})[/]" if notes else ""
        still = paused or not schedule.active
        shown.append(titled_row("would run" if still else "runs", schedule.words) + told)
        if schedule.parameters:
            given = (f"{name} = {value_text(value)}" for name, value in schedule.parameters.items())
            shown.append(titled_row("", f"with {', '.join(given)}"))
        to_the_second = any(run.utc[17:19] != "00" for run in schedule.next_runs)
        end = len("2026-01-31T05:00:00" if to_the_second else "2026-01-31T05:00")
        for run in schedule.next_runs:
            local, utc = run.local.replace("T", " "), run.utc[:end].replace("T", " ")
            shown.append(f"              {local[:end]} {local[19:]}  [dim]{utc} UTC[/]")
    return shown or [titled_row("runs", "only when started: no schedule")]


def parameter_lines(values: Iterable[ParameterValue]) -> list[RenderableType]:
    """A table of parameter values and where each comes from."""
    rows = [
        (v.name, "" if v.source == "missing" else value_text(v.value), v.source) for v in values
    ]
    return [table(("parameter", "value", ""), rows)] if rows else []
