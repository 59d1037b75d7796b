"""The command line: registers the commands of `flowship.commands`.

This module imports nothing slow: each command imports what it needs when it runs.
"""

from __future__ import annotations

import copy
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from flowship import __version__
from flowship.commands import (
    boundary,
    build,
    cancel,
    check,
    delete,
    deploy,
    doctor,
    etl,
    history,
    init,
    logs,
    pause,
    plan,
    profile,
    promote,
    prune,
    ps,
    push,
    rollback,
    run,
    schedule,
    secret,
    ship,
    status,
    try_flow,
    unlock,
    up,
)
from flowship.commands.boundary import examples_text, register
from flowship.errors import UsageError
from flowship.output import next_steps

# The headings under which `flowship --help` lists the commands.
BEGIN = "From a folder to a working image"
SHIP = "From an image to scheduled runs"
OBSERVE = "Observe"
OPERATE = "Operate"
SET_UP = "Set up"

app = typer.Typer(
    name="flowship",
    help="Build a Python flow into a container image, push it and deploy it to Prefect.",
    epilog=examples_text(
        [
            "flowship init",
            'flowship ship --repo user/de-repo --cron "0 5 * * *"',
            "flowship -C ../trips check",
        ]
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
profile_app = typer.Typer(
    help="Show and set the Prefect API that flowship uses, in Prefect's own profiles.",
    epilog=examples_text(["flowship profile show", "flowship profile set-api"]),
    no_args_is_help=True,
)
app.add_typer(profile_app, name="profile", rich_help_panel=SET_UP)
secret_app = typer.Typer(
    help="Set, list and remove the secrets that runs get, on the Prefect server.",
    epilog=examples_text(["flowship secret set API_TOKEN", "flowship secret ls"]),
    no_args_is_help=True,
)
app.add_typer(secret_app, name="secret", rich_help_panel=SET_UP)
schedule_app = typer.Typer(
    help="Show what a schedule does, before it is deployed.",
    epilog=examples_text(['flowship schedule preview "0 5 * * *" --timezone Europe/Berlin']),
    no_args_is_help=True,
)
app.add_typer(schedule_app, name="schedule", rich_help_panel=OBSERVE)
etl_app = typer.Typer(
    help="Run the built-in ETL flow: New York taxi trips from the web to Parquet files.",
    epilog=examples_text(["flowship etl run --to ./trips --year 2021 --months 1-3"]),
    no_args_is_help=True,
)
app.add_typer(etl_app, name="etl", rich_help_panel=SET_UP)


def main() -> None:
    """Run the command line and exit with its code."""
    # Imports create many objects and no garbage; with the default threshold, the collector takes
    # a tenth of the time of a short command. A long command still collects its garbage.
    gc.set_threshold(200_000, 10, 10)
    # A canceled CI job or `kill` gets the same clean-up as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from flowship.output.console import Screen
    from flowship.output.streams import resilient_streams

    code = 0
    try:
        with resilient_streams():
            code = boundary.run(asked_for(sys.argv[1:]))
    except (
        UsageError
    ) as exc:  # the result was not written; a failed command keeps its own exit code
        Screen().show_error(exc)
        code = code or int(exc.exit_code)
    sys.exit(code)


def asked_for(words: Sequence[str]) -> typer.Typer:
    """The application with the one command that a command line asks for, or with all commands.

    Typer builds the parser of each command that is registered: 30 ms for all of them. They are
    needed where the line does not begin with a command: for the help of all, and for the hint at
    the nearest name.
    """
    left = iter(words)
    first = next(left, "")
    while first in _WITH_VALUE:
        next(left, "")
        first = next(left, "")
    found = copy.copy(app)
    found.registered_commands = [each for each in app.registered_commands if each.name == first]
    found.registered_groups = [each for each in app.registered_groups if each.name == first]
    return found if found.registered_commands or found.registered_groups else app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flowship {__version__}")
        raise typer.Exit


_WITH_VALUE = ("--folder", "-C", "--env")
"""The options before a command that take a value."""


@app.callback()
def common(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", "-C", help="Run in this folder instead of the current one."),
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", help="The environment, as the --env of each command.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Apply the options of all commands."""
    if folder is None:
        try:
            Path.cwd()
        except FileNotFoundError as exc:
            raise typer.BadParameter("the current folder no longer exists") from exc
    else:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise typer.BadParameter(f"{folder} {what}", param_hint="--folder")
        os.chdir(folder)
    next_steps.of_folder(str(folder or ""))
    if env is not None:
        # Where a command has no --env of its own, nothing reads this.
        defaults = {"env": env}
        names = [command.name for command in app.registered_commands]
        groups = [group.name for group in app.registered_groups]
        context.default_map = {
            **{str(name): defaults for name in names},
            **{str(name): dict.fromkeys(_names(name), defaults) for name in groups},
        }


def _names(group: str | None) -> list[str]:
    """The names of a group's commands."""
    found = next(g.typer_instance for g in app.registered_groups if g.name == group)
    return [str(command.name) for command in found.registered_commands] if found else []


register(
    app,
    "init",
    init.init,
    ("flowship init", "flowship -C trips init", "flowship init --from prefect.yaml"),
    panel=BEGIN,
)
register(
    app,
    "check",
    check.check,
    ("flowship check", "flowship check --fix", "flowship check docker/Dockerfile --json"),
    panel=BEGIN,
)
register(
    app,
    "build",
    build.build,
    (
        "flowship build",
        "flowship build --platform linux/amd64 --build-arg TEAM=data",
        "flowship build --print-dockerfile",
    ),
    panel=BEGIN,
)
register(
    app,
    "try",
    try_flow.try_flow,
    (
        "flowship try",
        "flowship try nightly --param 'months=[1]'",
        "flowship try --offline",
    ),
    panel=BEGIN,
)
register(
    app,
    "push",
    push.push,
    (
        "flowship push --repo user/de-repo:v1",
        "flowship push --repo localhost:5000/team/de-repo --json",
    ),
    panel=SHIP,
)
register(
    app,
    "login",
    push.login,
    ("flowship login ghcr.io", "flowship login -u ada --password-stdin < token.txt"),
    panel=SET_UP,
)
register(
    app,
    "plan",
    plan.plan,
    (
        "flowship plan",
        "flowship plan --out plan.json --exit-code",
        "flowship plan --markdown > comment.md",
    ),
    panel=SHIP,
)
register(
    app,
    "deploy",
    deploy.deploy,
    (
        'flowship deploy --cron "0 5 * * *" --timezone Europe/Berlin',
        "flowship deploy --interval 15m --param 'months=[1,2,3]'",
        "flowship deploy --dry-run",
    ),
    panel=SHIP,
)
register(
    app,
    "ship",
    ship.ship,
    (
        "flowship ship",
        'flowship ship --repo user/de-repo --cron "0 5 * * *"',
        "flowship ship --name nightly --no-schedule",
    ),
    panel=SHIP,
)
register(
    app,
    "promote",
    promote.promote,
    (
        "flowship promote --from staging --to production",
        "flowship promote --from staging --to production --dry-run",
    ),
    panel=SHIP,
)
register(
    app,
    "run",
    run.run,
    (
        "flowship run --watch",
        "flowship run trips/nightly --param year=2021 --param 'months=[1,2,3]'",
    ),
    panel=OPERATE,
)
register(
    app,
    "history",
    history.history,
    ("flowship history", "flowship history 7", "flowship history --project trips -n 30"),
    panel=OBSERVE,
)
register(
    app,
    "rollback",
    rollback.rollback,
    ("flowship rollback", "flowship rollback 7 --dry-run", "flowship rollback 3f2a91c07d44 --yes"),
    panel=OPERATE,
)
register(
    app,
    "delete",
    delete.delete,
    ("flowship delete nightly", "flowship delete --project trips --dry-run"),
    panel=OPERATE,
)
register(
    app,
    "prune",
    prune.prune,
    ("flowship prune --dry-run", "flowship prune --keep 3"),
    panel=OPERATE,
)
register(
    app,
    "unlock",
    unlock.unlock,
    ("flowship unlock", "flowship unlock --project trips --yes"),
    panel=OPERATE,
)
register(
    app,
    "doctor",
    doctor.doctor,
    ("flowship doctor", "flowship doctor --fix", "flowship doctor --project trips --json"),
    panel=OBSERVE,
)
register(
    app,
    "status",
    status.status,
    ("flowship status", "flowship status trips/nightly --watch", "flowship status --project trips"),
    panel=OBSERVE,
)
register(
    app,
    "cancel",
    cancel.cancel,
    (
        "flowship cancel 6e5a4396",
        "flowship cancel trips/nightly",
        "flowship cancel nightly --force",
    ),
    panel=OPERATE,
)
register(
    app,
    "ps",
    ps.ps,
    ("flowship ps", "flowship ps --all", "flowship ps trips/nightly --json"),
    panel=OBSERVE,
)
register(
    app,
    "logs",
    logs.logs,
    (
        "flowship logs",
        "flowship logs trips/nightly --failed",
        "flowship logs 6e5a4396 --follow --level WARNING",
        "flowship logs nightly --since 1h --grep 'rows|months'",
    ),
    panel=OBSERVE,
)
register(
    app,
    "pause",
    pause.pause,
    (
        "flowship pause",
        "flowship pause trips/nightly --schedule daily-0500",
        "flowship pause --all --project trips",
    ),
    panel=OPERATE,
)
register(
    app,
    "resume",
    pause.resume,
    ("flowship resume", "flowship resume trips/nightly --schedule daily-0500"),
    panel=OPERATE,
)
register(app, "up", up.up, ("flowship up", "flowship up --port 4201 --pool etl"), panel=SET_UP)
register(app, "down", up.down, ("flowship down",), panel=SET_UP)
register(
    etl_app,
    "run",
    etl.etl_run,
    (
        "flowship etl run --to ./trips --year 2021 --months 1-3,12",
        "flowship etl run --to gcs-bucket/taxi --colour green --force",
    ),
)
register(
    profile_app,
    "set-api",
    profile.profile_set_api,
    (
        "flowship profile set-api",
        "flowship profile set-api http://prefect.example.com:4200/api --profile work",
    ),
)
register(profile_app, "ls", profile.profile_ls, ("flowship profile ls",))
register(profile_app, "use", profile.profile_use, ("flowship profile use work",))
register(
    profile_app,
    "show",
    profile.profile_show,
    ("flowship profile show", "flowship profile show work --json"),
)
register(
    schedule_app,
    "preview",
    schedule.schedule_preview,
    (
        'flowship schedule preview "0 5 * * *" --timezone Europe/Berlin',
        'flowship schedule preview "30 2 * * *" --from 2026-10-24 -n 3',
        "flowship schedule preview --interval 15m",
    ),
)
register(
    secret_app,
    "set",
    secret.secret_set,
    (
        "flowship secret set API_TOKEN",
        "flowship secret set API_TOKEN < token.txt",
        "flowship secret set API_TOKEN --from-env API_TOKEN",
    ),
)
register(secret_app, "ls", secret.secret_ls, ("flowship secret ls", "flowship secret ls --json"))
register(
    secret_app,
    "rm",
    secret.secret_rm,
    ("flowship secret rm API_TOKEN", "flowship secret rm --block taxi-api-token --force"),
)


if __name__ == "__main__":
    main()
