"""The command line as a whole: its commands, their help, and the options of all commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from rich.text import Text

from flowship import __version__
from flowship.commands.boundary import CLICK_ERROR
from support.commands import COMMANDS, LEAVES, PROGRAM, ROOT, parse
from support.projects import CONFIG, FLOW


@pytest.fixture
def project(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "flowship.toml").write_text(CONFIG)
    return tmp_path


def test_the_commands_are_these():
    assert {" ".join(path) for path in LEAVES} == {
        *("init", "check", "build", "try"),
        *("push", "plan", "deploy", "ship", "promote", "run"),
        *("status", "history", "logs", "ps", "doctor", "schedule preview"),
        *("pause", "resume", "rollback", "cancel", "delete", "prune", "unlock"),
        *("up", "down", "login", "secret set", "secret ls", "secret rm"),
        *("profile set-api", "profile ls", "profile use", "profile show", "etl run"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_every_option_has_a_help_text(path):
    command = COMMANDS[path]
    assert command.help
    without = [p.name for p in command.params if not getattr(p, "help", None)]
    assert without == []


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_no_help_text_loses_what_looks_like_markup(path):
    command = COMMANDS[path]
    texts = [command.help, *(param.help for param in command.params)]
    shown = [Text.from_markup(text).plain for text in texts]
    assert shown == [text.replace(r"\[", "[") for text in texts]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_the_option_json(path):
    assert "--json" in [opt for param in COMMANDS[path].params for opt in param.opts]


def test_help_names_every_command(cli):
    code, stdout, stderr = cli("--help")
    assert code == 0
    assert not stderr
    assert {path[0] for path in COMMANDS} <= set(re.findall(r"[\w-]+", stdout))


def test_without_a_command_the_help_is_shown(cli):
    code, stdout, stderr = cli()
    assert code == 2
    assert "Usage: flowship" in stdout + stderr


def test_the_version_is_printed(cli):
    assert cli("--version") == (0, f"flowship {__version__}\n", "")


# --- examples ------------------------------------------------------------------------------------


def examples(command):
    """The lines of a command's examples, without their indentation."""
    heading, *lines = command.epilog.strip().splitlines()
    assert heading == "Examples:"
    return [line.strip() for line in lines]


EVERY = {(): ROOT, **COMMANDS}


@pytest.mark.parametrize("path", EVERY, ids=lambda path: " ".join(path) or "flowship")
def test_the_help_of_every_command_ends_with_its_examples(cli, path):
    expected = ["Examples:", *(f"  {line}" for line in examples(EVERY[path]))]
    done = cli(*path, "--help")
    assert done.code == 0
    lines = [line.removeprefix(" ").rstrip() for line in done.stdout.rstrip().splitlines()]
    assert lines[-len(expected) :] == expected
    assert lines.count("Examples:") == 1
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


@pytest.mark.parametrize("path", EVERY, ids=lambda path: " ".join(path) or "flowship")
def test_every_example_can_be_parsed_and_is_about_its_command(path):
    for line in examples(EVERY[path]):
        program, *words = shlex.split(re.split(" [<>] ", line)[0])
        assert program == "flowship"
        assert parse(words)[: len(path)] == path


@pytest.mark.parametrize("line", ["build --tga x", "nonsense", "run a b", "push --repo"])
def test_an_example_that_is_wrong_would_be_noticed(line):
    with pytest.raises((CLICK_ERROR, KeyError)):
        parse(line.split())


# --- the folder ----------------------------------------------------------------------------------


def test_another_folder_can_be_named(cli, project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    given = cli("-C", str(project), "build", "--print-dockerfile", cwd=elsewhere)
    assert given.code == 0
    assert given.stdout == cli("build", "--print-dockerfile", cwd=project).stdout
    assert "FROM python:3.11" in given.stdout


def test_a_folder_that_does_not_exist_is_a_usage_error(cli):
    code, stdout, stderr = cli("-C", "nowhere", "check")
    assert (code, stdout) == (2, "")
    assert "nowhere" in stderr


def test_a_file_instead_of_a_folder_is_a_usage_error(cli, project):
    code, _, stderr = cli("-C", "flow.py", "check")
    assert code == 2
    assert "flow.py is not a folder" in stderr


def test_a_current_folder_that_was_removed_is_a_usage_error(tmp_path):
    gone = tmp_path / "gone"
    script = 'mkdir "$1"; cd "$1"; rmdir "$1"; exec "$2" check'
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(gone), str(PROGRAM)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no longer exists" in done.stderr


# --- streams -------------------------------------------------------------------------------------


@pytest.mark.parametrize("redirect", [">/dev/full", ">&-"])
def test_a_full_or_closed_stdout_is_an_error_not_a_bug(project, redirect):
    command = f'"{PROGRAM}" check --json {redirect}'
    done = subprocess.run(
        ["sh", "-c", command], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "cannot write the result to stdout" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_stops_reading_is_not_an_error(project, cli):
    process = subprocess.Popen(
        [PROGRAM, "build", "--print-dockerfile"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    stderr = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), stderr) == (0, b"")


@pytest.mark.parametrize("words", [["--help"], ["build", "--help"], ["--version"]], ids=" ".join)
def test_help_for_a_full_stdout_is_an_error_without_a_traceback(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(PROGRAM), *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert "cannot write the result to stdout" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_for_a_reader_that_stops_reading_is_not_an_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([str(PROGRAM), "--help"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
