"""Warnings about settings that can be deployed but probably should be reviewed first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from flowship.config.secret_table import is_variable
from flowship.config.tables import Block, Deployment
from flowship.deployment import docker_block, json_schema, parameters
from flowship.deployment.desired import ImageFacts
from flowship.deployment.schedules import ScheduleSpec
from flowship.redaction import secret_places

SHORTEST = 60
"""Seconds; a schedule that runs more often is warned of."""


def of_schedules(schedules: Sequence[ScheduleSpec], now: datetime) -> tuple[str, ...]:
    """Schedules that are over, run too often, or name a timezone that Prefect ignores."""
    return tuple(text for s in schedules for text in (_times(s, now), _timezone(s)) if text)


def _times(schedule: ScheduleSpec, now: datetime) -> str | None:
    runs = schedule.next_runs(now, 2)
    if not runs:
        return f"{schedule.words}: this schedule has no upcoming runs"
    apart = (runs[1] - runs[0]).total_seconds() if len(runs) > 1 else SHORTEST
    if apart < SHORTEST:
        return (
            f"{schedule.words}: a run every {apart:g} s, each in a new container: runs may pile"
            " up; use a minute or more, or set concurrency-limit"
        )
    return None


def _timezone(schedule: ScheduleSpec) -> str | None:
    found = re.search(r"(?i)\bTZID=([^:;\s]+)", schedule.expression)
    if schedule.kind != "rrule" or not found or found[1] == schedule.timezone:
        return None
    return (
        f"{schedule.words}: Prefect uses {schedule.timezone} and ignores the rule's own"
        f" TZID={found[1]}; set timezone next to the rule"
    )


def of_parameters(
    schema: Mapping[str, Any] | None,
    given: Mapping[str, Any],
    schedules: Sequence[ScheduleSpec],
) -> tuple[str, ...]:
    """Secrets given as parameters."""
    everything = [given, *(s.parameters for s in schedules)]
    names = dict.fromkeys(
        n for values in everything for n in parameters.open_secrets(schema, values)
    )
    return tuple(
        f'"{name}" is a secret, but Prefect stores parameters in clear text, visible to anyone'
        " who can see the deployment: load it from a Secret block in the flow instead"
        for name in names
    )


def of_block(block: Block) -> tuple[str, ...]:
    """Secrets written out in the block: its environment, its labels, the container's options."""
    return tuple(_stored("block", place) for place in docker_block.open_secrets(block))


def of_job_variables(deployments: Sequence[Deployment]) -> tuple[str, ...]:
    """Secrets written out in the job variables of deployments."""
    return tuple(
        _stored(f'deployment "{deployment.name}", job-variables', place)
        for deployment in deployments
        for place in secret_places(json_schema.plain(deployment.job_variables))
    )


def _stored(where: str, place: str) -> str:
    table, dot, name = place.partition(".")
    shown = f'{where}.{table}: "{name}"' if dot else f'{where}: "{place}"'
    in_env = table == "env" and is_variable(name)
    advice = (
        f'move it to secrets = ["{name}"], and store it: `flowship secret set {name}`'
        if in_env
        else "put it in a Secret block, and give it to the flow in env"
    )
    return f"{shown} looks like a secret and is stored in clear text; {advice}"


def of_image(image: ImageFacts, *, probed: bool) -> Iterator[str]:
    """An image that was not probed, was never pushed, or is for another platform."""
    if not probed and image.built:
        yield "the image was not probed: its flow and parameters are not verified"
    if not image.pushed:
        yield (
            "the image was never pushed: only a worker on this engine can run it, and the worker"
            " never pulls it"
        )
    if "arm64" in image.platform:
        yield (
            f"the image is for {image.platform}: a worker on amd64 cannot run it; to build for"
            ' amd64, set platform = "linux/amd64"'
        )
