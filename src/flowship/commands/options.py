"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from flowship.errors import UsageError
from flowship.redaction import mask_text


def not_empty(value: str | None) -> str | None:
    """Refuse an empty value: most likely a variable of a script that is not set."""
    if value is not None and not value.strip():
        raise typer.BadParameter("is empty; omit the option to use the default")
    return value


Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        callback=not_empty,
        help="The environment to use: an \\[env.NAME] of the configuration. Default: FLOWSHIP_ENV.",
    ),
]
DeploymentName = Annotated[
    str | None,
    typer.Argument(
        metavar="DEPLOYMENT",
        callback=not_empty,
        help="flow/deployment or the deployment's name. Default: the project's deployments.",
    ),
]
RunName = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN | DEPLOYMENT",
        callback=not_empty,
        help="The ID of a run, its first 8 or more digits, or its name; or a deployment."
        " Default: the project's only deployment.",
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        callback=not_empty,
        help="The project, by its name; works in any folder. Default: the project of this folder.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        callback=not_empty,
        help="Where to push the image: user/de-repo:tag, host:port/repo, …",
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        callback=not_empty,
        help="Use this image, built by flowship, instead of the one for the current files:"
        " a tag, digest or git revision of this project, or REPOSITORY:TAG.",
    ),
]
Platform = Annotated[
    str | None,
    typer.Option(
        "--platform",
        callback=not_empty,
        help="Build for this platform, such as linux/arm64.",
    ),
]
NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Build every step again, without the engine's cache.")
]
NoProbe = Annotated[
    bool, typer.Option("--no-probe", help="Do not test that the flow loads inside the image.")
]
BuildArg = Annotated[
    list[str] | None,
    typer.Option("--build-arg", help="KEY=VALUE for an ARG of the Dockerfile. Can be repeated."),
]
Cron = Annotated[
    str | None,
    typer.Option("--cron", help='Run on a cron schedule: "0 5 * * *" is every day at 05:00.'),
]
Interval = Annotated[
    str | None,
    typer.Option("--interval", help="Run at an interval: 15m, 1h30m, 1d, or seconds."),
]
Rrule = Annotated[
    str | None,
    typer.Option("--rrule", help="Run by an iCalendar recurrence rule (RFC 5545): FREQ=DAILY."),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        callback=not_empty,
        help="The timezone of the schedule, such as Pacific/Auckland. Default: UTC.",
    ),
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", help="key=value for the flow; the value may be JSON. Can be repeated."
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", callback=not_empty, help="The deployment, if several are configured."),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        callback=not_empty,
        help="Only this image: an \\[images.NAME], or the project's name for its own image.",
    ),
]
ImageOf = Annotated[
    str | None,
    typer.Option("--name", callback=not_empty, help="Only the image that this deployment uses."),
]
Paused = Annotated[
    bool | None,
    typer.Option(
        "--paused/--no-paused", help="Pause or resume the deployment. Default: no change."
    ),
]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="Fail if another deploy of this project is in progress."),
]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Delete deployments that are no longer in the configuration."),
]
NoSchedule = Annotated[
    bool, typer.Option("--no-schedule", help="Remove the schedules that flowship created.")
]


def pairs(items: list[str] | None, option: str) -> dict[str, str]:
    """The ``key=value`` items of an option that can be repeated."""
    pairs = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(
                f"{option} must be key=value, not {mask_text(item)!r}",
                code="invalid-key-value",
                where=option,
            )
        pairs[key] = value
    return pairs
