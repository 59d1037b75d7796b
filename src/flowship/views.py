"""How each command's result looks: plain values in, lines and tables out.

Nothing here decides; nothing here writes. `flowship.console` puts the lines on a stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from flowship.events import readable_size

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.cycle import Checked
    from flowship.deploy import DeploymentSpec
    from flowship.deployed import Change, DeploymentReport, DeployReport, ScheduleReport
    from flowship.dockerfile import Finding
    from flowship.etl.manifest import MonthResult
    from flowship.image import BuiltImage
    from flowship.parameters import ParameterValue
    from flowship.probe import ProbeResult
    from flowship.profiles import ApiTarget, Profile, ProfileChange
    from flowship.push import PushedImage
    from flowship.registry import LoginResult
    from flowship.runs import LogRecord, RunResult, Started
    from flowship.scaffold import Scaffold
    from flowship.stack import StackReport

COLOURS = {"error": "red", "warning": "yellow"}


# --- check ---------------------------------------------------------------------------------------


def findings(checked: Checked, fixed: int = 0) -> list[RenderableType]:
    """Findings as good compilers show them: the place, the text underlined, the reason, the fix."""
    shown: list[RenderableType] = []
    if fixed:
        shown.append(
            f"[green]✓[/] mended {fixed} place{'s' * (fixed > 1)} in {escape(checked.name)}"
        )
    for finding in checked.findings:
        shown += [*_finding(checked, finding), ""]
    return [*shown, _count(checked)]


def _finding(checked: Checked, finding: Finding) -> Iterable[RenderableType]:
    from rich.text import Text

    from flowship.dockerfile import line_of, masked

    colour = COLOURS[finding.severity]
    number = str(finding.line)
    gutter = " " * len(number)
    text = line_of(checked.text, finding.line)
    length = max(1, min(finding.end_column, len(text) + 1) - finding.column)
    lead = "".join("\t" if c == "\t" else " " for c in text[: finding.column - 1])
    rule = finding.rule if finding.source == "flowship" else f"{finding.source} {finding.rule}"
    yield (
        f"[bold {colour}]{finding.severity}[/][bold]: {escape(finding.message)}[/] "
        f"[dim]{escape(f'[{rule}]')}[/]"
    )
    yield f"{gutter}[blue]-->[/] {escape(checked.name)}:{finding.line}:{finding.column}"
    yield f"{gutter} [blue]|[/]"
    # Not as markup: a line that ends in a backslash, as a RUN does, would be shown with two.
    yield Text.assemble((f"{number} |", "blue"), f" {masked(text)}")
    yield f"{gutter} [blue]|[/] {lead}[bold {colour}]{'^' * length}[/]"
    if finding.help:
        yield f"{gutter} [blue]=[/] [cyan]help:[/] {escape(finding.help)}"


def _count(checked: Checked) -> str:
    errors = len(checked.errors)
    warnings = len(checked.findings) - errors
    if not checked.findings:
        return f"[green]✓[/] {escape(checked.name)}: nothing to complain about"
    parts = [f"{n} {word}{'s' * (n > 1)}" for n, word in ((errors, "error"), (warnings, "warning"))]
    told = " and ".join(p for p in parts if not p.startswith("0"))
    fixable = sum(1 for f in checked.findings if f.edit) if checked.path else 0
    hint = f"; {fixable} can be mended with `flowship check --fix`" if fixable else ""
    return f"{escape(checked.name)}: {told}{hint}"


def findings_json(checked: Checked, fixed: int) -> dict[str, Any]:
    """The same as data."""
    return {
        "dockerfile": checked.name,
        "findings": [
            {
                "rule": f.rule,
                "severity": f.severity,
                "line": f.line,
                "column": f.column,
                "end_column": f.end_column,
                "message": f.message,
                "help": f.help,
                "fixable": f.edit is not None and checked.path is not None,
                "source": f.source,
            }
            for f in checked.findings
        ],
        "errors": len(checked.errors),
        "warnings": len(checked.findings) - len(checked.errors),
        "fixed": fixed,
    }


# --- build, push ---------------------------------------------------------------------------------


def built(image: BuiltImage, engine_platform: str) -> list[RenderableType]:
    """What was built, and the flow in it with each parameter and its default."""
    lines: list[RenderableType] = []
    if image.unchanged:
        lines.append(f"[green]✓[/] {escape(image.reference)} is there already: no input changed")
    else:
        about = f"{readable_size(image.size)}, {image.platform}"
        lines.append(f"[green]✓[/] built {escape(image.reference)} ({about})")
    if not image.platform.startswith(engine_platform):
        lines.append(
            f"[yellow]warning:[/] the image is for {image.platform}, this engine is "
            f"{engine_platform}: only a worker on {image.platform} can run it"
        )
    if image.probe is None:
        lines.append("[yellow]warning:[/] the image was not asked for its flow (--no-probe)")
        return lines
    return lines + flow(image.probe)


def built_json(image: BuiltImage) -> dict[str, Any]:
    """The same as data."""
    return {
        "image": image.reference,
        "id": image.id,
        "inputs": image.inputs,
        "platform": image.platform,
        "size": image.size,
        "unchanged": image.unchanged,
        "tags": list(image.tags),
        "entrypoint": image.entrypoint,
        "probe": asdict(image.probe) if image.probe else None,
    }


def flow(probe: ProbeResult) -> list[RenderableType]:
    """The flow that an image holds."""
    title = f"  flow [bold]{escape(probe.flow_name)}[/] loads from {escape(probe.entrypoint)}"
    lines: list[RenderableType] = [
        f"{title} (Prefect {probe.prefect}, Python {probe.python})",
    ]
    if probe.description:
        lines.append(f"  [dim]{escape(probe.description.strip().splitlines()[0])}[/]")
    rows = parameter_rows(probe.parameters)
    if rows:
        lines.append(table(("parameter", "type", "default"), rows))
    return lines


def parameter_rows(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, type and default of each parameter of an OpenAPI schema, in their order."""
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    rows = []
    for name, about in sorted(properties.items(), key=lambda p: p[1].get("position", 0)):
        default = "required" if name in required else _value(about.get("default"))
        rows.append((name, _type(about, schema), default))
    return rows


def _type(
    about: Mapping[str, Any], schema: Mapping[str, Any], within: frozenset[str] = frozenset()
) -> str:
    if "$ref" in about:
        definition = str(about["$ref"]).rpartition("/")[2]
        if definition in within:  # a type that holds itself
            return definition
        inner = (schema.get("definitions") or {}).get(definition, {})
        return _type(inner, schema, within | {definition})
    if "enum" in about:
        return " | ".join(_value(item) for item in about["enum"])
    for key in ("anyOf", "allOf"):
        if key in about:
            return " | ".join(_type(option, schema, within) for option in about[key])
    if about.get("type") == "array":
        return f"list of {_type(about.get('items') or {}, schema, within)}"
    return str(about.get("format") or about.get("type") or "any")


def _value(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> RenderableType:
    """A small table without frames."""
    from rich.table import Table

    shown = Table(box=None, padding=(0, 2), pad_edge=True, header_style="dim")
    for title in head:
        shown.add_column(title, overflow="fold")
    for row in rows:
        shown.add_row(*(escape(cell) for cell in row))
    return shown


def pushed(image: PushedImage) -> list[RenderableType]:
    """Where the image is now."""
    if image.already:
        return [f"[green]✓[/] {escape(image.repository)} holds {image.tag} already"]
    return [f"[green]✓[/] pushed {escape(image.repository)}:{image.tag}; the registry agrees"]


def logged_in(done: LoginResult) -> list[RenderableType]:
    """Where the credentials are now."""
    lines: list[RenderableType] = [
        f"[green]✓[/] {escape(done.username)} is logged in at {escape(done.registry)}",
        f"  kept in {escape(done.stored.place)}",
    ]
    if done.stored.warning:
        lines.append(f"[yellow]warning:[/] {escape(done.stored.warning)}")
    return lines


# --- deploy --------------------------------------------------------------------------------------


def specs(wanted: Iterable[DeploymentSpec]) -> list[RenderableType]:
    """What a deploy would do, before anything changes."""
    lines: list[RenderableType] = []
    for spec in wanted:
        lines += [
            f"would deploy [bold]{escape(spec.flow_name)}/{escape(spec.name)}[/]",
            _row("image", spec.image.reference),
            _row("entrypoint", f"{spec.path}/{spec.entrypoint}"),
            _row("block", f"docker-container/{spec.block_name}"),
            _row("pool", spec.work_pool),
            *(
                _schedules(spec.preview, paused=spec.paused_at_first)
                if spec.preview
                else [_row("runs", _unscheduled(spec))]
            ),
            *_perhaps_another(spec),
            *_parameters(spec.parameter_values),
            *_warnings(spec.warnings),
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
        _row("image", report.image + how),
        _row("block", f"docker-container/{report.block.name} ({report.block.outcome})"),
        *_changes(report.block.edits, "the block's"),
        *(
            f"  [dim]the block keeps {escape(name)} = {escape(_value(value))}, which the "
            "configuration does not name[/]"
            for name, value in report.block.kept.items()
        ),
        _row("pool", f"{pool.name} ({pool.outcome}{', paused' if pool.paused else ''})"),
    ]
    if pool.copied:
        lines.append(
            f"  [dim]in this pool {', '.join(pool.live)} follow the block at each run; "
            f"{', '.join(pool.copied)} were copied as they are now[/]"
        )
    if pool.worker_online:
        lines.append(_row("worker", "online"))
    else:
        start = escape(pool.start_command)
        lines.append(f"  worker      [yellow]none online[/]: start one with `{start}`")
    lines += [f"  [dim]also runs the new image:[/] {escape(name)}" for name in report.moved]
    return lines + _warnings(report.warnings)


def _deployment(deployment: DeploymentReport) -> list[RenderableType]:
    name = f"{deployment.flow_name}/{deployment.name}"
    paused = " [yellow](paused)[/]" if deployment.paused else ""
    return [
        f"[green]✓[/] {deployment.outcome} [bold]{escape(name)}[/]{paused}",
        *_changes(deployment.changes, "its"),
        *_schedules(deployment.schedules, paused=deployment.paused),
        *(f"  [dim]removed[/]     {escape(words)}" for words in deployment.removed_schedules),
        *_parameters(deployment.parameters),
        _row("look at", deployment.url),
        *_warnings(deployment.warnings),
    ]


def deployment_names(report: DeployReport) -> str:
    """``flow/deployment``, one a line."""
    return "\n".join(f"{d.flow_name}/{d.name}" for d in report.deployments)


def _row(title: str, text: str) -> str:
    return f"  {title:<11} {escape(text)}"


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
    return "nothing" if value is None else escape(_value(value))


def _schedules(
    schedules: Iterable[ScheduleReport], *, paused: bool = False
) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for schedule in schedules:
        notes = [] if schedule.active else ["paused"]
        notes += ["added by a person"] if schedule.source == "server" else []
        told = f"  [dim]({', '.join(notes)})[/]" if notes else ""
        still = paused or not schedule.active
        shown.append(_row("would run" if still else "runs", schedule.words) + told)
        if schedule.parameters:
            given = (f"{name} = {_value(value)}" for name, value in schedule.parameters.items())
            shown.append(_row("", f"with {', '.join(given)}"))
        to_the_second = any(run.utc[17:19] != "00" for run in schedule.next_runs)
        end = len("2026-01-31T05:00:00" if to_the_second else "2026-01-31T05:00")
        for run in schedule.next_runs:
            local, utc = run.local.replace("T", " "), run.utc[:end].replace("T", " ")
            shown.append(f"              {local[:end]} {local[19:]}  [dim]{utc} UTC[/]")
    return shown or [_row("runs", "only when started: no schedule")]


def _parameters(values: Iterable[ParameterValue]) -> list[RenderableType]:
    rows = [(v.name, "" if v.source == "missing" else _value(v.value), v.source) for v in values]
    return [table(("parameter", "value", ""), rows)] if rows else []


def _warnings(warnings: Iterable[str]) -> list[RenderableType]:
    return [f"[yellow]warning:[/] {escape(text)}" for text in warnings]


# --- run, up -------------------------------------------------------------------------------------

LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


def started(run: Started) -> list[RenderableType]:
    """A run that was just started."""
    lines: list[RenderableType] = [
        f"[green]✓[/] started {escape(run.name)} of {escape(run.deployment)}",
        *_parameters(run.parameters),
        _row("look at", run.url),
    ]
    return lines + _warnings(run.warnings)


def hints(run: Started) -> list[RenderableType]:
    """How to look at a run again, and how to cancel it."""
    return [f"  {escape(hint)}" for hint in run.hints]


def log(record: LogRecord) -> RenderableType:
    """One line of a run's log."""
    colour = LEVELS.get(record.level, "dim")
    head = f"{record.moment[11:19]} [{colour}]{record.level:<7}[/] [dim]{escape(record.run)}[/]"
    return f"{head} {escape(record.message)}"


def state(name: str) -> RenderableType:
    """The state that a run is in now: what there is to see before its first log."""
    return f"• {escape(name)}"


def ended(result: RunResult) -> list[RenderableType]:
    """How a run ended; a failure is told by its error."""
    if not result.completed:
        return []
    about = f"{result.state_name} in {result.seconds:.1f} s"
    return [f"[green]✓[/] {escape(result.name)}: {about}"]


def stack(report: StackReport) -> list[RenderableType]:
    """What runs, what was started, what was stopped."""
    lines: list[RenderableType] = []
    for service in report.services:
        where = f"pool {service.pool}" if service.name == "worker" else service.address
        known = [service.detail, f"pid {service.pid}" if service.pid else ""]
        about = escape(", ".join(filter(None, known)))
        about = f" ({about})" if about else ""
        lines.append(f"[green]✓[/] {service.name} {service.state}: {escape(where or '')}{about}")
        if service.log:
            lines.append(f"  [dim]log {escape(str(service.log))}[/]")
    if not report.services:
        lines.append("nothing that flowship started is running")
    if report.scheduler == "schedules":
        lines.append("[green]✓[/] the scheduler schedules")
    if report.profile:
        lines += profile_change(report.profile)
        return lines + _warnings(w for w in report.warnings if w not in report.profile.warnings)
    return lines + _warnings(report.warnings)


def months(results: Iterable[MonthResult]) -> list[RenderableType]:
    """What became of each month; why one failed is told as an error."""
    head = ("month", "outcome", "rows", "rejected", "MB", "seconds")
    rows = [
        (
            result.label,
            result.outcome,
            f"{result.rows:,}",
            f"{result.rejected:,}",
            f"{result.size / 1e6:,.1f}",
            f"{result.seconds:,.1f}",
        )
        for result in results
    ]
    return [table(head, rows)]


# --- init, profile -------------------------------------------------------------------------------


def scaffold(written: Scaffold) -> list[RenderableType]:
    """What `init` wrote, and the next step."""
    lines: list[RenderableType] = [f"[green]✓[/] wrote {escape(', '.join(written.written))}"]
    lines.append(f"  it runs {escape(written.entrypoint)}")
    if written.others:
        lines.append(f"  other flows found: {escape(', '.join(written.others))}")
    lines += [f"  {escape(note)}" for note in written.notes]
    return [*lines, "  next: `flowship build`"]


def profile_change(change: ProfileChange) -> list[RenderableType]:
    """What a profile command did."""
    lines: list[RenderableType] = []
    if change.corrected_from:
        lines.append(
            f"  {escape(change.corrected_from)} has no API; this has: {escape(change.url or '')}"
        )
    verb = "uses" if change.changed else "used already"
    url = escape(change.url or "no API")
    lines.append(f"[green]✓[/] profile {escape(change.profile)} {verb} {url}")
    if change.switched_from:
        told = f"{change.profile} is the active profile now, {change.switched_from} was"
        lines.append(f"  {escape(told)}")
    if change.server and change.server.version:
        lines.append(f"  Prefect {change.server.version} answers there")
    lines.append(f"  [dim]{escape(str(change.path))}[/]")
    return lines + _warnings(change.warnings)


def profile_list(profiles: Iterable[Profile]) -> str:
    """One profile a line, the active one marked."""
    return "\n".join(
        f"{'*' if p.active else ' '} {p.name:<12} {p.url or '-'}".rstrip() for p in profiles
    )


def profile_json(profile: Profile, target: ApiTarget) -> dict[str, Any]:
    """A profile and the API address that holds in this folder."""
    return {
        "name": profile.name,
        "active": profile.active,
        "settings": dict(profile.settings),
        "api": {"url": _shown(target), "source": target.source},
    }


def profile_text(profile: Profile, target: ApiTarget) -> str:
    """The same as lines."""
    head = f"{profile.name}{' (active)' if profile.active else ''}"
    lines = [f"  {name} = {value}" for name, value in profile.settings.items()]
    api = f"commands here use {_shown(target) or 'no API'}, from {target.source}"
    return "\n".join([head, *(lines or ["  (no settings)"]), api])


def _shown(target: ApiTarget) -> str | None:
    """The API's address; one with a password in it must not be copied out of a terminal."""
    from flowship.secrecy import mask_addresses

    return target.url and mask_addresses(target.url)
