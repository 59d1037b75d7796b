"""Starts a run of a deployment, and says what keeps it from running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flowship.deployment import parameters
from flowship.deployment.parameters import ParameterValue
from flowship.deployment.pools import no_worker, paused_pool, worker_command
from flowship.local.online import online
from flowship.prefect.client import PrefectApi
from flowship.runs.find import FoundDeployment


@dataclass(frozen=True)
class Started:
    """A run that was just started.

    Attributes:
        warnings: What keeps it from running, with the command that helps.
        hints: How to look at it and how to cancel it.
    """

    id: str
    name: str
    deployment: str
    url: str
    parameters: tuple[ParameterValue, ...]
    warnings: tuple[str, ...]
    hints: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values only."""
        from flowship.deployment.report import (
            jsonable,  # late: `logs` does not need a deploy's report
        )

        document: dict[str, Any] = jsonable(asdict(self))
        return document


def start(
    api: PrefectApi, deployment: FoundDeployment, given: Mapping[str, Any] | None = None
) -> Started:
    """Start a run now.

    Args:
        api: The server.
        deployment: From `find`.
        given: Override the deployment's own parameters; text is read as the flow's schema says.

    Raises:
        UsageError: The flow has no such parameter, a value has the wrong type, or a required
            parameter has no value.
    """
    schema = deployment.get("parameter_openapi_schema") or None
    schema = schema if schema and "properties" in schema else None
    chosen = parameters.of_options(schema, given or {})
    everything = {**(deployment.get("parameters") or {}), **chosen}
    parameters.require_all(schema, everything)
    run = api.create_run(deployment["id"], chosen)
    url = api.ui_url(f"runs/flow-run/{run['id']}")
    return Started(
        id=run["id"],
        name=run["name"],
        deployment=f"{deployment['flow_name']}/{deployment['name']}",
        url=url,
        parameters=parameters.table(schema, everything),
        warnings=obstacles(api, deployment.get("work_pool_name") or ""),
        hints=(f"view: {url}", f"cancel: `flowship cancel {run['id']}`"),
    )


def obstacles(api: PrefectApi, pool_name: str) -> tuple[str, ...]:
    """What keeps a run in this work pool from starting, with the command that helps."""
    if not pool_name:
        return ()
    warnings = []
    pool = api.work_pool(pool_name)
    if pool and pool.get("is_paused"):
        warnings.append(paused_pool(pool_name))
    if not online(api.workers(pool_name), api.url, pool_name):
        command = worker_command(pool_name, pool, local=api.is_local)
        warnings.append(no_worker(pool_name, command))
    return tuple(warnings)
