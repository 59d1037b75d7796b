"""`flowship status` as a user types it, against a real server."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid

import pytest

from support.commands import PATIENCE, PROGRAM, flowship, misfits, one_object, world
from support.deploying import Project
from support.shapes import STATUS

pytestmark = pytest.mark.server

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def deployed(prefect_server: str) -> Project:
    made = Project(prefect_server)
    made.deploy()
    run = made.api.create_run(made.stored()["id"], {})
    done = {"state": {"type": "FAILED", "name": "Failed"}, "force": True}
    made.raw("POST", f"/flow_runs/{run['id']}/set_state", done)
    return made


@pytest.fixture
def env(tmp_path, prefect_server):
    return world(tmp_path / "home", PREFECT_API_URL=prefect_server, COLUMNS="80")


@pytest.fixture
def folder(deployed, tmp_path):
    """The project's folder, with a half-edited configuration."""
    folder = tmp_path / "project"
    folder.mkdir()
    text = f'name = "{deployed.values["name"]}"\nbase-imge = "half edited"\n'
    (folder / "flowship.toml").write_text(text)
    return folder


def test_the_status_is_the_result(deployed, folder, env):
    done = flowship("status", cwd=folder, env=env, timeout=60)
    assert done.code == 0
    assert 'unknown key "base-imge"' in done.stderr
    assert done.stdout.startswith(f"{deployed.values['name']} at {deployed.api.url}\nrelease 1: ")
    assert f"\nflow-{deployed.tag}/nightly\n" in done.stdout
    assert "  schedule    every day at 05:00 Pacific/Auckland\n" in done.stdout
    assert "  last runs   ✗  Failed " in done.stdout
    assert "warning: no worker is online" in done.stdout
    assert not ANSI.search(done.stdout)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("warning")]
    assert max(map(len, lines)) <= 80


def test_the_shape_of_json(deployed, folder, env):
    done = flowship("status", "--json", cwd=folder, env=env, timeout=60)
    found = one_object(done.stdout)
    assert misfits(found, STATUS) == []
    assert found["project"] == deployed.values["name"]
    assert [run["state_type"] for run in found["deployments"][0]["runs"]] == ["FAILED"]
    assert [each["problem"] for each in found["attention"]] == ["no-worker"]


def test_any_folder_with_the_name_of_the_project_or_of_a_deployment(deployed, tmp_path, env):
    project, name = deployed.values["name"], f"flow-{deployed.tag}/nightly"
    for arguments in (["--project", project], [name], ["nightly", "--project", project]):
        done = flowship("status", *arguments, cwd=tmp_path, env=env, timeout=60)
        assert (done.code, f"\n{name}\n" in done.stdout) == (0, True)
    done = flowship("status", "--project", f"{project}x", "--json", cwd=tmp_path, env=env)
    error = one_object(done.stdout)["error"]
    assert (done.code, error["code"]) == (2, "project-unknown")
    assert error["hint"] == f'did you mean "{project}"?'


def test_a_terminal_that_shows_only_ascii(deployed, tmp_path, env):
    ascii_only = {**env, "PYTHONIOENCODING": "ascii"}
    name = f"flow-{deployed.tag}/nightly"
    done = flowship("status", name, cwd=tmp_path, env=ascii_only, timeout=60)
    assert (done.code, done.stdout.isascii()) == (0, True)
    assert "  last runs   x  Failed " in done.stdout
    assert "  x failed\n" in done.stdout


def test_a_project_that_was_never_deployed(prefect_server, tmp_path, env):
    name = f"new-{uuid.uuid4().hex[:8]}"
    (tmp_path / "flowship.toml").write_text(f'name = "{name}"\n')
    done = flowship("status", cwd=tmp_path, env=env, timeout=60)
    assert (done.code, "nothing is deployed: run `flowship ship`" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--watch"], "no-terminal"), (["--watch", "--json"], "options-exclude-each-other")],
    ids=str,
)
def test_watching_needs_a_terminal(tmp_path, env, arguments, code):
    done = flowship("status", *arguments, cwd=tmp_path, env=env, timeout=60)
    assert done.code == 2
    assert ("needs a terminal" if code == "no-terminal" else "--json") in done.stderr
    if "--json" in arguments:
        assert one_object(done.stdout)["error"]["code"] == code


def read_until(controller: int, text: str) -> str:
    data, shown, deadline = b"", "", time.monotonic() + PATIENCE
    while text not in ANSI.sub("", shown) and time.monotonic() < deadline:
        if select.select([controller], [], [], 1)[0]:
            try:
                data += os.read(controller, 65536)
            except OSError:  # the command has ended
                break
            shown = data.decode(errors="replace")  # a piece may end within a character
    return shown


def test_watch_refreshes_in_place_until_ctrl_c(deployed, tmp_path, env):
    controller, terminal = pty.openpty()
    name = f"flow-{deployed.tag}/nightly"
    process = subprocess.Popen(
        [str(PROGRAM), "status", name, "--watch"],
        cwd=tmp_path,
        env={**env, "TERM": "xterm-256color"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    assert "✗" in read_until(controller, "the newest run is on the right")
    deployed.api.set_deployment_paused(deployed.stored()["id"], paused=True)
    again = read_until(controller, "none while paused")
    assert "\x1b[2K" in again  # it is drawn over what was there
    process.send_signal(signal.SIGINT)
    assert "interrupted" in read_until(controller, "interrupted")
    assert process.wait(PATIENCE) == 130
    os.close(controller)


def test_the_command_imports_nothing_slow(deployed, tmp_path, env):
    driver = (
        "import atexit, json, sys\nfrom pathlib import Path\n"
        "atexit.register(lambda: Path('modules').write_text(json.dumps(sorted(sys.modules))))\n"
        "from flowship.cli import main\nmain()\n"
    )
    name = f"flow-{deployed.tag}/nightly"
    for arguments in (["status", name], ["pause", name], ["resume", name]):
        command = [sys.executable, "-c", driver, *arguments]
        subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)
        modules = set(json.loads((tmp_path / "modules").read_text()))
        slow = {"prefect", "prefect_docker", "pandas", "pyarrow", "numpy", "docker", "jinja2"}
        assert modules & (slow | {"rich.live"}) == set()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_status_fits_a_terminal_of_80_columns(deployed, tmp_path, env):
    socket = f"flowship-{uuid.uuid4().hex[:8]}"
    name = f"flow-{deployed.tag}/nightly"
    tmux = ["tmux", "-L", socket, "-f", "/dev/null"]
    size = ("new-session", "-d", "-x", "80", "-y", "24", f"{PROGRAM} status {name}; sleep 60")
    unicode = {**env, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
    subprocess.run([*tmux, *size], cwd=tmp_path, env=unicode, check=True)
    try:
        deadline, seen = time.monotonic() + PATIENCE, ""
        while "newest run" not in seen and time.monotonic() < deadline:
            time.sleep(0.5)
            seen = subprocess.run(
                [*tmux, "capture-pane", "-p"], env=unicode, capture_output=True, text=True
            ).stdout
        assert seen.startswith(name) or name in seen
        assert "the newest run is on the right" in seen
    finally:
        subprocess.run([*tmux, "kill-server"], env=unicode, check=False)
