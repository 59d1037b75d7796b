"""What `flowship try` prints."""

from __future__ import annotations

from flowship.engine.attached import Ended
from flowship.output import render_trial
from flowship.trial.result import Answers, result
from support.rendering import shown

COMPLETED = '{"type": "COMPLETED", "name": "Completed", "message": "", "run": ""}'


def test_a_completed_run_is_one_line():
    done = result("flow.py:f", Answers(result=COMPLETED), Ended(0), 2.04)
    assert shown(render_trial.ended(done)).strip() == "✓ flow.py:f: Completed in 2.0 s"


def test_a_run_that_did_not_complete_is_left_to_its_error():
    assert render_trial.ended(result("flow.py:f", Answers(), Ended(1), 1)) == []


def test_markup_that_the_container_prints_stays_text():
    assert shown([render_trial.line("[red]x[/]")]).strip() == "[red]x[/]"
