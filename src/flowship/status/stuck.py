"""Which runs are late or stuck. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flowship.deployment.stored import parse_moment
from flowship.events import readable_span
from flowship.runs.states import StateType
from flowship.status.record import LateRuns, RunStatus, StuckRun

if TYPE_CHECKING:
    from flowship.prefect.types import FlowRun

WAITS_FOR_OTHERS = "AwaitingConcurrencySlot"

LONGEST_START = timedelta(minutes=10)
"""A container that has not begun by then most likely does not: its image cannot be pulled, or the
worker ended."""
MISSED_BEATS = 3
USUAL_BEAT = timedelta(seconds=180)
"""How often Prefect 3.8 sends a sign of life; the distance of two of them says it exactly."""
UNUSUAL = 3  # times as long as the longest of the last runs
SHORTEST_UNUSUAL = timedelta(hours=1)


def late(due: Sequence[FlowRun]) -> LateRuns | None:
    """The runs that no worker took in time; not those that wait for others to end."""
    missed = [run for run in due if run["state"]["name"] != WAITS_FOR_OTHERS]
    if not missed:
        return None
    return LateRuns(len(missed), moment(missed[0]["expected_start_time"]) or datetime.min)


def waiting(due: Sequence[FlowRun]) -> int:
    """How many runs wait for others to end."""
    return len([run for run in due if run["state"]["name"] == WAITS_FOR_OTHERS])


def stuck(
    run: FlowRun, beats: Sequence[datetime], last: Sequence[RunStatus], now: datetime
) -> StuckRun | None:
    """Whether a run that has not ended does not get on, and why that is likely.

    Args:
        run: A run that has begun and not ended.
        beats: Its last signs of life, the newest first; none if its Prefect sends none.
        last: The last runs of the deployment.
        now: The moment of the question.
    """
    since = moment(run["state"].get("timestamp")) or moment(run["start_time"])
    if since is None:
        return None
    state = StateType(run["state"]["type"])
    reason = _silent(beats, now) if beats and state is StateType.RUNNING else ""
    if not beats and state is StateType.RUNNING:
        reason = _unusually_long(since, last, now)
    elif state is not StateType.RUNNING and now - since > LONGEST_START:
        reason = f"{run['state']['name'].lower()} for {_span(now - since)}"
    return StuckRun(run["id"], run["name"], run["state"]["name"], since, reason) if reason else None


def _silent(beats: Sequence[datetime], now: datetime) -> str:
    beat = beats[0] - beats[1] if len(beats) > 1 else USUAL_BEAT
    silence = now - beats[0]
    return f"no heartbeat for {_span(silence)}" if silence > MISSED_BEATS * beat else ""


def _unusually_long(since: datetime, last: Sequence[RunStatus], now: datetime) -> str:
    """Without signs of life, only the time that others took says something."""
    took = [run.seconds for run in last if run.state_type == StateType.COMPLETED.value]
    if not took:
        return ""
    longest = timedelta(seconds=max(took))
    if now - since <= max(UNUSUAL * longest, SHORTEST_UNUSUAL):
        return ""
    return f"running for {_span(now - since)}; the last runs took at most {_span(longest)}"


def moment(text: object) -> datetime | None:
    """A moment of the API; None if there is none."""
    return parse_moment(text) if isinstance(text, str) and text else None


def _span(length: timedelta) -> str:
    return readable_span(length.total_seconds())
