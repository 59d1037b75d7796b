"""`flowship ship`: the whole cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship.commands.build import build_image, prepare
from flowship.commands.options import (
    BuildArg,
    Cron,
    Interval,
    Json,
    Name,
    NoCache,
    NoProbe,
    NoSchedule,
    Param,
    Paused,
    Platform,
    Repo,
    Rrule,
    Timezone,
    pairs,
)

if TYPE_CHECKING:
    pass


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
    as_json: Json = False,
) -> None:
    """Check, build, probe, push and deploy, stopping at the first step that fails.

    Nothing unprobed is pushed (but with --no-probe), nothing unpushed is deployed.
    """
    from flowship import pipeline
    from flowship.deploy import apply, judge_kept, preflight
    from flowship.deployment.desired import Flags, validate_early
    from flowship.engine.client import connect
    from flowship.output import render_deploy, render_image
    from flowship.output.console import Screen
    from flowship.push import published
    from flowship.push import push as push_image
    from flowship.registry.target import push_target

    screen = Screen(as_json=as_json)
    request = prepare(screen, platform, build_arg)
    settings = request.settings
    flags = Flags(
        cron, interval, rrule, timezone, pairs(param, "--param"), name, paused, no_schedule
    )
    target = push_target(repo, settings)
    credentials = pipeline.credentials(target)
    validate_early(settings, flags)
    with pipeline.open_api() as api:
        ground = preflight(settings, flags, api)
        engine = connect()
        built = build_image(
            screen,
            request,
            no_cache=no_cache,
            no_probe=no_probe,
            engine=engine,
            elsewhere=lambda inputs: published(engine, target, inputs, credentials),
        )
        judge_kept(pipeline.specs(settings, built, flags), api)  # parameters, before the push
        with screen.progress() as report:
            pushed = push_image(engine, built, target, credentials=credentials, report=report)
        screen.info(*render_image.pushed(pushed))
        specs = pipeline.specs(settings, built, flags, pushed.reference)
        with screen.progress() as report:
            deployed = apply(specs, ground, api, settings, report)
    screen.info(*render_deploy.deployed(deployed))
    result = {"build": render_image.built_json(built), "push": pushed, "deploy": deployed.to_json()}
    screen.result(result, pushed.reference)
