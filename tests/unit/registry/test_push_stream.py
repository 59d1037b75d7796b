"""The events of a push, from the streams in ``tests/streams``."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowship.errors import ExitCode
from flowship.registry import PushStream, RegistryFailure
from support.streams import AWAY, HERE, PUSHED, REFUSED, failure, load, pushed_to


@pytest.mark.parametrize("name", sorted(PUSHED))
def test_a_successful_push_ends_with_the_registrys_digest(name):
    _, events = load(name)
    stream = PushStream(events, pushed_to(events))

    layers = {progress.layer for progress in stream}

    assert stream.digest == events[-1]["aux"]["Digest"]
    assert layers


def test_progress_counts_the_bytes_of_each_layer():
    _, events = load("pushed")
    big = [p for p in PushStream(events, pushed_to(events)) if p.total == 30_000_000]

    assert big
    assert [p.current for p in big] == sorted(p.current for p in big)


def test_the_engines_retries_appear_as_the_status_of_a_layer():
    _, events = load("dropped")
    statuses = []

    def follow():
        for progress in PushStream(events, pushed_to(events)):
            statuses.append(progress.status)

    with pytest.raises(RegistryFailure):
        follow()

    assert "Retrying in 5 seconds" in statuses


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_is_recognized_and_is_not_transient(name):
    error = failure(name)

    assert (error.fault, error.transient) == (REFUSED[name], False)
    assert error.exit_code == ExitCode.REGISTRY
    assert error.code == f"registry-{REFUSED[name]}"
    assert error.hint
    assert error.details == load(name)[1][-1]["error"].strip()


@pytest.mark.parametrize("name", sorted(AWAY))
def test_a_registry_in_trouble_is_a_transient_failure(name):
    error = failure(name)

    assert (error.fault, error.transient) == (AWAY[name], True)


def test_a_stream_that_ends_without_a_digest_is_a_broken_connection():
    stream = PushStream(load("pushed")[1][:-2], HERE)
    list(stream)

    with pytest.raises(RegistryFailure) as caught:
        _ = stream.digest
    assert caught.value.transient


def test_the_digest_is_read_from_the_sentence_if_there_is_no_aux():
    _, events = load("pushed")
    stream = PushStream(events[:-1], HERE)
    list(stream)

    assert stream.digest == events[-1]["aux"]["Digest"]


def test_an_error_is_read_from_its_details_if_there_is_no_short_form():
    with pytest.raises(RegistryFailure) as caught:
        list(PushStream([{"errorDetail": {"code": 403, "message": "denied"}}], HERE))
    assert caught.value.fault == "denied"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
keys = st.sampled_from(["id", "status", "progressDetail", "aux", "progress", "stream", "new"])


@settings(deadline=None)
@given(st.lists(st.dictionaries(keys, json_values)))
def test_unknown_events_are_ignored(events):
    for progress in PushStream(events, HERE):
        assert isinstance(progress.layer, str)
        assert progress.current is not None
