"""The states of a flow run, as Prefect names them."""

from __future__ import annotations

from enum import Enum


class StateType(str, Enum):
    """The types of state that a Prefect flow run can be in."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"


ACTIVE = frozenset({StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING})
NOT_STARTED = frozenset({StateType.SCHEDULED, StateType.PENDING})
FINAL = frozenset({StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED})
