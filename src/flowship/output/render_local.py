"""How the local server and worker look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.local.stack import StackReport
from flowship.output.render_profile import profile_change
from flowship.output.tables import warning_lines


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
        return lines + warning_lines(w for w in report.warnings if w not in report.profile.warnings)
    return lines + warning_lines(report.warnings)
