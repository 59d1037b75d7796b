from __future__ import annotations

from flowship.runs.states import StateType


def test_the_state_types_are_those_of_prefect():
    from prefect.client.schemas.objects import StateType as PrefectStateType

    assert {state.value for state in StateType} == {state.value for state in PrefectStateType}
