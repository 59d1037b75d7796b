"""`flowship etl`: loads months with the built-in pipeline, in this process."""

from __future__ import annotations

from typing import Annotated

import typer

from flowship.commands.options import Json
from flowship.commands.outcome import exit_on

To = Annotated[
    str, typer.Option("--to", help="A folder, or a Prefect block such as gcs-bucket/taxi.")
]
Year = Annotated[int, typer.Option("--year", help="The year of the trips.")]
Months = Annotated[str, typer.Option("--months", help="The months to load: 1, 1-3, or 1-3,12.")]
Colour = Annotated[
    str, typer.Option("--colour", help="The type of taxi: yellow, green, fhv or fhvhv.")
]
Source = Annotated[
    str,
    typer.Option(
        "--source",
        help="mirror, official, a folder, or an address with {colour} {year} {month:02}.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Load months even if nothing changed.")]
MaxRejects = Annotated[
    int, typer.Option("--max-rejects", min=0, help="The number of bad rows to allow in a month.")
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", min=1, max=64, help="Months to load in parallel.")
]


def etl_run(
    to: To,
    year: Year = 2021,
    months: Months = "1-2",
    colour: Colour = "yellow",
    source: Source = "mirror",
    force: Force = False,
    max_rejects: MaxRejects = 100,
    concurrency: Concurrency = 2,
    as_json: Json = False,
) -> None:
    """Load months of taxi trips with the built-in pipeline, without a Prefect server.

    A month is skipped if neither its source nor the code has changed. A month that
    fails does not stop the others; the exit code is then 8.
    """
    from flowship.local import etl_months
    from flowship.output import render_etl
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    request = etl_months.Request(
        year=year,
        months=etl_months.parse(months),
        colour=colour,
        source=source,
        destination=to,
        force=force,
        max_rejects=max_rejects,
        concurrency=concurrency,
    )
    with render_etl.progress(screen.stderr) as report:
        results = etl_months.load(request, report)
    screen.info(*render_etl.notes(results), *render_etl.months(results))
    screen.result(etl_months.as_json(results), "\n".join(r.where for r in results if r.where))
    exit_on(etl_months.failure(results), screen)
