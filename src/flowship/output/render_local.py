"""Renders the local server and worker."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.local.services import SchedulerState, Service, State
from flowship.output.render_profile import profile_change
from flowship.output.tables import warning_lines

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.config.settings import Settings
    from flowship.local.stack import StackReport

_STATES = {State.EXTERNAL: "is running, not started by flowship"}


def stack(report: StackReport) -> list[RenderableType]:
    """Return the lines about what runs, and what was started or stopped."""
    lines: list[RenderableType] = []
    for service in report.services:
        lines += _service(service)
    if not report.services:
        lines.append("nothing to stop: no server or worker started by flowship is running")
    if report.scheduler is SchedulerState.RUNNING:
        lines.append("[green]✓[/] scheduler is running")
    if report.restored_profile:
        lines.append(f"[green]✓[/] switched back to the profile {escape(report.restored_profile)}")
    if report.profile:
        lines += profile_change(report.profile)
        return lines + warning_lines(w for w in report.warnings if w not in report.profile.warnings)
    return lines + warning_lines(report.warnings)


def other_server(settings: Settings) -> str:
    """The note where the project names another profile than the active one, which `up` uses."""
    of = f"the environment {settings.environment}" if settings.environment else "the project"
    command = f"PREFECT_PROFILE={shlex.quote(str(settings.profile))} flowship up"
    return f"the server is that of the active profile, not that of {of}: for that, `{command}`"


def _service(service: Service) -> list[RenderableType]:
    where = f"pool {service.pool}" if service.name == "worker" else service.address
    known = [service.detail, f"pid {service.pid}" if service.pid else ""]
    about = escape(", ".join(filter(None, known)))
    about = f" ({about})" if about else ""
    state = _STATES.get(service.state, service.state.value)
    lines: list[RenderableType] = [
        f"[green]✓[/] {escape(service.name)} {state}: {escape(where or '')}{about}"
    ]
    if service.log:
        lines.append(f"  [dim]log {escape(str(service.log))}[/]")
    return lines
