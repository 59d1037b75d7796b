"""How a trial ended."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from flowship.engine.attached import Ended
from flowship.trial.result import Answers, failure, result
from flowship.trial.script import RESULT, RUN


def answered(kind, message=""):
    state = {"type": kind, "name": kind.title(), "message": message, "run": "id"}
    return Answers(result=json.dumps(state))


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
    error = failure(result("flow.py:f", Answers(), ended, 1))
    assert error.code == "run-crashed"
    assert words in error.details


def test_what_the_script_says_differs_from_other_lines():
    answers = Answers()
    assert not answers.take("flowship is nice")
    assert not answers.take(RUN + "../../deployments")  # a flow may print anything
    first, child = str(uuid4()), str(uuid4())
    assert answers.take(RUN + first)
    assert answers.take(RUN + child)
    assert answers.take(RESULT + "{}")
    assert answers == Answers(run=first, result="{}")


def test_the_run_of_a_container_that_was_killed_is_known():
    done = result("flow.py:f", Answers(run="id"), Ended(137), 1)
    assert (done.run, done.state_type) == ("id", "CRASHED")
