"""The API's answers: every key that flowship reads is one that Prefect's server sends."""

from __future__ import annotations

import inspect
from typing import is_typeddict

import pytest
from prefect.server.events.schemas import automations
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.schemas import core, responses, states

from flowship.prefect import types

SENT = {
    types.Artifact: core.Artifact,
    types.Automation: automations.Automation,
    types.BlockDocument: core.BlockDocument,
    types.BlockSchema: core.BlockSchema,
    types.BlockType: core.BlockType,
    types.ConcurrencyLimit: responses.GlobalConcurrencyLimitResponse,
    types.ConcurrencyOptions: core.ConcurrencyOptions,
    types.Deployment: responses.DeploymentResponse,
    types.Event: ReceivedEvent,
    types.Flow: core.Flow,
    types.FlowRun: responses.FlowRunResponse,
    types.Log: core.Log,
    types.Schedule: core.DeploymentSchedule,
    types.State: states.State,
    types.StateChange: responses.OrchestrationResult,
    types.TaskRun: core.TaskRun,
    types.Variable: core.Variable,
    types.WorkPool: responses.WorkPoolResponse,
    types.Worker: responses.WorkerResponse,
}


OF_CLOUD = {"updated_by"}
"""What only Prefect Cloud sends."""
PARTS = {types.Written, types.Author}
"""They are parts of the others."""


@pytest.mark.parametrize(("ours", "theirs"), SENT.items(), ids=lambda kind: kind.__name__)
def test_every_key_is_one_that_the_server_sends(ours, theirs):
    sent = set(theirs.model_json_schema(mode="serialization")["properties"])
    assert set(ours.__annotations__) - OF_CLOUD <= sent


def test_every_type_is_compared():
    declared = {kind for _, kind in inspect.getmembers(types) if is_typeddict(kind)}
    assert declared - PARTS == set(SENT)
