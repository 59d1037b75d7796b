"""The labels that hold what the probe found out about the flows of an image."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.probe import flow_labels
from flowship.probe.result import ProbeResult

ONE = ProbeResult("one", "a/flow.py:run", "3.8.8", "3.11.2", "A flow.\n", {"properties": {}})
TWO = ProbeResult("two", "b/flow.py:run", "3.8.8", "3.11.2", computed_defaults=("day",))


def test_what_is_written_is_read_in_its_order():
    assert flow_labels.read(flow_labels.write((TWO, ONE))) == (TWO, ONE)
    assert flow_labels.read(flow_labels.write(())) == ()
    assert flow_labels.read({}) == ()


def test_each_flow_has_a_line_of_its_own():
    labels = flow_labels.write((ONE, TWO))
    assert len(labels) == 3
    assert all(value.isprintable() for value in labels.values())


def test_flows_of_the_base_image_are_not_those_of_the_image():
    assert flow_labels.read(flow_labels.write((ONE, TWO)) | flow_labels.write((TWO,))) == (TWO,)


def test_the_label_of_an_earlier_version_is_not_read():
    assert flow_labels.read({"io.flowship.probe": ONE.to_json()}) == ()


@pytest.mark.parametrize("text", ["[", "{}", "[1]", "[" * 100_000, '["a/flow.py:run"]'])
def test_damaged_labels_ask_for_another_build(text):
    with pytest.raises(ConfigError) as caught:
        flow_labels.read({"io.flowship.flows": text})
    assert caught.value.code == "probe-label-damaged"
