"""`flowship push` and `flowship login`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, Image, ImageOf, Json, Only, Repo
from flowship.commands.outcome import per_image
from flowship.commands.project import load_settings

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.output.console import Screen


def push(
    repo: Repo = None,
    image: Image = None,
    only: Only = None,
    name: ImageOf = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Push the images of the current files to a registry, and verify their digests there.

    Prints user/de-repo:tag@sha256:… on stdout, one a line. Exit code 3 if files changed
    since the build, 6 if the registry rejects the push or cannot be reached.
    """
    from flowship import image_choice, pipeline
    from flowship.commands.hooks import HookedListener, begin
    from flowship.output.console import Screen, to_json
    from flowship.registry.target import push_target

    screen = Screen(as_json=as_json)
    images = _images(screen, env, image, only, name)
    for option in ["--image"] * bool(image) + ["--repo"] * bool(repo):
        image_choice.require_one(images, option)
    targets = [push_target(repo, settings) for settings in images or (None,)]
    hooks = begin(screen, images[0], "push") if images else None
    listener = HookedListener(screen, hooks)
    if image:
        pushed = [pipeline.push_named(image, images[0] if images else None, targets[0], listener)]
    else:
        pushed = pipeline.push(images, targets, listener)
    labels = [settings.label for settings in images]
    screen.result(
        per_image(labels, [to_json(each) for each in pushed]),
        "\n".join(each.reference for each in pushed),
    )


def _images(
    screen: Screen, env: str | None, image: str | None, only: str | None, name: str | None
) -> tuple[Settings, ...]:
    """The images of the project; a named one may be of none, or of a broken one."""
    from flowship import image_choice
    from flowship.config import loading, overlays
    from flowship.deployment.desired import Flags

    if image is None:
        settings: Settings | None = load_settings(screen, env, changes_server=True)
    else:
        settings = loading.settings_or_none(Path.cwd(), env)
        overlays.require(settings)
    return image_choice.selected(settings, only, Flags(name=name)) if settings else ()


def login(
    registry: Annotated[
        str,
        typer.Argument(
            metavar="REGISTRY",
            help="The registry's host, and its port if needed. Default: Docker Hub.",
        ),
    ] = "",
    username: Annotated[
        str | None,
        typer.Option("--username", "-u", help="The user name; prompted for on a terminal."),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password or token from stdin.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Log in to a registry, and store the credentials as docker does.

    The registry verifies them first; if it rejects them, nothing is stored.
    """
    from flowship import pipeline
    from flowship.output import render_image
    from flowship.output.console import Screen
    from flowship.output.prompts import ask_credentials

    screen = Screen(as_json=as_json)
    user, password = ask_credentials(username, from_stdin=password_stdin)
    done = pipeline.login(registry, user, password)
    screen.info(*render_image.logged_in(done))
    screen.result(done)
