"""Containers that end without an answer, and what the user reads."""

from __future__ import annotations

import pytest

from flowship.probe.crashes import crashed, entrypoint_ignores_command, timed_out


@pytest.mark.parametrize(
    ("exit_code", "output", "code", "word"),
    [
        (137, "", "probe-out-of-memory", "memory"),
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
