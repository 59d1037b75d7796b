"""`flowship unlock` as a user types it, against a real server."""

from __future__ import annotations

import os
import pty
import subprocess
import uuid

import pytest

from flowship.deployment import lock
from flowship.errors import ApiError
from flowship.prefect.client import PrefectApi
from support.commands import PROGRAM, flowship, misfits, one_object, until, world
from support.deploying import Target
from support.shapes import UNLOCK

pytestmark = pytest.mark.server


@pytest.fixture
def name() -> str:
    return f"taxi-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def folder(project, name):
    config = project / "flowship.toml"
    config.write_text(config.read_text().replace('"p"', f'"{name}"'))
    return project


@pytest.fixture
def env(tmp_path, prefect_server):
    return world(tmp_path / "home", PREFECT_API_URL=prefect_server)


@pytest.fixture
def api(prefect_server):
    return PrefectApi(Target(prefect_server))


def test_without_a_lock_it_says_so(folder, env):
    code, stdout, stderr = flowship("unlock", cwd=folder, env=env)
    assert (code, stdout) == (0, "absent\n")
    assert "no deploy is in progress" in stderr
    assert "breaking" not in stderr
    found = one_object(flowship("unlock", "--json", cwd=folder, env=env).stdout)
    assert misfits(found, UNLOCK) == []
    assert (found["lock"], found["outcome"]) == (None, "absent")


@pytest.mark.parametrize("where", ["in its folder", "elsewhere"])
def test_it_shows_the_holder_and_breaks_the_lock(folder, tmp_path, env, api, name, where):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    options = ["--project", name] if where == "elsewhere" else []
    cwd = elsewhere if where == "elsewhere" else folder
    with lock.held(api, f"{name}-docker") as held:
        code, stdout, stderr = flowship("unlock", *options, "--yes", "--json", cwd=cwd, env=env)
        found = one_object(stdout)
        assert misfits(found, UNLOCK) == []
        assert (code, found["outcome"]) == (0, "removed")
        assert found["lock"]["holder"]["pid"] == os.getpid()
        assert f"process {os.getpid()}" in stderr
        assert lock.current(api, f"{name}-docker") is None
        until(lambda: held._broken.is_set())
        with pytest.raises(ApiError, match="`flowship unlock` broke it"):
            held.check()


def test_without_a_terminal_a_lock_of_a_live_deploy_needs_yes(folder, env, api, name):
    with lock.held(api, f"{name}-docker") as held:
        code, stdout, _ = flowship("unlock", "--json", cwd=folder, env=env)
        assert (code, one_object(stdout)["error"]["code"]) == (2, "confirmation-required")
        held.check()
        assert lock.current(api, f"{name}-docker") is not None


@pytest.mark.parametrize(("typed", "outcome"), [("y", "removed"), ("n", "kept"), ("", "kept")])
def test_on_a_terminal_it_asks(folder, env, api, name, typed, outcome):
    master, slave = pty.openpty()
    with lock.held(api, f"{name}-docker"):
        asking = subprocess.Popen(
            [str(PROGRAM), "unlock"], cwd=folder, env=env, stdin=slave,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        os.write(master, f"{typed}\n".encode())
        stdout, stderr = asking.communicate(timeout=60)
        assert (asking.returncode, stdout) == (0, f"{outcome}\n"), stderr
        assert "Break it? [y/N]" in stderr
        assert (lock.current(api, f"{name}-docker") is None) == (outcome == "removed")
    os.close(master)
    os.close(slave)
