"""The commands that messages name keep the environment and the folder of the command."""

from __future__ import annotations

import io
import json

import pytest
import typer
from rich.console import Console
from typer.main import get_command

from flowship import cli
from flowship.errors import ConfigError, Interrupted
from flowship.output import next_steps
from flowship.output.console import Screen
from flowship.output.next_steps import WITH_ENV, followed, followed_json


@pytest.fixture(autouse=True)
def staging():
    with next_steps.of_environment("staging"):
        yield
    next_steps.of_folder("")


def commands_with(option: str) -> set[str]:
    found = set()

    def visit(command: typer.core.TyperCommand, name: str) -> None:
        for key, each in getattr(command, "commands", {}).items():
            visit(each, f"{name} {key}".strip())
        if name and any(option in parameter.opts for parameter in command.params):
            found.add(name)

    visit(get_command(cli.app), "")
    return found


def test_the_list_of_commands_with_env_is_that_of_the_application():
    assert commands_with("--env") == WITH_ENV


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "next: `flowship run trips/nightly --watch`",
            "next: `flowship run --env staging trips/nightly --watch`",
        ),
        ("see `flowship logs ID` and URL", "see `flowship logs --env staging ID` and URL"),
        (
            "`flowship secret set A` and `flowship secret set B`",
            "`flowship secret set --env staging A` and `flowship secret set --env staging B`",
        ),
        (
            "`flowship down`, then `flowship up`",
            "`flowship down`, then `flowship up --env staging`",
        ),
        ("`flowship ship`", "`flowship ship --env staging`"),
        ("`flowship profile show`", "`flowship profile show --env staging`"),
        (
            "`PREFECT_PROFILE=a flowship up`, `PREFECT_PROFILE='a' flowship down`",
            "`PREFECT_PROFILE=a flowship up --env staging`, `PREFECT_PROFILE='a' flowship down`",
        ),
        # It names one already, the command has no such option, or it is no command to run.
        ("`flowship ship --env production`", "`flowship ship --env production`"),
        ("`flowship history --env=eu`", "`flowship history --env=eu`"),
        ("`flowship profile set-api URL`", "`flowship profile set-api URL`"),
        ("`flowship secret`", "`flowship secret`"),
        ("`flowship login < token`", "`flowship login < token`"),
        ("the flowship run of `run`", "the flowship run of `run`"),
        ("`prefect run` `git flowship run`", "`prefect run` `git flowship run`"),
        ("`flowship runs`", "`flowship runs`"),
    ],
)
def test_a_command_with_the_option_gets_the_environment(text, expected):
    assert followed(text) == expected
    assert followed(followed(text)) == expected


def test_without_an_environment_nothing_changes():
    with next_steps.of_environment(None):
        assert followed("`flowship ship`") == "`flowship ship`"
    assert followed("`flowship ship`") == "`flowship ship --env staging`"


def test_names_are_quoted_for_the_shell_and_escaped_for_markup():
    with next_steps.of_environment("a b[x]"):
        assert followed("`flowship ship`") == "`flowship ship --env 'a b[x]'`"
        console = Console(file=io.StringIO(), width=200)
        console.print(followed("[bold]`flowship ship`[/]", markup=True))
        assert console.file.getvalue() == "`flowship ship --env 'a b[x]'`\n"


def test_the_folder_of_the_command_is_kept_too():
    next_steps.of_folder("my trips")
    assert followed("`flowship ship`") == "`flowship -C 'my trips' ship --env staging`"
    assert followed("`flowship profile ls`") == "`flowship -C 'my trips' profile ls`"
    assert followed("`flowship -C .. ship`") == "`flowship -C .. ship`"


def test_only_advice_in_json_is_changed():
    told = "`flowship ship`"
    after = "`flowship ship --env staging`"
    value = {"remedy": told, "warnings": [told, {"text": told}], "records": [{"message": told}]}
    assert followed_json(value) == {
        "remedy": after,
        "warnings": [after, {"text": after}],
        "records": [{"message": told}],
    }


def test_every_way_out_of_the_screen_keeps_the_environment(capsys):
    screen = Screen()
    told = "`flowship ship`"
    screen.info(f"[bold]next:[/] {told}")
    screen.note(told)
    screen.warn(told)
    screen.error(ConfigError(f"{told} failed", hint=f"run {told}"))
    screen.interrupted(exc=Interrupted("stopped", hint=f"again: {told}"))
    screen.result({}, told)
    screen.report({}, told)
    out, err = capsys.readouterr()
    after = "`flowship ship --env staging`"
    assert err.splitlines() == [
        f"next: {after}",
        f"note: {after}",
        f"warning: {after}",
        f"error: {after} failed",
        f"  → run {after}",
        "interrupted: stopped",
        f"  → again: {after}",
    ]
    assert out == f"{after}\n{after}\n"


def test_the_error_in_json_keeps_the_environment(capsys):
    Screen(as_json=True).error(ConfigError("no", hint="run `flowship ship`"))
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["hint"] == "run `flowship ship --env staging`"


def test_a_log_is_printed_as_it_is(capsys):
    screen = Screen()
    screen.log("`flowship ship`")
    screen.line("`flowship ship`")
    screen.result({}, "`flowship ship`\n", exact=True)
    out, err = capsys.readouterr()
    assert (out, err) == ("`flowship ship`\n" * 2, "`flowship ship`\n")
