"""`flowship deploy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import (
    Cron,
    Image,
    Interval,
    Json,
    Name,
    NoSchedule,
    Param,
    Paused,
    Rrule,
    Timezone,
    pairs,
)
from flowship.commands.project import load_settings

if TYPE_CHECKING:
    pass


def deploy(
    cron: Cron = None,
    interval: Interval = None,
    rrule: Rrule = None,
    timezone: Timezone = None,
    param: Param = None,
    name: Name = None,
    image: Image = None,
    paused: Paused = None,
    no_schedule: NoSchedule = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be deployed; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Register the block, the work pool and the scheduled deployment; again and again.

    Re-running converges: what a person did in the UI stays, what the
    configuration dropped goes. Everything is judged before anything changes.
    Exit codes 2, 3, 4, 7; 6 for an --image that only a registry has.
    """
    from flowship import pipeline
    from flowship.deploy import apply, preflight
    from flowship.deployment.desired import Flags, validate_early
    from flowship.output import render_deploy
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    settings = load_settings(screen)
    flags = Flags(
        cron, interval, rrule, timezone, pairs(param, "--param"), name, paused, no_schedule
    )
    validate_early(settings, flags)
    if dry_run:
        specs = pipeline.specs_of(image, settings, flags)
        screen.info(*render_deploy.specs(specs))
        screen.result({"deployments": [spec.to_json() for spec in specs]})
        return
    with pipeline.open_api() as api:
        ground = preflight(settings, flags, api)
        specs = pipeline.specs_of(image, settings, flags)
        with screen.progress() as report:
            deployed = apply(specs, ground, api, settings, report)
    screen.info(*render_deploy.deployed(deployed))
    screen.result(deployed.to_json(), render_deploy.deployment_names(deployed))
