"""`flowship plan`: what `ship` would change, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flowship.commands.build import prepare
from flowship.commands.options import Env, Json, Name, Only, Prune, Repo
from flowship.commands.project import announce, load_settings


def plan(
    repo: Repo = None,
    name: Name = None,
    only: Only = None,
    prune: Prune = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Save the plan in this file, for `ship --plan`."),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a comment on a pull request.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 10 if there is anything to change.")
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Show what `flowship ship` would change and why; change nothing.

    Compares the files, the registry and the Prefect server with the
    configuration, and says what was changed on the server since the last release.
    """
    from dataclasses import replace

    from flowship import image_choice, pipeline
    from flowship.deployment.desired import Flags
    from flowship.errors import ExitCode, UsageError
    from flowship.output import markdown_plan, render_plan
    from flowship.output.console import Screen
    from flowship.output.listener import ScreenListener
    from flowship.planning import reviewed
    from flowship.registry.target import push_target

    screen = Screen(as_json=as_json)
    if markdown and as_json:
        raise UsageError(
            "--markdown and --json cannot be combined",
            code="options-exclude-each-other",
            where="--markdown",
        )
    flags = Flags(name=name, prune=prune)
    settings = load_settings(screen, env, changes_server=True)
    requests = prepare(screen, settings, None, only, flags, None)
    images = [request.settings for request in requests]
    if repo:
        image_choice.require_one(images, "--repo")
    targets = [push_target(repo, image) for image in images]
    pipeline.validate(images, flags)
    announce(screen, images[0], "comparing with")
    listener = ScreenListener(screen, deploys=True)
    found = replace(pipeline.plan_ship(requests, flags, targets, listener, only=only), repo=repo)
    screen.info(*render_plan.warnings(found, listener.attention))
    if out:
        reviewed.save(found, out)
    if markdown:
        screen.result({}, markdown_plan.document(found))
    else:
        screen.report(found.to_json(), *render_plan.project(found))
    if out:
        screen.info(render_plan.saved(out, found.environment))
    if exit_code and found.changes:
        raise typer.Exit(int(ExitCode.CHANGES))
