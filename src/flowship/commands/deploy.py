"""`flowship deploy`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowship.commands.options import (
    Cron,
    Env,
    Image,
    Interval,
    Json,
    Name,
    NoSchedule,
    NoWait,
    Only,
    Param,
    Paused,
    Prune,
    Rrule,
    Timezone,
    pairs,
)
from flowship.commands.outcome import per_image
from flowship.commands.project import announce, load_settings
from flowship.commands.reviewed import PlanFile, review


def deploy(
    cron: Cron = None,
    interval: Interval = None,
    rrule: Rrule = None,
    timezone: Timezone = None,
    param: Param = None,
    name: Name = None,
    image: Image = None,
    only: Only = None,
    paused: Paused = None,
    no_schedule: NoSchedule = False,
    prune: Prune = False,
    plan: PlanFile = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="Deploy an image that was not pushed, for a worker here."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would change on the server; change nothing."),
    ] = False,
    no_wait: NoWait = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Create or update the block, the work pool and the scheduled deployments.

    Safe to repeat: pauses and schedules from the UI are kept; crons, parameters
    and tags follow the configuration. Everything is validated before anything
    changes.
    """
    from flowship import image_choice, pipeline
    from flowship.commands.hooks import after_deploy, begin
    from flowship.deployment.desired import Flags
    from flowship.output import render_deploy
    from flowship.output.console import Screen
    from flowship.output.listener import ScreenListener

    screen = Screen(as_json=as_json)
    parameters = pairs(param, "--param")
    flags = Flags(cron, interval, rrule, timezone, parameters, name, paused, no_schedule, prune)
    reviewing = review(plan, flags, {"--image": image, "--only": only, "--dry-run": dry_run})
    if reviewing:
        only, flags = reviewing.plan.only, reviewing.flags
    settings = load_settings(screen, env, changes_server=True)
    images = image_choice.selected(settings, only, flags)
    if image:
        image_choice.require_one(images, "--image")
    pipeline.validate(images, flags)
    announce(screen, settings, "comparing with" if dry_run else "deploying to")
    hooks = None if dry_run else begin(screen, settings, "deploy")
    deployed = pipeline.deploy(
        images,
        flags,
        image,
        ScreenListener(screen),
        local=local,
        dry_run=dry_run,
        wait=not no_wait,
        review=reviewing,
    )
    screen.info(*render_deploy.all_deployed(deployed))
    after_deploy(screen, hooks, deployed)
    names = "\n".join(render_deploy.deployment_names(report) for report in deployed)
    screen.result(
        per_image([each.label for each in images], [report.to_json() for report in deployed]),
        "" if dry_run else names,
    )
