"""The options of `flowship etl run`, and its errors as those of flowship."""

from __future__ import annotations

from dataclasses import replace

import pytest
from parts.taxi_server import TaxiServer

from flowship.errors import ConfigError, ExitCode, UsageError
from flowship.etl.convert import Progress
from flowship.etl.manifest import MonthResult
from flowship.local import etl_months


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", [1]),
        ("1-3", [1, 2, 3]),
        ("3,1", [3, 1]),
        ("1-3,12, 2", [1, 2, 3, 12]),
        ("4-4", [4]),
    ],
)
def test_months_are_numbers_and_ranges_without_duplicates(text, expected):
    assert etl_months.parse(text) == expected


@pytest.mark.parametrize("text", ["", "0", "13", "3-1", "1-", "-2", "1-13", "Jan", "1,,2", "1.5"])
def test_text_that_is_not_a_list_of_months_is_refused(text):
    with pytest.raises(UsageError, match="invalid months"):
        etl_months.parse(text)


REQUEST = etl_months.Request(2021, [1], "green", "mirror", "./out", False, 100, 2)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"colour": "purple"}, UsageError, "unknown-colour"),
        ({"year": 1999}, UsageError, "year-out-of-range"),
        ({"source": "nowhere/at/all"}, ConfigError, "source-invalid"),
        ({"source": "/d/taxi.csv", "months": [1, 2]}, ConfigError, "source-invalid"),
        ({"destination": "gs://bucket", "source": "/tmp"}, ConfigError, "destination-invalid"),
    ],
)
def test_a_wrong_option_is_refused_with_a_code_before_any_month(change, error, code):
    with pytest.raises(error) as caught:
        etl_months.load(replace(REQUEST, **change), lambda progress: None)
    assert caught.value.code == code


def test_months_are_loaded_and_their_progress_is_reported(tmp_path):
    seen: list[Progress] = []
    with TaxiServer(rows=50) as taxi:
        request = replace(REQUEST, source=taxi.source, destination=str(tmp_path))
        (result,) = etl_months.load(request, seen.append)
    assert (result.outcome, result.rows) == ("written", 50)
    assert seen[-1].outcome == "written"


RESULTS = [
    MonthResult("green", 2021, 1, "written"),
    MonthResult("green", 2021, 2, "failed", reason="the server returned 404"),
    MonthResult("green", 2021, 3, "unchanged"),
]


def test_failed_months_are_one_error_with_each_reason():
    error = etl_months.failure(RESULTS)
    assert (error.exit_code, error.code) == (ExitCode.RUN, "months-failed")
    assert error.message == "1 of 3 months failed"
    assert error.details == "green 2021-02: the server returned 404"
    assert etl_months.failure(RESULTS[::2]) is None


def test_the_json_counts_the_outcomes():
    found = etl_months.as_json(RESULTS)
    assert (found["written"], found["unchanged"], found["failed"]) == (1, 1, 1)
