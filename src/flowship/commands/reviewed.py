"""The option ``--plan`` of the commands that carry out a plan which was reviewed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flowship.errors import UsageError

if TYPE_CHECKING:
    from flowship.deployment.desired import Flags
    from flowship.planning.review import Review

PlanFile = Annotated[
    Path | None,
    typer.Option("--plan", help="Do what this plan says, or refuse. See `flowship plan --out`."),
]


def review(path: Path | None, flags: Flags, others: Mapping[str, object]) -> Review | None:
    """The plan of ``--plan``; None without one.

    Args:
        path: Its file.
        flags: The options about deployments, which the plan has decided.
        others: Further options that it has decided.

    Raises:
        UsageError: One of them is given too.
        ConfigError: The file is not a plan.
    """
    from flowship.planning import reviewed
    from flowship.planning.review import Review

    if path is None:
        return None
    given = flags.given | {option: value for option, value in others.items() if value}
    if given:
        raise UsageError(
            f"--plan and {next(iter(given))} cannot be combined: the plan says what is done",
            code="options-exclude-each-other",
            where="--plan",
        )
    return Review(reviewed.load(path), str(path))
