"""`--plan`: what it refuses before it asks an engine or a server."""

from __future__ import annotations

import pytest

from support.commands import one_object


@pytest.mark.parametrize("command", ["ship", "deploy"])
@pytest.mark.parametrize(
    "options",
    [["--cron", "0 5 * * *"], ["--name", "a"], ["--no-paused"], ["--prune"], ["--dry-run"],
     ["--only", "p"], ["-p", "a=1"]],
    ids=lambda options: options[0],
)  # fmt: skip
def test_the_plan_has_decided_what_other_options_would(cli, project, command, options):
    code, _, stderr = cli(command, "--plan", "plan.json", *options)
    assert code == 2
    assert "cannot be combined: the plan says what is done" in stderr


@pytest.mark.parametrize("command", ["ship", "deploy"])
def test_a_file_that_is_missing_or_not_a_plan_is_refused(cli, project, command):
    missing = cli(command, "--plan", "plan.json", "--json")
    assert one_object(missing.stdout)["error"]["code"] == "unreadable-file"
    (project / "plan.json").write_text('{"images": "\x1b[2J"}')
    wrong = cli(command, "--plan", "plan.json", "--json")
    assert (wrong.code, one_object(wrong.stdout)["error"]["code"]) == (3, "plan-invalid")
