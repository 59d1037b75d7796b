"""`flowship promote`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowship.commands.options import Json, Name, NoWait, Only, not_empty
from flowship.commands.outcome import per_image
from flowship.commands.project import announce, load_settings
from flowship.errors import UsageError

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.output.console import Screen
    from flowship.promotion import Promotion


def promote(
    source: Annotated[
        str,
        typer.Option("--from", callback=not_empty, help="The environment that runs the image."),
    ],
    target: Annotated[
        str, typer.Option("--to", callback=not_empty, help="The environment to deploy to.")
    ],
    name: Name = None,
    only: Only = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would change; copy and change nothing."),
    ] = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Deploy to one environment, without a build, the images that another one runs.

    An image keeps its digest. Schedules, parameters and everything else are those of
    the environment that is deployed to.
    """
    from flowship import image_choice, pipeline
    from flowship.commands.hooks import after_deploy, begin
    from flowship.deployment.desired import Flags
    from flowship.output import next_steps, render_deploy, render_target
    from flowship.output.console import Screen
    from flowship.output.listener import ScreenListener

    next_steps.choose_environment(target)
    if source == target:
        raise UsageError(
            f"--from and --to are both {source}",
            code="same-environment",
            hint="name two environments of the configuration",
            where="--to",
        )
    screen = Screen(as_json=as_json)
    before = _settings(screen, source, "--from")
    after = _settings(screen, target, "--to")
    flags = Flags(name=name)
    images = image_choice.selected(after, only, flags)
    pipeline.validate(images, flags)
    announce(screen, before, "promoting from")
    announce(screen, after, "comparing with" if dry_run else "deploying to")
    hooks = None if dry_run else begin(screen, after, "promote")
    done = pipeline.promote(
        before, images, flags, ScreenListener(screen), dry_run=dry_run, wait=not no_wait
    )
    for each in done:
        screen.info(*render_target.would_copy(each), *render_deploy.deployed(each.deployed))
    after_deploy(screen, hooks, [each.deployed for each in done])
    screen.result(
        per_image([each.label for each in images], [_json(each) for each in done]),
        "" if dry_run else "\n".join(each.image for each in done),
    )


def _settings(screen: Screen, environment: str, option: str) -> Settings:
    """The settings of an environment; an error about its name is one about the option."""
    try:
        return load_settings(screen, environment)
    except UsageError as exc:
        exc.where = option if exc.code == "environment-unknown" else exc.where
        raise


def _json(done: Promotion) -> dict[str, Any]:
    return {
        "from": {
            "environment": done.source.environment,
            "api_url": done.source.api_url,
            "image": str(done.source.image),
        },
        "image": done.image,
        "copied": done.copied,
        "deploy": done.deployed.to_json(),
    }
