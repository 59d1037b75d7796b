"""`flowship secret`: set, list and remove the secrets that runs get."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Env, Json, not_empty
from flowship.commands.project import announce, load_settings
from flowship.errors import UsageError

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.output.console import Screen

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", callback=not_empty, help="The environment variable, such as API_TOKEN."
    ),
]
Block = Annotated[
    str | None,
    typer.Option(
        "--block",
        callback=not_empty,
        help="The Secret block, in place of NAME; works without a project.",
    ),
]


def secret_set(
    name: Name = None,
    block: Block = None,
    from_env: Annotated[
        str | None,
        typer.Option(
            "--from-env", callback=not_empty, help="Take the value from this environment variable."
        ),
    ] = None,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Store a secret on the Prefect server: from a prompt, from stdin or from a variable.

    Without a terminal, the value is all of stdin without one line ending at its end.
    """
    from flowship import scope
    from flowship.deployment import secret_store
    from flowship.output import prompts, render_secret
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    settings = _settings(screen, name, env)
    secret = secret_store.find(settings, name, block)
    announce(screen, settings, "storing a secret in")
    variable = secret.name or secret.block
    text = _variable(from_env) if from_env else prompts.read_value(variable)
    value = secret_store.validated(text, variable)
    with scope.open_api(settings) as api:
        change = secret_store.store(api, secret, value)
    if warning := secret_store.unused(secret, settings):
        screen.warn(warning)
    screen.info(*render_secret.change(change))
    screen.result(change, change.block)


def secret_ls(env: Env = None, as_json: Json = False) -> None:
    """List the project's secrets, and whether the Prefect server has them; never their values."""
    from flowship import scope
    from flowship.deployment import secret_store
    from flowship.output import render_secret
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    settings = load_settings(screen, env)
    with scope.open_api(settings) as api:
        found = secret_store.states(api, settings)
        url = api.url
    screen.result({"secrets": found, "api_url": url}, render_secret.listed(found))


def secret_rm(
    name: Name = None,
    block: Block = None,
    force: Annotated[
        bool, typer.Option("--force", help="Remove it even if a deployment uses it.")
    ] = False,
    env: Env = None,
    as_json: Json = False,
) -> None:
    """Remove a secret from the Prefect server, unless a deployment uses it."""
    from flowship import scope
    from flowship.deployment import secret_store
    from flowship.output import render_secret
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    settings = _settings(screen, name, env)
    secret = secret_store.find(settings, name, block)
    announce(screen, settings, "removing a secret from")
    with scope.open_api(settings) as api:
        change = secret_store.remove(api, secret, force=force)
    screen.info(*render_secret.change(change))
    screen.result(change, change.block)


def _settings(screen: Screen, name: str | None, env: str | None) -> Settings | None:
    """The project's settings; with `--block` there need not be a project."""
    from flowship import scope
    from flowship.config import overlays

    if name is not None:
        return load_settings(screen, env, changes_server=True)
    settings = scope.known_project(Path.cwd(), env)
    overlays.require(settings)
    return settings


def _variable(name: str) -> str:
    if name not in os.environ:
        raise UsageError(
            f"the environment variable {name} is not set",
            code="variable-not-set",
            hint="export it, or omit --from-env to type the value or to pipe it in",
            where="--from-env",
        )
    return os.environ[name]
