"""`flowship etl`: months of the shipped flow, loaded in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flowship.commands.options import Json
from flowship.errors import RunFailedError

if TYPE_CHECKING:
    pass


def etl_run(
    to: Annotated[
        str,
        typer.Option("--to", help="A folder, or a Prefect block such as gcs-bucket/taxi."),
    ],
    year: Annotated[int, typer.Option("--year", help="The year of the trips.")] = 2021,
    months: Annotated[
        str, typer.Option("--months", help="Which months: 1, 1-3, or 1-3,12.")
    ] = "1-2",
    colour: Annotated[
        str, typer.Option("--colour", help="Which taxis: yellow, green or fhv.")
    ] = "yellow",
    source: Annotated[
        str,
        typer.Option(
            "--source",
            help="mirror, official, a folder, or an address with {colour} {year} {month:02}.",
        ),
    ] = "mirror",
    force: Annotated[
        bool, typer.Option("--force", help="Load months again though nothing changed.")
    ] = False,
    max_rejects: Annotated[
        int, typer.Option("--max-rejects", min=0, help="Bad rows a month may have.")
    ] = 100,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=64, help="Months loaded at a time.")
    ] = 2,
    as_json: Json = False,
) -> None:
    """Load months in this process: the pipeline of the shipped flow, without a Prefect server.

    A month whose source and code did not change is left as it is. A month that fails does not
    stop the others; exit code 8 then.
    """
    from flowship.local import etl_months as loading
    from flowship.output import render_local
    from flowship.output.console import Screen

    screen = Screen(as_json=as_json)
    results = loading.load(
        year,
        loading.parse(months),
        colour,
        source,
        to,
        force=force,
        max_rejects=max_rejects,
        concurrency=concurrency,
        story=screen.stderr,
    )
    screen.info(*render_local.months(results))
    screen.result(loading.as_json(results), "\n".join(r.where for r in results if r.where))
    try:
        loading.ensure_loaded(results)
    except RunFailedError as exc:  # the result is on stdout already
        screen.show_error(exc)
        raise typer.Exit(int(exc.exit_code)) from exc
