"""With and without a terminal: colours, live progress, prompts."""

from __future__ import annotations

import codecs
import json
import os
import pty
import re
import select
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from support.commands import PATIENCE, PROGRAM, flowship, world
from support.projects import FLOW, remove_images, write
from support.registry_server import ACCOUNTS

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")


def on_a_terminal(*arguments, cwd, env=None, answers=()):
    """Run a command on a terminal of 100 columns, and answer its prompts.

    Returns:
        The exit code and everything that the terminal has shown.
    """
    import fcntl
    import struct
    import termios

    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        [str(PROGRAM), *arguments],
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", **(env or {})},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    shown, pending, deadline = "", list(answers), time.monotonic() + PATIENCE
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a piece may end within a character
    while time.monotonic() < deadline:
        if not select.select([controller], [], [], 1)[0]:
            continue
        try:
            piece = os.read(controller, 4096)
        except OSError:  # what Linux answers after the last writer has closed the terminal
            break
        if not piece:
            break
        shown += decoder.decode(piece)
        if pending and pending[0][0] in shown:
            os.write(controller, f"{pending.pop(0)[1]}\n".encode())
    os.close(controller)
    return process.wait(PATIENCE), shown


FINDING = "FROM python:3.11\nCOPY flow.py flows/\n"


def test_a_terminal_gets_colours_and_a_pipe_does_not(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text(FINDING)
    code, shown = on_a_terminal("check", cwd=tmp_path)
    assert code == 3
    assert COLOUR.search(shown)
    done = cli("check")
    assert done.code == 3
    assert not ANSI.search(done.stdout + done.stderr)
    assert "relative-destination" in ANSI.sub("", shown)


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"CI": "true"}], ids=str)
def test_colours_can_be_switched_off(tmp_path, variable):
    (tmp_path / "Dockerfile").write_text(FINDING)
    code, shown = on_a_terminal("check", cwd=tmp_path, env=variable)
    assert code == 3
    assert "relative-destination" in shown
    assert not COLOUR.search(shown)


def test_help_fits_a_terminal(tmp_path):
    code, shown = on_a_terminal("ship", "--help", cwd=tmp_path)
    assert code == 0
    assert max(len(line) for line in ANSI.sub("", shown).splitlines()) <= 100


@pytest.mark.engine
def test_a_build_and_a_push_show_their_progress(tmp_path, base_image, engine, registry):
    folder = tmp_path / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    text = f"FROM {base_image}\nRUN echo [red]busy[/red] && sleep 1\nCOPY . /opt/prefect/flows/\n"
    write(folder, base_image, {"Dockerfile": text}, 'dockerfile = "Dockerfile"\n')
    try:
        code, shown = on_a_terminal("build", cwd=folder)
        assert code == 0, shown
        text = ANSI.sub("", shown)
        assert "[2/3] RUN echo" in text
        assert "[red]busy[/red]" in text
        assert f"built {folder.name}:" in text
        assert "\x1b[?25h" in shown, "the cursor is visible again"
        repository = f"{registry.address}/{folder.name}:v1"
        code, shown = on_a_terminal("push", "--repo", repository, cwd=folder)
        assert code == 0, shown
        assert "Pushed" in shown or "Pushing" in shown
        assert f"{repository}@sha256:" in ANSI.sub("", shown)
        # Without a terminal there is only the result.
        code, stdout, stderr = flowship(
            "push", "--repo", repository, cwd=folder, env=world(tmp_path)
        )
        assert (code, stdout.count("\n")) == (0, 1)
        assert not ANSI.search(stdout + stderr)
    finally:
        remove_images(engine, folder.name)


@pytest.mark.engine
def test_a_failed_build_restores_the_terminal(tmp_path, base_image):
    folder = tmp_path / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    write(folder, base_image, {"flow.py": "import not_there\n" + FLOW})
    code, shown = on_a_terminal("build", cwd=folder)
    assert code == 5
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "not_there" in ANSI.sub("", shown)


@pytest.mark.engine
def test_login_asks_on_a_terminal_without_showing_the_password(tmp_path, private_registry, home):
    ((user, password),) = ACCOUNTS.items()
    code, shown = on_a_terminal(
        "login",
        private_registry.address,
        cwd=tmp_path,
        answers=[("username: ", user), ("password: ", password)],
    )
    assert code == 0, shown
    assert "logged in to" in ANSI.sub("", shown)
    assert password not in shown
    assert private_registry.address in (home / ".docker" / "config.json").read_text()


@pytest.mark.parametrize("lost", ["a full disk", "a reader that left", "a closed stream"])
def test_a_lost_stderr_does_not_stop_the_command(tmp_path, lost):
    (tmp_path / "Dockerfile").write_text(FINDING)
    command = [str(PROGRAM), "check", "--json"]
    if lost == "a full disk":
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=full)
    elif lost == "a reader that left":
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=writer)
        os.close(writer)
    else:
        shell = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
        done = subprocess.run(shell, cwd=tmp_path, stdout=subprocess.PIPE)
    assert done.returncode == 3
    assert json.loads(done.stdout)["errors"] == 2
