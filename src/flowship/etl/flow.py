"""The two Prefect flows; the work itself is in the other modules of this folder.

In the image this file is the entrypoint, ``flowship/etl/flow.py:etl_parent_flow``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from flowship.etl import tables
from flowship.etl.convert import MAX_REJECTS, Progress
from flowship.etl.destination import open_destination
from flowship.etl.errors import MonthsFailedError, ParameterError, StoppedError, as_etl_error
from flowship.etl.manifest import MonthResult
from flowship.etl.month import MonthJob, failed, load_month
from flowship.etl.schemas import Colour, Month, Year
from flowship.etl.source import COURSE_MIRROR, month_address, month_addresses, redacted

Months = Annotated[list[Month], Field(min_length=1)]
Rejects = Annotated[int, Field(ge=0)]
Concurrency = Annotated[int, Field(ge=1, le=64)]


# No Prefect retries: a download that breaks off resumes, and a bucket's client retries by itself.
# Other failures would only repeat.
@task(
    name="load-month",
    task_run_name="{job.colour}-{job.year}-{job.month:02}",
    cache_policy=NO_CACHE,
)
def load(job: MonthJob, destination: str) -> MonthResult:
    """Load one month, and create a Prefect artifact with what was found."""
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
        colour: The type of taxi: yellow, green, fhv (for-hire vehicles), or fhvhv (high-volume).
        source: Where the monthly files are: "mirror", "official", an https:// or file:// address
            with {colour}, {year} and {month:02} in it, or a folder.
        destination: Where the Parquet files go: a Prefect block such as gcs-bucket/my-bucket,
            or a folder such as ./out. In a container a folder must be mounted.
        force: Load the month even if neither its source nor the code has changed.
        max_rejects: Unreadable rows that a month may have.

    Returns:
        The location of the month.
    """
    open_destination(destination)  # refuses a wrong destination before the download
    address = month_address(source, colour, year, month)
    return load(MonthJob(colour, year, month, address, force, max_rejects), destination).where


@flow
def etl_parent_flow(
    months: Months = [1, 2],  # noqa: B006  # the default that Prefect shows; it is not modified
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

    A month that fails does not stop the others; the run then fails and names the failed months.
    A month is skipped if neither its source nor the code has changed since it was written.

    Args:
        months: The months to load, each 1 to 12.
        year: The year of the trips.
        colour: The type of taxi: yellow, green, fhv (for-hire vehicles), or fhvhv (high-volume).
        source: Where the monthly files are: "mirror", "official", an https:// or file:// address
            with {colour}, {year} and {month:02} in it, or a folder.
        destination: Where the Parquet files go: a Prefect block such as gcs-bucket/my-bucket,
            or a folder such as ./out. In a container a folder must be mounted.
        force: Load months even if neither their source nor the code has changed.
        max_rejects: Unreadable rows that a month may have.
        concurrency: Months to load in parallel; a Dask cluster decides this itself.
        task_runner: Where to load the months: in "threads" of this process or on a "dask" cluster.
        task_runner_address: The Dask scheduler's address, as tcp://scheduler:8786.

    Returns:
        The location of each month.
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
        description=f"The months of {colour} {year} in this run, from {redacted(source)}",
    )
    _raise_if_failed(results)
    unchanged = sum(result.outcome == "unchanged" for result in results)
    written = len(results) - unchanged
    get_run_logger().info("months written: %d, unchanged: %d", written, unchanged)
    return [result.where for result in results]


def _raise_if_failed(results: list[MonthResult]) -> None:
    failures = [result for result in results if result.outcome == "failed"]
    if failures:
        reasons = "\n".join(f"{result.label}: {result.reason}" for result in failures)
        raise MonthsFailedError(f"{len(failures)} of {len(results)} months failed:\n{reasons}")


def _runner(kind: str, address: str, concurrency: int) -> TaskRunner[Any]:
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=concurrency)
    if not address:
        raise ParameterError(
            "the task runner dask needs the address of a cluster",
            code="dask-address-missing",
            hint="set task_runner_address to the Dask scheduler, as tcp://scheduler:8786",
        )
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as exc:
        raise ParameterError(
            "prefect-dask is not installed",
            code="dask-not-installed",
            hint='run `pip install "flowship[dask]"`, or add prefect-dask to the image',
        ) from exc
    runner: TaskRunner[Any] = DaskTaskRunner(address=address)
    return runner


def _outcome(job: MonthJob, future: PrefectFuture[Any]) -> MonthResult:
    """The result of a month, in whatever state its task ended."""
    future.wait()
    state = future.state
    if state.is_completed():
        result: MonthResult = state.result()
        return result
    if state.is_failed() or state.is_crashed():
        error = state.result(raise_on_failure=False)
        if isinstance(error, Exception):
            return failed(job, as_etl_error(error))
    return failed(job, StoppedError(state.message or str(state.name)))


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
        logger.info("columns not in the source, left empty: %s", ", ".join(result.missing))
    if result.unknown:
        logger.warning("columns not in the schema, dropped: %s", ", ".join(result.unknown))
    if not result.rows:
        logger.warning("the month has no trips")
