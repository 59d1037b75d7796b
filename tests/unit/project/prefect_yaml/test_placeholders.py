"""Placeholders of a ``prefect.yaml``."""

from __future__ import annotations

import pytest

from flowship.project.prefect_yaml.placeholders import names, translated, unknown


def test_names_are_found_at_any_depth():
    value = {"a": ["{{ one }}", {"b": "x {{two.three}} {{ $FOUR }}"}], "c": 1}
    assert list(names(value)) == ["one", "two.three", "$FOUR"]


@pytest.mark.parametrize(
    ("value", "at_run", "first"),
    [
        ("{{ $HOME }}", False, ""),
        ("{{ $DB_PASSWORD }}", False, "{{ $DB_PASSWORD }}"),
        ("{{ build-image.image }}", False, "{{ build-image.image }}"),
        ("{{ prefect.blocks.secret.token }}", False, "{{ prefect.blocks.secret.token }}"),
        ("{{ prefect.blocks.secret.token }}", True, ""),
        ("{{ prefect.variables.size }}-{{ ctx.flow_run.name }}", True, ""),
        (None, False, ""),
    ],
)
def test_unknown_ones_are_named(value, at_run, first):
    assert unknown(value, at_run=at_run) == first


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{{ $HOME }}/data", "${HOME}/data"),
        ("{{$HOME}}", "${HOME}"),
        ("costs $5", "costs $5"),
        ("the text ${HOME}", "the text $${HOME}"),
        ("{{ prefect.blocks.secret.token }}", "{{ prefect.blocks.secret.token }}"),
        (["{{ $A }}", {"b": "$"}, 3], ["${A}", {"b": "$"}, 3]),
    ],
)
def test_environment_variables_are_written_as_flowship_reads_them(value, expected):
    assert translated(value) == expected
