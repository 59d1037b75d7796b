"""The command line without an engine or a server: what it answers, where, and with what code."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import typer.main

from flowship import __version__
from flowship.cli import app
from support.commands import PROGRAM, one_object
from support.projects import FLOW

CLEAN = "FROM python:3.11\nCOPY flow.py /opt/prefect/flows/flow.py\n"
CONFIG = 'name = "p"\nentrypoint = "flow.py:hello"\nbase-image = "python:3.11"\n'


@pytest.fixture
def project(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "flowship.toml").write_text(CONFIG)
    return tmp_path


# --- help ----------------------------------------------------------------------------------------


def commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield (*path, name), command
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))
LEAVES = [path for path, command in COMMANDS.items() if not hasattr(command, "commands")]


def test_the_commands_are_these():
    assert {" ".join(path) for path in LEAVES} == {
        *("check", "build", "push", "login", "deploy", "ship", "run", "up", "down", "init"),
        *("profile set-api", "profile ls", "profile use", "profile show", "etl run"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_every_option_has_a_help_text(path):
    command = COMMANDS[path]
    assert command.help
    without = [p.name for p in command.params if not getattr(p, "help", None)]
    assert without == []


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_can_answer_in_json(path):
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


def test_the_version_is_told(cli):
    assert cli("--version") == (0, f"flowship {__version__}\n", "")


# --- which folder --------------------------------------------------------------------------------


def test_an_empty_folder_stands_for_the_shipped_etl_flow(cli):
    code, stdout, stderr = cli("build", "--print-dockerfile")
    assert code == 0
    assert stdout.startswith("FROM prefecthq/prefect:3")
    assert "COPY project/ /opt/prefect/flows/" in stdout
    assert "shipped ETL flow" in stderr


@pytest.mark.parametrize("command", ["build", "check", "deploy", "ship", "run"])
def test_python_files_without_configuration_list_their_flows_and_suggest_init(
    cli, tmp_path, command
):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "taxi.py").write_text(FLOW)
    code, stdout, stderr = cli(command)
    assert (code, stdout) == (3, "")
    assert "flows/taxi.py:hello" in stderr
    assert "flowship init" in stderr


def test_init_beside_python_files_writes_the_configuration_that_was_missing(cli, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    code, stdout, _ = cli("init")
    assert (code, stdout) == (0, "flowship.toml\n")
    assert cli("check").code == 0
    code, stdout, stderr = cli("init")
    assert (code, stdout) == (3, "")
    assert "nothing was written" in stderr


def test_the_first_project_is_one_that_passes_its_own_check(cli, tmp_path):
    code, stdout, _ = cli("init")
    assert code == 0
    assert set(stdout.split()) == {p.name for p in tmp_path.iterdir()}
    assert cli("check").code == 0


def test_another_folder_can_be_named(cli, project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    given = cli("-C", str(project), "build", "--print-dockerfile", cwd=elsewhere)
    assert given.code == 0
    assert given.stdout == cli("build", "--print-dockerfile", cwd=project).stdout
    assert "FROM python:3.11" in given.stdout


def test_a_folder_that_is_not_there_is_wrong_usage(cli):
    code, stdout, stderr = cli("-C", "nowhere", "check")
    assert (code, stdout) == (2, "")
    assert "nowhere" in stderr


@pytest.mark.parametrize("command", [["check"], ["build", "--print-dockerfile"]])
def test_an_unknown_flowship_variable_is_warned_of_with_the_nearest_key(cli, project, command):
    code, _, stderr = cli(*command, env={"FLOWSHIP_ENTRYPIONT": "other.py:flow"})
    assert code == 0
    assert "FLOWSHIP_ENTRYPIONT is no flowship setting" in stderr
    assert "did you mean FLOWSHIP_ENTRYPOINT?" in stderr


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ('repo = "User/DE-Repo"\n', 4, "user/de-repo"),
        ('[check]\nignore = ["relative-destinations"]\n', 5, '"relative-destination"'),
    ],
)
def test_a_name_that_only_a_later_step_would_refuse_is_told_by_check(
    cli, project, more, line, words
):
    (project / "flowship.toml").write_text(CONFIG + more)
    code, stdout, stderr = cli("check")
    assert (code, stdout) == (3, "")
    assert f"flowship.toml:{line}:1" in stderr
    assert words in stderr


def test_a_file_that_is_not_there_is_named_once(cli, project):
    code, _, stderr = cli("check", "nope.Dockerfile")
    assert code == 3
    assert stderr.count("nope.Dockerfile") == 1


@pytest.mark.parametrize("redirect", [">/dev/full", ">&-"])
def test_a_stdout_that_takes_nothing_is_the_users_not_a_bug(project, redirect):
    command = f'"{PROGRAM}" check --json {redirect}'
    done = subprocess.run(
        ["sh", "-c", command], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "cannot be written to stdout" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_configuration_is_told_even_where_a_dockerfile_could_be_checked(cli, project):
    (project / "flowship.toml").write_text(CONFIG + "platfrom = 'linux/amd64'\n")
    (project / "Dockerfile").write_text(CLEAN)
    for arguments in (["check"], ["check", "Dockerfile"]):
        code, stdout, stderr = cli(*arguments)
        assert (code, stdout) == (3, "")
        assert "flowship.toml:4:1" in stderr
        assert 'did you mean "platform"?' in stderr


# --- check ---------------------------------------------------------------------------------------


def test_a_finding_shows_its_place_the_text_underlined_the_reason_and_the_fix(cli, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "Dockerfile").write_text(
        "FROM prefecthq/prefect:3.8.8-python3.11\nCOPY flow.py opt/prefect/flows/\n"
    )
    code, stdout, stderr = cli("check", "Dockerfile")
    assert (code, stdout) == (3, "")
    lines = [line.rstrip() for line in stderr.splitlines()]
    place = lines.index(" --> Dockerfile:2:14")
    assert lines[place - 1].startswith("error: ")
    assert "/opt/prefect/opt/prefect/flows/" in lines[place - 1]
    assert lines[place + 2 : place + 4] == [
        "2 | COPY flow.py opt/prefect/flows/",
        "  |              ^^^^^^^^^^^^^^^^^^",
    ]
    assert '"/opt/prefect/flows/"' in lines[place + 4]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
def test_a_fixed_file_keeps_its_line_endings_and_its_byte_order_mark(cli, tmp_path, newline, mark):
    lines = [
        b"FROM prefecthq/prefect:3.8.8-python3.11",
        b"# comments stay \xc3\xa9",
        b"COPY flow.py opt/prefect/flows/",
        b'CMD ["true"]',
        b"",
    ]
    (tmp_path / "flow.py").write_text(FLOW)
    file = tmp_path / "Dockerfile"
    file.write_bytes(mark + newline.join(lines))
    code, _, stderr = cli("check", "--fix", "Dockerfile")
    assert code == 0, stderr
    lines[2] = b"COPY flow.py /opt/prefect/flows/"
    assert file.read_bytes() == mark + newline.join(lines)
    again = cli("check", "--fix", "Dockerfile")
    assert again.code == 0
    assert file.read_bytes() == mark + newline.join(lines)


def test_nothing_is_written_without_fix_and_nothing_by_fix_where_all_is_well(cli, tmp_path):
    file = tmp_path / "Dockerfile"
    file.write_text("FROM prefecthq/prefect:3.8.8-python3.11\nCOPY a opt/prefect/flows/\n")
    before = file.read_bytes(), file.stat().st_mtime_ns
    cli("check", "Dockerfile")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    file.write_text(CLEAN)
    (tmp_path / "flow.py").write_text(FLOW)
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert cli("check", "--fix", "Dockerfile").code == 0
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


# --- the two streams -----------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_failure(project, cli):
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


def test_output_survives_a_terminal_that_knows_ascii_only(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nCOPY größe ziel/\n")
    code, stdout, stderr = cli("check", "Dockerfile", "--json", env={"PYTHONIOENCODING": "ascii"})
    assert code == 3
    assert '"ziel/' in stdout.replace("\\", "")
    assert "Traceback" not in stderr


def test_markup_in_the_users_text_is_shown_as_it_is(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nCOPY a[red].py [/bold]x/\n")
    code, _, stderr = cli("check", "Dockerfile")
    assert code == 3
    assert "2 | COPY a[red].py [/bold]x/" in stderr


def test_without_a_terminal_nothing_is_asked(cli):
    for arguments in (["login"], ["login", "--username", "ada"], ["login", "--password-stdin"]):
        code, stdout, stderr = cli(*arguments, timeout=30)
        assert (code, stdout) == (2, "")
        assert "--" in stderr.splitlines()[-1], "the hint names the option"
        assert "assword:" not in stderr


# --- wrong usage ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["build", "--tga"], ["-C", "/nope", "build"], ["nonsense"], ["run", "a", "b"]]
)
def test_wrong_usage_is_one_json_object_too(cli, project, arguments):
    code, stdout, stderr = cli(*arguments, "--json")
    assert code == 2
    error = one_object(stdout)["error"]
    assert error["exit_code"] == 2
    assert error["message"] in stderr
    assert "--help" in error["hint"]


def test_a_folder_that_is_a_file_is_told_as_one(cli, project):
    code, _, stderr = cli("-C", "flow.py", "check")
    assert code == 2
    assert "flow.py is no folder" in stderr


# --- a user's mistakes get a message, never a traceback ------------------------------------------


@pytest.mark.parametrize(
    ("pyproject", "word"),
    [
        ('project = "x"\n', "project is a table"),
        ('tool = "x"\n', "tool is a table"),
        ('[tool]\nflowship = "x"\n', "tool.flowship is a table"),
        ("[project]\nname = 5\n", "project.name takes text"),
        ("[project]\ndependencies = [1]\n", "project.dependencies takes a list of texts"),
        ('[project]\ndependencies = "pandas"\n', "project.dependencies takes a list of texts"),
        ("[project]\ndynamic = 5\n", "project.dynamic takes a list of texts"),
    ],
)
def test_a_pyproject_of_another_shape_is_told(cli, tmp_path, pyproject, word):
    (tmp_path / "pyproject.toml").write_text(pyproject)
    (tmp_path / "flow.py").write_text(FLOW)
    for command in ("check", "init"):
        code, _, stderr = cli(command, cwd=tmp_path)
        assert code == 3
        assert word in stderr


@pytest.mark.parametrize("option", ["--image", "--name", "--timezone"])
def test_an_empty_option_is_a_variable_that_was_not_set(cli, tmp_path, option):
    code, _, stderr = cli("deploy", option, "", cwd=tmp_path)
    assert code == 2
    assert "is empty" in stderr


def test_a_folder_that_is_gone_is_told(tmp_path):
    gone = tmp_path / "gone"
    script = 'mkdir "$1"; cd "$1"; rmdir "$1"; exec "$2" check'
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(gone), str(PROGRAM)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "does not exist any more" in done.stderr


def test_a_further_name_that_cannot_be_one_is_told_first(cli, tmp_path):
    for wrong in ("Bad Tag", "trips@sha256:" + "0" * 64):
        code, _, stderr = cli("build", "--tag", wrong, cwd=tmp_path)
        assert code == 2
        assert "--tag" in stderr


@pytest.mark.parametrize("base", ["A:B:C", "Foo", "foo[bold]", "https://example.com/x"])
def test_a_base_image_that_is_none_is_told_with_its_line(cli, project, base):
    (project / "flowship.toml").write_text(CONFIG.replace("python:3.11", base))
    code, _, stderr = cli("check", cwd=project)
    assert code == 3
    assert "flowship.toml:3:1" in stderr
    assert "base-image: " in stderr


def test_a_name_that_no_registry_takes_is_told(cli, project):
    (project / "flowship.toml").write_text(CONFIG.replace('"p"', f'"{"p" * 300}"'))
    code, _, stderr = cli("check", cwd=project)
    assert code == 3
    assert "at most 100 characters" in stderr


@pytest.mark.parametrize("words", [["--help"], ["build", "--help"], ["--version"]], ids=" ".join)
def test_help_that_cannot_be_written_is_told_without_a_traceback(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(PROGRAM), *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert "cannot be written to stdout" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_whose_reader_has_seen_enough_ends_in_peace():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([str(PROGRAM), "--help"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
