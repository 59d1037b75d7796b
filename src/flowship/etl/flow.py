"""The flows: what Prefect schedules, retries and shows. The work itself is in the modules beside.

In the image this file is the entrypoint, ``flowship/etl/flow.py:etl_parent_flow``.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from pydantic import Field

from flowship.etl.clean import Converted, convert
from flowship.etl.destination import object_key, open_destination
from flowship.etl.errors import MonthsFailedError, UnavailableError
from flowship.etl.schemas import SCHEMAS, Colour, Month, Year
from flowship.etl.source import COURSE_MIRROR, fetch, month_address, month_addresses, shown

Months = Annotated[list[Month], Field(min_length=1)]


def worth_retrying(_task: Any, _run: Any, state: Any) -> bool:  # noqa: ANN401  # Prefect's hook
    """Try again what may work later; a month that is not published is not there later either."""
    return isinstance(state.result(raise_on_failure=False), UnavailableError)


@task(
    retries=3,
    retry_delay_seconds=[2, 10, 30],
    retry_condition_fn=worth_retrying,
    cache_policy=NO_CACHE,
)
def fetch_month(address: str, folder: Path) -> Path:
    """Bring the published file to this machine."""
    path = fetch(address, folder)
    get_run_logger().info("fetched %s: %s", shown(address), _size(path.stat().st_size))
    return path


@task(cache_policy=NO_CACHE)
def clean_month(published: Path, target: Path, colour: Colour) -> Converted:
    """Give every column its type and write Parquet."""
    result = convert(published, target, SCHEMAS[colour])
    logger = get_run_logger()
    logger.info("%s rows as Parquet: %s", f"{result.rows:,}", _size(result.size))
    if result.missing:
        logger.info("not in the source, left empty: %s", ", ".join(result.missing))
    if result.unknown:
        logger.warning("not in the schema, left out: %s", ", ".join(result.unknown))
    if not result.rows:
        logger.warning("the month has no trips at all")
    return result


# No retries here: a bucket's own client tries again, and knows best when.
@task(cache_policy=NO_CACHE)
def store_month(path: Path, key: str, destination: str) -> str:
    """Put the Parquet file where it belongs."""
    where = open_destination(destination).write(path, key)
    get_run_logger().info("written to %s", where)
    return where


@flow(flow_run_name="{colour}-{year}-{month:02}")
def etl_web_to_gcs(
    year: Year,
    month: Month,
    colour: Colour = "yellow",
    source: str = COURSE_MIRROR,
    destination: str = ".",
) -> str:
    """Fetch one month of taxi trips, clean it, and write it as Parquet.

    Args:
        year: The year of the trips.
        month: The month of the trips, 1 to 12.
        colour: Which taxis: yellow, green, or fhv (for-hire vehicles).
        source: Where the monthly .csv.gz files are: an https:// or file:// address with
            {colour}, {year} and {month:02} in it, or a folder.
        destination: Where the Parquet files go: a Prefect block such as gcs-bucket/my-bucket,
            or a folder such as ./out. In a container a folder must be mounted.

    Returns:
        Where the month was written.
    """
    open_destination(destination)  # before the download, not after it
    address = month_address(source, colour, year, month)
    with TemporaryDirectory(prefix="flowship-etl-") as temporary:
        folder = Path(temporary)
        published = fetch_month(address, folder)
        parquet = folder / "month.parquet"
        clean_month(published, parquet, colour)
        return store_month(parquet, object_key(colour, year, month), destination)


@flow
def etl_parent_flow(
    months: Months = [1, 2],  # noqa: B006  # the default that Prefect shows; never changed
    year: Year = 2021,
    colour: Colour = "yellow",
    source: str = COURSE_MIRROR,
    destination: str = ".",
) -> list[str]:
    """Fetch months of New York taxi trips, clean them, and write each as Parquet.

    A month that fails does not stop the others; the run then ends as failed and says which.

    Args:
        months: The months to load, each 1 to 12.
        year: The year of the trips.
        colour: Which taxis: yellow, green, or fhv (for-hire vehicles).
        source: Where the monthly .csv.gz files are: an https:// or file:// address with
            {colour}, {year} and {month:02} in it, or a folder.
        destination: Where the Parquet files go: a Prefect block such as gcs-bucket/my-bucket,
            or a folder such as ./out. In a container a folder must be mounted.

    Returns:
        Where each month was written.
    """
    months = list(dict.fromkeys(months))
    month_addresses(source, colour, year, months)
    open_destination(destination)
    states = {
        month: etl_web_to_gcs(year, month, colour, source, destination, return_state=True)
        for month in months
    }
    failed = {month: state for month, state in states.items() if not state.is_completed()}
    if failed:
        reasons = [f"{colour} {year}-{month:02}: {_reason(s)}" for month, s in failed.items()]
        raise MonthsFailedError(
            f"{len(failed)} of {len(months)} months failed:\n" + "\n".join(reasons)
        )
    get_run_logger().info("%d of %d months written", len(months), len(months))
    return [state.result() for state in states.values()]


def _reason(state: State[Any]) -> str:
    if state.is_failed() or state.is_crashed():
        return str(state.result(raise_on_failure=False))
    return state.message or str(state.name)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
