"""A plan: plain values that print themselves without what they send."""

from __future__ import annotations

import json

from flowship.deployment.plan import (
    Action,
    Editor,
    FieldChange,
    IdOf,
    Operation,
    Plan,
    Resource,
    fingerprint,
)

CHANGE = FieldChange("mem_limit", "1g", "2g", "configuration", Editor.PERSON, fingerprint("1g"))
UPDATE = Operation(
    Action.UPDATE, Resource.BLOCK, "de-taxi", "the configuration differs", changes=(CHANGE,),
    id="block-1", body={"data": {"env": {"TOKEN": "hunter2"}}},
)  # fmt: skip
CREATE = Operation(
    Action.CREATE, Resource.DEPLOYMENT, "taxi/nightly", "it does not exist",
    body={"flow_id": IdOf("flow taxi"), "parameters": {"token": "hunter3"}},
)  # fmt: skip


def test_a_plan_without_operations_is_false():
    assert not Plan(())
    assert not Plan((), reschedule=("deployment-1",))
    assert Plan((UPDATE,))


def test_the_operations_on_one_resource_are_found_by_its_kind_and_name():
    plan = Plan((UPDATE, CREATE))
    assert plan.of(Resource.BLOCK, "de-taxi") == (UPDATE,)
    assert plan.of(Resource.DEPLOYMENT, "de-taxi") == ()


def test_an_operation_as_json_has_its_reason_and_each_fields_before_and_after():
    assert UPDATE.to_json() == {
        "action": "update",
        "resource": "block",
        "name": "de-taxi",
        "reason": "the configuration differs",
        "changes": [
            {
                "field": "mem_limit",
                "before": "1g",
                "after": "2g",
                "reason": "configuration",
                "edited_by": "person",
            }
        ],
        "edited": None,
    }


def test_what_is_sent_is_neither_printed_nor_in_the_json():
    plan = Plan((UPDATE, CREATE))
    text = json.dumps(plan.to_json()) + repr(plan)
    assert "hunter" not in text
    assert fingerprint("1g") not in text


def test_a_fingerprint_depends_on_the_content_and_not_on_the_order_of_keys():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
    assert len(fingerprint(None)) == 8
