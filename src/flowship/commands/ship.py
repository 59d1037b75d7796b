"""`flowship ship`: the whole cycle."""

from __future__ import annotations

from typing import Annotated

import typer

from flowship.commands.build import prepare
from flowship.commands.options import (
    BuildArg,
    Cron,
    Env,
    Interval,
    Json,
    Name,
    NoCache,
    NoProbe,
    NoSchedule,
    NoWait,
    Param,
    Paused,
    Platform,
    Repo,
    Rrule,
    Timezone,
    pairs,
)
from flowship.commands.project import announce


def ship(
    repo: Repo = None,
    cron: Cron = None,
    interval: Interval = None,
    rrule: Rrule = None,
    timezone: Timezone = None,
    param: Param = None,
    name: Name = None,
    paused: Paused = None,
    no_schedule: NoSchedule = False,
    no_cache: NoCache = False,
    no_probe: NoProbe = False,
    platform: Platform = None,
    build_arg: BuildArg = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; build and change nothing.")
    ] = False,
    no_wait: NoWait = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Check, build, probe, push and deploy, stopping at the first step that fails.

    Only a probed image is pushed (except with --no-probe), and only a pushed image
    is deployed.
    """
    from flowship import pipeline
    from flowship.deployment.desired import Flags
    from flowship.engine.builder import BuildOptions
    from flowship.output import render_deploy, render_image
    from flowship.output.console import Screen
    from flowship.output.listener import ScreenListener
    from flowship.registry.target import push_target

    screen = Screen(as_json=as_json)
    request = prepare(screen, platform, build_arg, env, changes_server=True)
    flags = Flags(
        cron, interval, rrule, timezone, pairs(param, "--param"), name, paused, no_schedule
    )
    target = push_target(repo, request.settings)
    listener = ScreenListener(screen, deploys=True)
    announce(screen, request.settings, "comparing with" if dry_run else "deploying to")
    if dry_run:
        plan = pipeline.plan_ship(request, flags, target, listener)
        screen.info(*render_deploy.ship_plan(plan, attention=listener.attention))
        screen.result({"image_action": plan.action.value, **plan.deploy.to_json()})
        return
    options = BuildOptions(no_cache=no_cache, probe=not no_probe)
    done = pipeline.ship(request, flags, target, options, listener, wait=not no_wait)
    screen.info(
        *render_deploy.deployed(done.deployed, attention=listener.attention, digest=screen.as_json)
    )
    result = {
        "build": render_image.built_json(done.image),
        "push": done.pushed,
        "deploy": done.deployed.to_json(),
    }
    screen.result(result, done.pushed.reference)
