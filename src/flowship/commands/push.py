"""`flowship push` and `flowship login`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, Image, Json, Repo
from flowship.commands.project import load_settings

if TYPE_CHECKING:
    from flowship.config.settings import Settings


def push(repo: Repo = None, image: Image = None, env: Env = None, as_json: Json = False) -> None:
    """Push the image of the current files to a registry, and verify its digest there.

    Prints user/de-repo:tag@sha256:… on stdout. Exit code 3 if files changed
    since the build, 6 if the registry rejects the push or cannot be reached.
    """
    from flowship import image_choice
    from flowship.config import loading, overlays
    from flowship.engine.client import connect
    from flowship.output import render_image
    from flowship.output.console import Screen
    from flowship.push import push as push_image
    from flowship.registry.retries import RETRY_SECONDS
    from flowship.registry.target import push_target

    screen = Screen(as_json=as_json)
    if image is None:
        settings: Settings | None = load_settings(screen, env, changes_server=True)
    else:
        settings = loading.settings_or_none(Path.cwd(), env)
        overlays.require(settings)
    target = push_target(repo, settings)
    credentials = image_choice.credentials(target)
    retry_for = settings.push_retry_seconds if settings else RETRY_SECONDS
    engine = connect()
    with screen.progress() as report:
        built = image_choice.to_push(engine, image, settings)
        pushed = push_image(
            engine, built, target, credentials=credentials, report=report, retry_for=retry_for
        )
    screen.info(*render_image.pushed(pushed))
    screen.result(pushed, pushed.reference)


def login(
    registry: Annotated[
        str,
        typer.Argument(help="The registry's host, and its port if needed. Default: Docker Hub."),
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
