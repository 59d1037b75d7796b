"""Containers that something else started: found by a label, inspected, measured, stopped."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import docker.errors
import requests.exceptions

from flowship.engine.client import Engine
from flowship.engine.errors import engine_errors

ONE_SHOT = (1, 41)  # the first version of the engine's API that measures without a pause
PAUSE = 0.4  # seconds between the two measurements of a container's CPU time
THREADS = 16  # containers that are measured at the same time
NOT_FOUND = 404
CONFLICT = 409  # the engine's answer about a container that is being removed


@dataclass(frozen=True)
class Container:
    """A container as the engine describes it.

    Attributes:
        image: The reference that it was created from.
        status: ``created``, ``running``, ``paused``, ``exited``, ….
        exit_code: None if it has not ended.
        out_of_memory: Whether the engine saw that one of its processes was killed because the
            container exceeded its memory limit. The exit code does not say so.
        error: Why it did not start.
        started: When, in ISO 8601; empty if it never did.
        ended: When, in ISO 8601; empty if it has not.
        memory_limit: In bytes; 0 if it has none.
    """

    id: str
    name: str
    image: str
    labels: Mapping[str, str]
    status: str
    exit_code: int | None = None
    out_of_memory: bool = False
    error: str = ""
    started: str = ""
    ended: str = ""
    memory_limit: int = 0

    @property
    def runs(self) -> bool:
        """Whether its processes are alive."""
        return self.status in ("running", "paused", "restarting")


@dataclass(frozen=True)
class Usage:
    """What a running container uses.

    Attributes:
        cpu: In percent of one core; None if the engine does not say.
        memory: In bytes, without the cache of files.
    """

    cpu: float | None
    memory: int


def with_label(engine: Engine, label: str, *, running: bool = False) -> list[Container]:
    """The containers with a label, newest first.

    Args:
        engine: The container engine.
        label: ``KEY`` or ``KEY=VALUE``.
        running: Only those that run.
    """
    with engine_errors("listing containers"):
        listed = engine.api.containers(all=not running, filters={"label": label})
    found = []
    for each in listed:
        with suppress(docker.errors.NotFound):  # it was removed at this moment
            found.append(_inspected(engine, each["Id"]))
    return found


def _inspected(engine: Engine, container: str) -> Container:
    with engine_errors("inspecting a container"):
        try:
            return from_inspect(engine.api.inspect_container(container))
        except docker.errors.NotFound:
            raise
        except (KeyError, TypeError, AttributeError) as exc:
            raise docker.errors.DockerException(f"unexpected answer: {exc}") from exc


def from_inspect(found: Mapping[str, Any]) -> Container:
    """A container from the engine's own description of it."""
    state, config, host = found["State"], found["Config"], found.get("HostConfig") or {}
    ended = _moment(state.get("FinishedAt"))
    status = state.get("Status") or ("running" if state.get("Running") else "exited")
    return Container(
        id=found["Id"],
        name=str(found["Name"]).lstrip("/"),
        image=config.get("Image") or found.get("Image") or "",
        labels=config.get("Labels") or {},
        status=status,
        exit_code=None if status in ("running", "paused", "restarting") else state.get("ExitCode"),
        out_of_memory=bool(state.get("OOMKilled")),
        error=state.get("Error") or "",
        started=_moment(state.get("StartedAt")),
        ended=ended if status not in ("running", "paused", "created") else "",
        memory_limit=int(host.get("Memory") or 0),
    )


def _moment(text: str | None) -> str:
    """A moment of the engine's; empty for its year 1, which means never."""
    return "" if not text or text.startswith("0001-") else text


def output(
    engine: Engine,
    container: str,
    *,
    tail: int | None = None,
    since: datetime | None = None,
    follow: bool = False,
) -> Iterator[str]:
    """What a container printed on both streams, line by line.

    Args:
        engine: The container engine.
        container: Its ID.
        tail: Only the last lines.
        since: Only what was printed from this moment on.
        follow: Go on until the container ends.

    Yields:
        The lines, as far as the container still exists.

    Raises:
        EngineError: The engine does not keep the output, as with some logging drivers, or it
            stopped responding.
    """
    options: dict[str, Any] = {"stream": True, "follow": follow}
    if tail is not None:
        options["tail"] = tail
    if since is not None:
        options["since"] = int(since.timestamp())
    with engine_errors("reading a container's output"):
        try:
            yield from lines(engine.api.logs(container, stdout=True, stderr=True, **options))
        except docker.errors.APIError as exc:
            if exc.status_code not in (CONFLICT, NOT_FOUND):
                raise


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines in pieces of output; what is not UTF-8 is replaced."""
    decoder, rest = codecs.getincrementaldecoder("utf-8")("replace"), ""
    for piece in pieces:
        *complete, rest = (rest + decoder.decode(piece)).split("\n")
        yield from (line.rstrip("\r") for line in complete)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def stop(engine: Engine, container: str, seconds: int) -> bool:
    """Stop a container: SIGTERM, and SIGKILL after some seconds.

    Returns:
        Whether it was there.
    """
    with engine_errors("stopping a container"):
        try:
            engine.api.stop(container, timeout=seconds)
        except docker.errors.NotFound:
            return False
    return True


# --- what they use -------------------------------------------------------------------------------


def usage(engine: Engine, containers: Sequence[str]) -> dict[str, Usage]:
    """What running containers use, measured at the same time; without those that ended."""
    if not containers:
        return {}
    with ThreadPoolExecutor(max_workers=min(THREADS, len(containers))) as threads:
        measured = threads.map(lambda each: _measured(engine, each), containers)
        pairs = zip(containers, measured, strict=True)
        return {each: found for each, found in pairs if found is not None}


def _measured(engine: Engine, container: str) -> Usage | None:
    first = _sample(engine, container)
    if not first or not _can_one_shot(engine):  # The sample has the one before it in itself.
        return usage_between({"cpu_stats": first.get("precpu_stats")}, first) if first else None
    time.sleep(PAUSE)
    second = _sample(engine, container)
    return usage_between(first, second) if second else None


def _can_one_shot(engine: Engine) -> bool:
    version = str(engine.api.api_version).split(".")
    return all(part.isdigit() for part in version) and tuple(map(int, version)) >= ONE_SHOT


def _sample(engine: Engine, container: str) -> dict[str, Any]:
    """One measurement; empty if there is none, for example because the container has ended."""
    one_shot = {"one_shot": True} if _can_one_shot(engine) else {}
    with suppress(docker.errors.DockerException, requests.exceptions.RequestException, ValueError):
        found = engine.api.stats(container, stream=False, **one_shot)
        memory = found.get("memory_stats") if isinstance(found, dict) else None
        return found if memory and "usage" in memory else {}
    return {}


def usage_between(first: Mapping[str, Any], second: Mapping[str, Any]) -> Usage:
    """What a container used between two measurements."""
    memory = second["memory_stats"]
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return Usage(_cpu(first, second), max(0, int(memory["usage"]) - int(cache)))


def _cpu(first: Mapping[str, Any], second: Mapping[str, Any]) -> float | None:
    """The percentage of one core, from the machine's CPU time or else from the clock."""
    before, after = first.get("cpu_stats") or {}, second.get("cpu_stats") or {}
    try:
        used = after["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
        system = after["system_cpu_usage"] - before["system_cpu_usage"]
        cores = after.get("online_cpus") or len(after["cpu_usage"]["percpu_usage"])
        return round(100.0 * used / system * cores, 1) if system > 0 else None
    except (KeyError, TypeError):
        return None
