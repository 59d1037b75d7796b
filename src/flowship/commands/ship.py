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
    Only,
    Param,
    Paused,
    Platform,
    Prune,
    Repo,
    Rrule,
    Timezone,
    pairs,
)
from flowship.commands.outcome import per_image
from flowship.commands.project import announce, load_settings
from flowship.commands.reviewed import PlanFile, review


def ship(
    repo: Repo = None,
    cron: Cron = None,
    interval: Interval = None,
    rrule: Rrule = None,
    timezone: Timezone = None,
    param: Param = None,
    name: Name = None,
    only: Only = None,
    paused: Paused = None,
    no_schedule: NoSchedule = False,
    prune: Prune = False,
    plan: PlanFile = None,
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
    from flowship import image_choice, pipeline
    from flowship.commands.hooks import HookedListener, after_deploy, begin
    from flowship.deployment.desired import Flags
    from flowship.engine.builder import BuildOptions
    from flowship.output import render_deploy, render_image
    from flowship.output.console import Screen, to_json
    from flowship.registry.target import push_target

    screen = Screen(as_json=as_json)
    parameters = pairs(param, "--param")
    flags = Flags(cron, interval, rrule, timezone, parameters, name, paused, no_schedule, prune)
    others = {"--repo": repo, "--only": only, "--dry-run": dry_run}
    reviewing = review(plan, flags, others)
    if reviewing:
        only, repo, flags = reviewing.plan.only, reviewing.plan.repo, reviewing.flags
    settings = load_settings(screen, env, changes_server=True, platform=platform)
    hooks = None if dry_run else begin(screen, settings, "ship")
    requests = prepare(screen, settings, build_arg, only, flags, hooks)
    images = [request.settings for request in requests]
    if repo:
        image_choice.require_one(images, "--repo")
    targets = [push_target(repo, settings) for settings in images]
    listener = HookedListener(screen, hooks, deploys=True)
    pipeline.validate(images, flags)
    announce(screen, images[0], "comparing with" if dry_run else "deploying to")
    labels = [settings.label for settings in images]
    if dry_run:
        plans = pipeline.plan_ship(requests, flags, targets, listener, only=only).images
        screen.info(*render_deploy.ship_plans(plans, attention=listener.attention))
        results = [{"image_action": p.action, **p.deploy.to_json()} for p in plans]
        screen.result(per_image(labels, results))
        return
    options = BuildOptions(no_cache=no_cache, probe=not no_probe)
    done = pipeline.ship(
        requests, flags, targets, options, listener, wait=not no_wait, review=reviewing
    )
    screen.info(
        *render_deploy.all_deployed(
            [each.deployed for each in done],
            attention=listener.attention,
            digest=screen.as_json,
        )
    )
    after_deploy(screen, hooks, [each.deployed for each in done])
    results = [
        {
            "build": render_image.built_json(each.image, listener.warnings_of(each.image)),
            "push": to_json(each.pushed),
            "deploy": each.deployed.to_json(),
        }
        for each in done
    ]
    screen.result(per_image(labels, results), "\n".join(e.pushed.reference for e in done))
