"""How a trial ended."""

from __future__ import annotations

import json

import pytest

from flowship.engine.attached import Ended
from flowship.trial.result import failure, is_answer, result
from flowship.trial.script import RESULT


def answered(kind, message=""):
    state = {"type": kind, "name": kind.title(), "message": message, "run": "id"}
    return RESULT + json.dumps(state)


def test_a_completed_flow_has_no_error():
    done = result("flow.py:f", answered("COMPLETED"), Ended(0), 1.23456)
    assert done.completed
    assert failure(done) is None
    assert done.to_json()["seconds"] == 1.235
    assert done.to_json()["completed"] is True


def test_a_failed_flow_is_an_error_with_its_message():
    done = result("flow.py:f", answered("FAILED", "no rows"), Ended(1), 1)
    error = failure(done.on_page("http://page"))
    assert (error.code, int(error.exit_code)) == ("run-failed", 8)
    assert error.details == "no rows"
    assert "http://page" in error.hint


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended(137, out_of_memory=True), "mem-limit"),
        (Ended(137), "killed"),
        (Ended(3), "exit code 3 before the flow had a state"),
    ],
)
def test_a_container_that_ends_without_an_answer_crashed(ended, words):
    error = failure(result("flow.py:f", "", ended, 1))
    assert error.code == "run-crashed"
    assert words in error.details


def test_the_answer_differs_from_other_lines():
    assert is_answer(answered("FAILED"))
    assert not is_answer("flowship is nice")
