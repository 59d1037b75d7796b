"""The flows: what Prefect schedules, spreads and shows. The work itself is in the modules beside.

In the image this file is the entrypoint, ``flowship/etl/flow.py:etl_parent_flow``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from flowship.etl import tables
from flowship.etl.convert import MAX_REJECTS, Progress
from flowship.etl.destination import open_destination
from flowship.etl.errors import MonthsFailedError, ParameterError
from flowship.etl.manifest import MonthResult
from flowship.etl.month import MonthJob, failed, load_month
from flowship.etl.schemas import Colour, Month, Year
from flowship.etl.source import COURSE_MIRROR, month_address, month_addresses, shown

Months = Annotated[list[Month], Field(min_length=1)]
Rejects = Annotated[int, Field(ge=0)]
Concurrency = Annotated[int, Field(ge=1, le=64)]


# No retries here: a broken download goes on where it was, and a bucket's own client tries again;
# what remains does not get better by doing it all once more.
@task(
    name="load-month",
    task_run_name="{job.colour}-{job.year}-{job.month:02}",
    cache_policy=NO_CACHE,
)
def load(job: MonthJob, destination: str) -> MonthResult:
    """Load one month, and leave a table of what was found."""
    logger = get_run_logger()

    def report(progress: Progress) -> None:
        if progress.note:
            logger.warning(progress.note)

    result = load_month(job, open_destination(destination), report)
    _log(result)
    create_table_artifact(
        key=f"{job.colour}-{job.year}-{job.month:02}",
        table=tables.month(result),
        description=f"{job.label}: {result.outcome}, {result.rows:,} trips",
    )
    return result


@flow(flow_run_name="{colour}-{year}-{month:02}")
def etl_web_to_gcs(
    year: Year,
    month: Month,
    colour: Colour = "yellow",
    source: str = COURSE_MIRROR,
    destination: str = ".",
    force: bool = False,
    max_rejects: Rejects = MAX_REJECTS,
) -> str:
    """Fetch one month of taxi trips, clean it, and write it as Parquet.

    Args:
        year: The year of the trips.
        month: The month of the trips, 1 to 12.
        colour: Which taxis: yellow, green, or fhv (for-hire vehicles).
        source: Where the monthly files are: "mirror", "official", an https:// or file:// address
            with {colour}, {year} and {month:02} in it, or a folder.
        destination: Where the Parquet files go: a Prefect block such as gcs-bucket/my-bucket,
            or a folder such as ./out. In a container a folder must be mounted.
        force: Load a month though neither its source nor the code has changed.
        max_rejects: Rows of a month that may be set aside as unreadable.

    Returns:
        Where the month is.
    """
    open_destination(destination)  # before the download, not after it
    address = month_address(source, colour, year, month)
    return load(MonthJob(colour, year, month, address, force, max_rejects), destination).where


@flow
def etl_parent_flow(
    months: Months = [1, 2],  # noqa: B006  # the default that Prefect shows; never changed
    year: Year = 2021,
    colour: Colour = "yellow",
    source: str = COURSE_MIRROR,
    destination: str = ".",
    force: bool = False,
    max_rejects: Rejects = MAX_REJECTS,
    concurrency: Concurrency = 2,
    task_runner: Literal["threads", "dask"] = "threads",
    task_runner_address: str = "",
) -> list[str]:
    """Fetch months of New York taxi trips, clean them, and write each as Parquet.

    A month that fails does not stop the others; the run then ends as failed and says which.
    A month whose source and code are as they were when it was written is left as it is.

    Args:
        months: The months to load, each 1 to 12.
        year: The year of the trips.
        colour: Which taxis: yellow, green, or fhv (for-hire vehicles).
        source: Where the monthly files are: "mirror", "official", an https:// or file:// address
            with {colour}, {year} and {month:02} in it, or a folder.
        destination: Where the Parquet files go: a Prefect block such as gcs-bucket/my-bucket,
            or a folder such as ./out. In a container a folder must be mounted.
        force: Load months though neither their source nor the code has changed.
        max_rejects: Rows of a month that may be set aside as unreadable.
        concurrency: How many months are loaded at a time; a Dask cluster decides that itself.
        task_runner: Where the months are loaded: "threads" of this process, or a "dask" cluster.
        task_runner_address: The Dask scheduler's address, as tcp://scheduler:8786.

    Returns:
        Where each month is.
    """
    months = list(dict.fromkeys(months))
    addresses = month_addresses(source, colour, year, months)
    open_destination(destination)
    jobs = [MonthJob(colour, year, m, addresses[m], force, max_rejects) for m in months]
    with _runner(task_runner, task_runner_address, concurrency) as runner:
        futures = [runner.submit(load, {"job": job, "destination": destination}) for job in jobs]
        results = [_outcome(job, future) for job, future in zip(jobs, futures, strict=True)]
    create_table_artifact(
        key=f"{colour}-{year}",
        table=tables.summary(results),
        description=f"The months of {colour} {year} in this run, from {shown(source)}",
    )
    lost = [result for result in results if result.outcome == "failed"]
    if lost:
        reasons = [f"{result.label}: {result.reason}" for result in lost]
        raise MonthsFailedError(
            f"{len(lost)} of {len(results)} months failed:\n" + "\n".join(reasons)
        )
    kept = sum(result.outcome == "unchanged" for result in results)
    get_run_logger().info("months written: %d, unchanged: %d", len(results) - kept, kept)
    return [result.where for result in results]


def _runner(kind: str, address: str, concurrency: int) -> TaskRunner[Any]:
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=concurrency)
    if not address:
        raise ParameterError(
            "task_runner dask needs the address of a cluster",
            hint="set task_runner_address to the Dask scheduler, as tcp://scheduler:8786",
        )
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as exc:
        raise ParameterError(
            "prefect-dask is not installed here",
            hint='add it: pip install "flowship[dask]", or prefect-dask in the image',
        ) from exc
    runner: TaskRunner[Any] = DaskTaskRunner(address=address)
    return runner


def _outcome(job: MonthJob, future: PrefectFuture[Any]) -> MonthResult:
    """What became of a month, however its task ended."""
    future.wait()
    state = future.state
    if state.is_completed():
        result: MonthResult = state.result()
        return result
    return failed(job, _reason(state))


def _reason(state: State[Any]) -> str:
    if state.is_failed() or state.is_crashed():
        return str(state.result(raise_on_failure=False))
    return state.message or str(state.name)


def _log(result: MonthResult) -> None:
    logger = get_run_logger()
    if result.outcome == "unchanged":
        logger.info("%s is unchanged: %s", result.label, result.reason)
        return
    logger.info(
        "%s: %s trips, %.1f MB in %.1f s, to %s",
        result.label,
        f"{result.rows:,}",
        result.size / 1e6,
        result.seconds,
        result.where,
    )
    if result.rejected:
        logger.warning("%d rows could not be read: %s", result.rejected, result.rejects)
    if result.missing:
        logger.info("not in the source, left empty: %s", ", ".join(result.missing))
    if result.unknown:
        logger.warning("not in the schema, left out: %s", ", ".join(result.unknown))
    if not result.rows:
        logger.warning("the month has no trips at all")
