"""Containers that end without an answer, and what the user reads."""

from __future__ import annotations

import pytest

from flowship.probe.crashes import (
    crashed,
    entrypoint_ignores_command,
    flow_ended_process,
    timed_out,
)


@pytest.mark.parametrize(
    ("exit_code", "output", "code", "word"),
    [
        (127, 'exec: "python": executable file not found', "python-missing", "no `python`"),
        (1, "Segmentation fault", "probe-failed", "exit code 1"),
        (
            127,
            "[FATAL tini (7)] exec python failed: No such file or directory",
            "python-missing",
            "no `python`",
        ),
    ],
)
def test_a_crash_is_explained_by_exit_code_and_output(exit_code, output, code, word):
    error = crashed(exit_code, output)
    assert error.code == code
    assert word in error.message


def test_memory_is_blamed_for_a_kill_only_if_the_engine_says_so():
    for function in (crashed, flow_ended_process):
        error = function(137, "", file="flow.py", out_of_memory=True)
        assert error.code == "probe-out-of-memory"
        assert error.message.endswith("the engine ran out of memory")
        error = function(137, "", file="flow.py")
        assert (error.code, error.where) == ("flow-ended-process", "flow.py")
        assert error.message == "the process was killed by SIGKILL while loading the flow"
        assert "does not do it itself, the memory of the engine's machine ran out" in error.hint


@pytest.mark.parametrize(("code", "word"), [(3, "exit code 3"), (139, "signal 11")])
def test_a_flow_that_ends_the_process_is_blamed_for_it(code, word):
    error = crashed(code, "", file="flow.py", started=True)
    assert word in error.message
    assert error.code == "flow-ended-process"
    assert error.where == "flow.py"
    assert "--no-probe" not in error.hint


def test_a_timeout_names_the_seconds_and_the_setting():
    error = timed_out(20, "still loading")
    assert error.code == "probe-timed-out"
    assert error.message == "the flow did not load within 20 s"
    assert "timeout in [probe]" in error.hint
    assert error.details == "still loading"


def test_an_entrypoint_that_ignores_its_command_is_shown_as_json():
    error = entrypoint_ignores_command(["python", "flow.py"], "")
    assert error.code == "entrypoint-ignores-command"
    assert 'ENTRYPOINT ["python", "flow.py"] does not run the command' in error.message
    assert 'exec "$@"' in error.hint


DUMP = """\
printed by the flow
Fatal Python error: {error}

Thread 0x00007fad6d (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 324 in wait

Current thread 0x00007fad6e (most recent call first):
  File "/opt/venv/lib/python3.11/site-packages/polars/__init__.py", line 9 in <module>
  File "/opt/prefect/flows/lib/frames.py", line 5 in <module>
  File "<frozen importlib._bootstrap>", line 241 in _call_with_frames_removed
  File "/opt/prefect/flows/flow.py", line 2 in <module>
  File "/opt/venv/lib/python3.11/site-packages/prefect/flows.py", line 3001 in load_flow

Extension modules: yaml._yaml (total: 1)
"""


def test_an_instruction_that_the_processor_lacks_names_the_package_and_the_users_line():
    error = crashed(132, DUMP.format(error="Illegal instruction"), file="flow.py", started=True)
    assert error.code == "processor-unsupported"
    assert error.where == "lib/frames.py:5"
    assert error.message.startswith("polars uses an instruction")
    assert "Fatal Python error: Illegal instruction" in error.details
    assert error.details.startswith("printed by the flow")
    assert "threading.py" not in error.details, "another thread"
    assert "prefect/flows.py" not in error.details, "the loader"


def test_a_crash_of_a_package_names_it():
    error = crashed(139, DUMP.format(error="Segmentation fault"), file="flow.py", started=True)
    assert error.code == "flow-ended-process"
    assert "signal 11 (SIGSEGV)" in error.message
    assert error.hint == "polars crashed: use another version of it"
    assert error.where == "lib/frames.py:5"


def test_without_pythons_own_report_the_file_is_named():
    error = crashed(132, "", file="flow.py", started=True)
    assert (error.code, error.where) == ("processor-unsupported", "flow.py")
    assert error.message.startswith("a compiled package uses an instruction")
