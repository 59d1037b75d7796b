"""Values that no run could get as they are, and which secret a command is about."""

from __future__ import annotations

import json

import pytest

from flowship.deployment import secret_store
from flowship.deployment.secret_store import find, unused, validated
from flowship.deployment.secrets import Secret
from flowship.errors import ApiError, UsageError
from support.deploying import settings
from support.server_model import ServerModel

DIFFERENT = [{"name": "a", "secrets": {"T": "one"}}, {"name": "b", "secrets": {"T": "two"}}]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "is empty"),
        ("a\0b", "NUL"),
        ("\udcff", "not valid UTF-8"),
        ("x" * secret_store.LONGEST, "too long"),
        ("********", "what Prefect shows in place of a secret"),
        ("a {{ prefect.variables.x }} b", "which the worker would replace"),
        ("{{prefect.variables.x.y[0]}}", "which the worker would replace"),
    ],
)
def test_a_value_that_would_not_arrive_is_refused_and_not_repeated(value, reason):
    with pytest.raises(UsageError) as caught:
        validated(value, "API_TOKEN")
    assert reason in caught.value.message
    assert (caught.value.code, caught.value.where) == ("secret-value-invalid", "API_TOKEN")
    assert len(caught.value.message) < 120


def test_the_longest_value_is_accepted_and_no_value_is_shown():
    value = validated("x" * (secret_store.LONGEST - len("A=")), "A")
    assert "x" not in f"{value} {value!r}"


def test_a_name_has_the_block_that_the_configuration_gives_or_the_default():
    configured = settings(deployments=[{"name": "a", "secrets": {"T": "one"}}])
    assert find(configured, "T", None) == Secret("T", "one", ("a",))
    assert find(configured, "NEW", None) == Secret("NEW", "de-taxi-new", ())
    assert find(configured, None, "one") == Secret("T", "one", ("a",))
    assert find(None, None, "any-block") == Secret("", "any-block", ())


@pytest.mark.parametrize(
    ("name", "block", "code"),
    [
        (None, None, "secret-name-required"),
        ("T", "one", "secret-name-required"),
        ("T", None, "secret-ambiguous"),
        ("API-TOKEN", None, "secret-name-invalid"),
        (None, "My Block", "secret-name-invalid"),
    ],
)
def test_a_secret_that_is_not_known_by_its_name_is_a_usage_error(name, block, code):
    with pytest.raises(UsageError) as caught:
        find(settings(deployments=DIFFERENT), name, block)
    assert caught.value.code == code


def test_a_secret_that_nothing_uses_is_warned_of_with_the_nearest_name():
    configured = settings(block={"secrets": ["API_TOKEN"]})
    assert unused(find(configured, "API_TOKEN", None), configured) is None
    assert 'did you mean "API_TOKEN"?' in (
        unused(find(configured, "API_TOKNE", None), configured) or ""
    )
    assert 'add secrets = ["OTHER"]' in (unused(find(configured, "OTHER", None), configured) or "")


def test_the_error_of_a_server_without_the_block_type_names_the_command_that_registers_it():
    with pytest.raises(ApiError) as caught:
        secret_store.store(ServerModel().api, Secret("T", "t", ()), validated("hunter2", "T"))
    assert caught.value.code == "secret-type-missing"
    assert "block register --module prefect.blocks.system" in caught.value.hint


def test_an_error_that_repeats_the_value_does_not_show_it():
    server = ServerModel()
    server.documents["secret/t"] = {"id": "1", "name": "t", "data": {}}
    value = 'pass"word\n\\'

    def refuse(*_: object) -> None:
        raise ApiError(f"refused {json.dumps(value)}", details=repr({"value": value}), hint=value)

    server.update_block_document = refuse  # type: ignore[method-assign]
    with pytest.raises(ApiError) as caught:
        secret_store.store(server.api, Secret("T", "t", ()), validated(value, "T"))
    shown = f"{caught.value} {caught.value.args} {caught.value.details} {caught.value.hint}"
    assert "pass" not in shown
    assert "word" not in shown
