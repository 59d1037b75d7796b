"""Tracebacks in the log of a run: the flow's own frames, each error once, the cause last."""

from __future__ import annotations

import textwrap

import pytest

from flowship.output.tracebacks import TracebackFolder

PREFECT = "/opt/venv/lib/python3.11/site-packages/prefect"


def frames(*places: str) -> str:
    return "".join(
        f'  File "{place}", line {n}, in step\n    call()\n    ^^^^^^\n'
        for n, place in enumerate(places, 1)
    )


def trace(*places: str, text: str = "KeyError: 'no such column'") -> str:
    return f"Traceback (most recent call last):\n{frames(*places)}{text}"


TASK = (f"{PREFECT}/task_engine.py", f"{PREFECT}/utilities/callables.py", "/opt/prefect/flows/a.py")
FLOW = (f"{PREFECT}/flow_engine.py", "/opt/prefect/flows/flow.py", *TASK)


def test_frames_of_prefect_become_one_line_and_the_cause_is_last():
    folded = TracebackFolder().fold(f"Task run failed\n{trace(*TASK)}")
    assert folded.splitlines() == [
        "Task run failed",
        "  Traceback (most recent call last):",
        "    … 2 frames of Prefect",
        '    File "/opt/prefect/flows/a.py", line 3, in step',
        "      call()",
        "      ^^^^^^",
        "  KeyError: 'no such column'",
    ]


@pytest.mark.parametrize(
    ("file", "folded"),
    [
        ("/usr/local/lib/python3.11/site-packages/prefect_aws/s3.py", "… 1 frame of Prefect"),
        ("/usr/lib/python3/dist-packages/prefect/flows.py", "… 1 frame of Prefect"),
        ("/opt/venv/lib/python3.11/site-packages/flowship/blocks.py", "… 1 frame of flowship"),
        ("<frozen importlib._bootstrap>", "… 1 frame of Python"),
        ("/opt/venv/lib/python3.11/site-packages/flowship/etl/flow.py", "etl/flow.py"),
        ("/opt/prefect/flows/prefect/flow.py", "prefect/flow.py"),  # the project's own
        ("/opt/venv/lib/python3.11/site-packages/pandas/core/frame.py", "pandas/core/frame.py"),
    ],
)
def test_only_files_of_prefect_flowship_and_the_import_system_are_folded(file, folded):
    assert folded in TracebackFolder().fold(trace("/opt/prefect/flows/flow.py", file))


def test_an_error_of_a_task_is_shown_once_and_its_flow_adds_only_its_own_frames():
    folder = TracebackFolder()
    folder.fold(trace(*TASK))
    above = trace(*FLOW).replace("line 5", "line 3")  # as the task's traceback has it
    assert folder.fold(f"Encountered exception\n{above}").splitlines() == [
        "Encountered exception",
        "  Traceback (most recent call last):",
        '    File "/opt/prefect/flows/flow.py", line 2, in step',
        "      call()",
        "      ^^^^^^",
        "  KeyError: 'no such column' (shown above)",
    ]
    assert folder.fold(f"Engine execution exited\n{above}").splitlines() == [
        "Engine execution exited",
        "  KeyError: 'no such column' (shown above)",
    ]


def test_the_same_text_from_another_place_is_another_error():
    folder = TracebackFolder()
    folder.fold(trace("/opt/prefect/flows/a.py"))
    assert "(shown above)" not in folder.fold(trace("/opt/prefect/flows/b.py"))


LINK = "\n\nThe above exception was the direct cause of the following exception:\n\n"


def test_of_a_chain_the_exceptions_inside_prefect_keep_only_their_text():
    inner = trace(f"{PREFECT}/client.py", text="prefect.exceptions.ObjectNotFound: None")
    outer = trace(*TASK, f"{PREFECT}/blocks/core.py", text="ValueError: no block x")
    folder = TracebackFolder()
    folded = folder.fold(f"Encountered exception\n{inner}{LINK}{outer}").splitlines()
    assert folded[1:4] == [
        "  prefect.exceptions.ObjectNotFound: None",
        f"  {LINK.strip()}",
        "  Traceback (most recent call last):",
    ]
    assert folded[-2:] == ["    … 1 frame of Prefect", "  ValueError: no block x"]
    assert folder.fold(f"{inner}{LINK}{outer}") == "  ValueError: no block x (shown above)"


def test_a_group_of_exceptions_is_folded_inside_its_margin():
    group = (
        "  + Exception Group "
        + textwrap.indent(trace(*TASK, text=""), "  | ").lstrip(" |").rstrip()
    )
    end = "\n  | ExceptionGroup: two (2 sub-exceptions)\n  +-+--- 1 ---\n    | ValueError: a"
    folder = TracebackFolder()
    folded = folder.fold(group + end).splitlines()
    assert folded[0] == "    + Exception Group Traceback (most recent call last):"
    assert folded[1] == "    |   … 2 frames of Prefect"
    assert folded[-1] == "      | ValueError: a"
    assert "two (2 sub-exceptions) (shown above)" in folder.fold(group + end)


@pytest.mark.parametrize(
    "message",
    ["hello Ada: 3 letters", "see Traceback (most recent call last): in the docs", "", "a\n  b"],
)
def test_other_messages_are_not_changed(message):
    assert TracebackFolder().fold(message) == message


@pytest.mark.parametrize("rest", ["", "\n", "\n\n\n", '\n  File "x"', "\n    no file\nError"])
def test_a_damaged_traceback_loses_nothing_and_does_not_fail(rest):
    folded = TracebackFolder().fold(f"Traceback (most recent call last):{rest}")
    assert [line for line in rest.split() if line not in folded] == []
