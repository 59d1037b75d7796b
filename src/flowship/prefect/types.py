"""The responses of Prefect's REST API, as far as flowship reads them (server 3.2 to 3.9)."""

from __future__ import annotations

from typing import Any, TypedDict


class Author(TypedDict, total=False):
    """Who wrote a resource last; only Prefect Cloud says it."""

    updated_by: dict[str, Any] | None


class Written(Author):
    """Who wrote a resource last, and when."""

    updated: str


class Schedule(Written):
    """A deployment's schedule. `schedule` has one of cron, interval and rrule, and a timezone."""

    id: str
    created: str
    slug: str | None
    active: bool
    schedule: dict[str, Any]
    parameters: dict[str, Any]


class ConcurrencyLimit(TypedDict):
    """The limit that a deployment has of its own."""

    limit: int


class ConcurrencyOptions(TypedDict):
    """What a run does that exceeds the limit; newer servers have more options."""

    collision_strategy: str


class Deployment(Written):
    """A deployment with its schedules."""

    id: str
    name: str
    flow_id: str
    version: str | None
    description: str | None
    entrypoint: str | None
    path: str | None
    tags: list[str]
    paused: bool
    parameters: dict[str, Any]
    parameter_openapi_schema: dict[str, Any] | None
    pull_steps: list[dict[str, Any]] | None
    job_variables: dict[str, Any]
    work_pool_name: str | None
    work_queue_name: str | None
    global_concurrency_limit: ConcurrencyLimit | None
    concurrency_options: ConcurrencyOptions | None
    enforce_parameter_schema: bool
    labels: dict[str, Any]
    schedules: list[Schedule]


class Flow(TypedDict):
    """A flow."""

    id: str
    name: str


class BlockType(TypedDict):
    """A kind of block."""

    id: str
    slug: str


class BlockSchema(TypedDict):
    """The fields of a block type, at one version; what such a block can do, such as notify."""

    id: str
    capabilities: list[str]
    checksum: str
    block_type_id: str


class BlockDocument(Written):
    """A block. Secrets in `data` are obscured by the server."""

    id: str
    name: str
    data: dict[str, Any]
    block_type_id: str
    block_schema_id: str
    block_schema: BlockSchema
    block_document_references: dict[str, dict[str, Any]]


class Automation(Written):
    """An automation. What its trigger and its actions hold depends on their ``type``."""

    id: str
    name: str
    description: str
    enabled: bool
    trigger: dict[str, Any]
    actions: list[dict[str, Any]]


class WorkPool(Written):
    """A work pool. Its status is READY, NOT_READY (no worker is online) or PAUSED."""

    id: str
    name: str
    type: str
    status: str
    is_paused: bool
    base_job_template: dict[str, Any]


class Worker(TypedDict):
    """A worker that a pool has seen."""

    name: str
    status: str
    last_heartbeat_time: str | None
    heartbeat_interval_seconds: int | None


class Variable(TypedDict):
    """A variable."""

    id: str
    name: str
    value: Any
    updated: str


class Artifact(TypedDict):
    """One version of a keyed artifact."""

    id: str
    key: str
    created: str
    data: Any


class Event(TypedDict):
    """An event, such as a sign of life of a run."""

    occurred: str


class State(TypedDict):
    """The state of a flow run, and since when."""

    type: str
    name: str
    timestamp: str
    message: str | None


class StateChange(TypedDict):
    """The server's answer to a proposed state: ACCEPT, or REJECT, ABORT or WAIT with a reason."""

    status: str
    state: State | None
    details: dict[str, Any]


class FlowRun(TypedDict):
    """A flow run. Its labels name the worker that took it, on servers since 3.2."""

    id: str
    name: str
    flow_id: str
    deployment_id: str | None
    auto_scheduled: bool
    state: State
    created: str
    labels: dict[str, Any]
    parameters: dict[str, Any]
    expected_start_time: str | None
    start_time: str | None
    end_time: str | None
    total_run_time: float
    work_pool_name: str | None
    infrastructure_pid: str | None
    created_by: dict[str, Any] | None


class TaskRun(TypedDict):
    """A task run."""

    id: str
    name: str


class Log(TypedDict):
    """A record of a flow run's log; `level` is Python's number."""

    id: str
    flow_run_id: str
    task_run_id: str | None
    level: int
    message: str
    timestamp: str
