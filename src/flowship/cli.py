"""The command line: registers the commands of `flowship.commands`.

Nothing heavy is imported at the top: a command pays only for what it uses.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from flowship import __version__
from flowship.commands import (
    boundary,
    build,
    check,
    deploy,
    etl,
    init,
    profile,
    push,
    run,
    ship,
    up,
)
from flowship.commands.boundary import register
from flowship.errors import UsageError

app = typer.Typer(
    name="flowship",
    help="Take a Python flow to a container image, a registry and a scheduled Prefect deployment.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
profile_app = typer.Typer(
    help="Which Prefect API is used: Prefect's own profiles, the same file.",
    no_args_is_help=True,
)
app.add_typer(profile_app, name="profile")
etl_app = typer.Typer(
    help="The shipped ETL pipeline: New York taxi trips from the web to Parquet.",
    no_args_is_help=True,
)
app.add_typer(etl_app, name="etl")


def main() -> None:
    """The console script."""
    # Imports make many objects and no garbage: looking for it every 700 of them takes a tenth
    # of a short command's time. Collected it still is, where a command runs on and makes some.
    gc.set_threshold(200_000, 10, 10)
    # A CI job that is cancelled, or `kill`: what was begun is tidied up as at Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from flowship.output.console import Screen, lasting_streams

    code = 0
    try:
        with lasting_streams():
            code = boundary.run(app)
    except UsageError as exc:  # the result did not get out; a failure's own code says more
        Screen().show_error(exc)
        code = code or int(exc.exit_code)
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flowship {__version__}")
        raise typer.Exit


@app.callback()
def common(
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "-C", help="Work in this folder instead of the current one."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What holds for every command."""
    if folder is None:
        try:
            Path.cwd()
        except FileNotFoundError as exc:
            raise typer.BadParameter("the current folder does not exist any more") from exc
    else:
        if not folder.is_dir():
            what = "is no folder" if folder.exists() else "does not exist"
            raise typer.BadParameter(f"{folder} {what}", param_hint="--folder")
        os.chdir(folder)


register(app, "check", check.check)
register(app, "build", build.build)
register(app, "push", push.push)
register(app, "login", push.login)
register(app, "deploy", deploy.deploy)
register(app, "ship", ship.ship)
register(app, "run", run.run)
register(app, "up", up.up)
register(app, "down", up.down)
register(etl_app, "run", etl.etl_run)
register(app, "init", init.init)
register(profile_app, "set-api", profile.profile_set_api)
register(profile_app, "ls", profile.profile_ls)
register(profile_app, "use", profile.profile_use)
register(profile_app, "show", profile.profile_show)


if __name__ == "__main__":
    main()
