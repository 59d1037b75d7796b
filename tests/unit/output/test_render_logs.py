"""A run's log on a terminal."""

from __future__ import annotations

from rich.text import Text

from flowship.output import render_logs
from flowship.runs.chosen import ChosenRun
from flowship.runs.records import LogRecord
from flowship.runs.states import StateType

MOMENT = "2026-11-26T04:28:58.544123Z"
TRACE = """\
Encountered exception: ValueError('no rows')
Traceback (most recent call last):
  File "/opt/venv/lib/python3.11/site-packages/prefect/flow_engine.py", line 1330, in run_context
    yield self
  File "/opt/prefect/flows/flow.py", line 39, in hello
    raise ValueError("no rows")
ValueError: no rows"""


def run(**facts) -> ChosenRun:
    values = {"state_type": StateType.CRASHED, "state_name": "Crashed", **facts}
    return ChosenRun("6e5a", "zippy", "hello/normal", "http://x/6e5a", **values)


def text(line) -> str:
    return Text.from_markup(line).plain


def test_a_record_is_a_line_with_its_moment_level_and_run():
    line = render_logs.LogLines().line(LogRecord(MOMENT, "INFO", "zippy", "hello [bold]x[/]"))
    assert text(line) == "2026-11-26T04:28:58Z INFO    zippy hello [bold]x[/]"
    line = render_logs.LogLines().line(LogRecord(MOMENT, "INFO", "zip\npy", "x"))
    assert "\n" not in text(line)


def test_the_further_lines_of_a_message_are_indented_and_colours_removed():
    message = "multi\nline\n\x1b[31mred\x1b[0m\n"
    line = render_logs.LogLines().line(LogRecord(MOMENT, "ERROR", "zippy", message))
    assert text(line) == "2026-11-26T04:28:58Z ERROR   zippy multi\n    line\n    red"


def test_a_traceback_is_folded_unless_it_is_wanted_complete():
    record = LogRecord(MOMENT, "ERROR", "zippy", TRACE)
    folded = text(render_logs.LogLines().line(record))
    assert "1 frame of Prefect" in folded
    assert "flow_engine.py" not in folded
    assert "flow_engine.py" in text(render_logs.LogLines(full=True).line(record))


def test_the_end_of_a_run_has_its_state_and_the_reason():
    lines = render_logs.end(run(message="exit [1]", ended=MOMENT))
    assert [text(line) for line in lines] == [
        "✗ zippy: Crashed at 2026-11-26T04:28:58Z",
        "  exit [1]",
    ]
    done = run(state_type=StateType.COMPLETED, state_name="Completed", message="x")
    assert [text(line) for line in render_logs.end(done)] == ["✓ zippy: Completed"]
    going = run(state_type=StateType.RUNNING, state_name="Running")
    assert [text(line) for line in render_logs.end(going)] == ["• zippy: Running"]
