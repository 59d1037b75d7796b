"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

from typing import Annotated

import typer

from flowship.errors import UsageError


def not_empty(value: str | None) -> str | None:
    """An empty value is a script's variable that was not set, and no wish for the default."""
    if value is not None and not value.strip():
        raise typer.BadParameter("is empty; leave the option out for the default")
    return value


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Repo = Annotated[
    str | None,
    typer.Option(
        "--repo",
        callback=not_empty,
        help="Where the image goes: user/de-repo:tag, host:port/repo, …",
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        callback=not_empty,
        help="An image that flowship built, instead of the present files'.",
    ),
]
Platform = Annotated[
    str | None,
    typer.Option(
        "--platform",
        callback=not_empty,
        help="Build for this platform: linux/amd64, linux/arm64.",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Build every step anew.")]
NoProbe = Annotated[
    bool, typer.Option("--no-probe", help="Do not load the flow inside the image. At your risk.")
]
BuildArg = Annotated[
    list[str] | None,
    typer.Option("--build-arg", help="KEY=VALUE for an ARG of the Dockerfile; repeatable."),
]
Cron = Annotated[
    str | None,
    typer.Option("--cron", help='Run at these times: "0 5 * * *" is every day at 05:00.'),
]
Interval = Annotated[
    str | None,
    typer.Option("--interval", help="Run every so often: 15m, 1h30m, 1d, or seconds."),
]
Rrule = Annotated[
    str | None,
    typer.Option("--rrule", help="Run by an iCalendar recurrence rule (RFC 5545)."),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        callback=not_empty,
        help="The schedule's timezone: Pacific/Auckland; else UTC.",
    ),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", help="key=value for the flow; JSON is understood; repeatable."),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name", callback=not_empty, help="Which deployment, where several are configured."
    ),
]
Paused = Annotated[
    bool | None,
    typer.Option("--paused/--no-paused", help="Pause or resume; left as it is when not given."),
]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="Fail if another deploy of this project is in progress."),
]
NoSchedule = Annotated[
    bool, typer.Option("--no-schedule", help="Remove the schedules that flowship made.")
]


def pairs(items: list[str] | None, option: str) -> dict[str, str]:
    """``key=value`` items of a repeatable option."""
    pairs = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} takes key=value, not {item!r}", where=option)
        pairs[key] = value
    return pairs
