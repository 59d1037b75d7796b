"""The project's own commands run at their points, and know what happened."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from flowship.errors import BuildError, ConfigError, Interrupted
from flowship.project.hooks import Hooks, Point, failure
from support.configuring import failure as refused
from support.configuring import load


def hooks(folder: Path, table: str, environ: dict[str, str] | None = None) -> tuple[Hooks, list]:
    """The hooks of a project with this ``[hooks]`` table, and all that they report."""
    seen: list[object] = []
    settings = load(folder, f'name = "trips"\nentrypoint = "flow.py:main"\n[hooks]\n{table}')
    return (
        Hooks(
            settings,
            "ship",
            lambda point, command: seen.append((point, command)),
            seen.append,
            {**os.environ, **(environ or {})},
        ),
        seen,
    )


def test_a_hook_runs_in_the_projects_folder_and_knows_what_happened(tmp_path):
    words = "$FLOWSHIP_HOOK $FLOWSHIP_HOOK_COMMAND $FLOWSHIP_HOOK_PROJECT $FLOWSHIP_HOOK_IMAGE"
    command = f"echo {words} && pwd && echo to-stderr >&2"
    found, seen = hooks(tmp_path, f'post-push = "{command}"')
    found.run(Point.POST_PUSH, image="user/de-repo:tag")
    assert seen == [
        (Point.POST_PUSH, command),
        "post-push ship trips user/de-repo:tag",
        str(tmp_path),
        "to-stderr",
    ]


def test_a_list_is_a_program_and_its_arguments_without_a_shell(tmp_path):
    script = "import sys; print(sys.argv[1])"
    found, seen = hooks(tmp_path, f"pre-build = ['{sys.executable}', '-c', '{script}', '$HOME *']")
    found.run(Point.PRE_BUILD)
    assert seen[1:] == ["$HOME *"]


def test_a_hook_that_is_not_configured_does_nothing(tmp_path):
    found, seen = hooks(tmp_path, 'pre-build = "echo one"')
    found.run(Point.POST_BUILD)
    assert seen == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ('"echo no rows; exit 4"', "the pre-build hook failed with exit code 4"),
        ('"kill -KILL $$"', "failed with signal 9"),
        ('["no-such-program"]', "failed to start: No such file or directory"),
    ],
)
def test_a_hook_that_fails_stops_the_command_at_its_line(tmp_path, command, words):
    found, _ = hooks(tmp_path, f"pre-build = {command}")
    with pytest.raises(ConfigError) as caught:
        found.run(Point.PRE_BUILD)
    assert words in caught.value.message
    assert caught.value.code == "hook-failed"
    assert caught.value.where.endswith("flowship.toml:4:1")


def test_a_hook_that_calls_flowship_starts_no_hooks(tmp_path):
    found, seen = hooks(tmp_path, 'pre-build = "echo again"', {"FLOWSHIP_HOOK": "pre-build"})
    found.run(Point.PRE_BUILD)
    assert seen == []


def test_its_variables_are_not_taken_for_settings(tmp_path):
    text = 'entrypoint = "flow.py:main"\n'
    environ = {"FLOWSHIP_HOOK": "pre-build", "FLOWSHIP_HOOK_IMAGE": "a:b"}
    assert load(tmp_path, text, environ).warnings == ()


def test_a_failure_has_a_hook_whose_own_failure_is_a_warning(tmp_path):
    found, seen = hooks(tmp_path, 'on-failure = "echo $FLOWSHIP_HOOK_ERROR_CODE; exit 1"')
    warnings: list[str] = []
    found.failed(BuildError("the flow does not load", code="probe-failed"), warnings.append)
    assert seen[1:] == ["probe-failed"]
    assert warnings == [
        "the on-failure hook failed with exit code 1: echo $FLOWSHIP_HOOK_ERROR_CODE; exit 1"
    ]


def test_an_interruption_and_a_bug_are_failures_too():
    assert failure(KeyboardInterrupt()) == {
        "error": "interrupted",
        "error_code": "interrupted",
        "exit_code": "130",
    }
    said = failure(Interrupted("9 of 31 changes were made", "run it again"))
    assert said["error"] == "interrupted: 9 of 31 changes were made"
    assert failure(KeyError("x"))["error_code"] == "bug"


@pytest.mark.parametrize("value", ['""', "[]", '[""]', '"  "'])
def test_an_empty_command_is_refused(tmp_path, value):
    error = refused(tmp_path, f'entrypoint = "flow.py:main"\n[hooks]\npre-build = {value}')
    assert "is empty" in error.message
    assert error.where.endswith("flowship.toml:3:1")


@pytest.mark.parametrize("value", ["5", "[5]", "true", "{ a = 1 }"])
def test_another_type_is_refused_in_words(tmp_path, value):
    error = refused(tmp_path, f'entrypoint = "flow.py:main"\n[hooks]\npre-build = {value}')
    assert error.message == (
        'hooks.pre-build must be text for the shell, or a list: ["program", "argument"]'
    )
