"""`flowship doctor` as a user types it, on a machine that has nothing."""

from __future__ import annotations

import pytest

from support.commands import flowship, misfits, one_object, world
from support.shapes import DOCTOR


@pytest.fixture
def env(tmp_path):
    return world(tmp_path / "home", DOCKER_HOST=f"unix://{tmp_path}/no.sock", PREFECT_API_URL="")


def test_a_machine_without_an_engine_and_a_server(tmp_path, env):
    code, stdout, stderr = flowship("doctor", cwd=tmp_path, env=env)
    assert (code, stderr) == (3, "")
    assert "✗  engine-reachable      cannot connect to a container engine" in stdout
    assert "✗  api-set" in stdout
    assert "→ `flowship up` starts a local server" in stdout
    assert "-  clocks                api-set failed" in stdout
    assert stdout.splitlines()[-1].startswith("2 errors (")


def test_the_json_of_it(tmp_path, env):
    code, stdout, stderr = flowship("doctor", "--json", cwd=tmp_path, env=env)
    found = one_object(stdout)
    assert (code, stderr) == (3, "")
    assert misfits(found, DOCTOR) == []
    assert (found["healthy"], found["errors"], found["project"]) == (False, 2, None)


def test_a_terminal_without_unicode_gets_ascii(tmp_path, env):
    code, stdout, _ = flowship("doctor", cwd=tmp_path, env={**env, "PYTHONIOENCODING": "ascii"})
    assert code == 3
    assert "X  engine-reachable" in stdout
    assert "\\u" not in stdout


def test_fix_needs_an_environment_where_the_project_demands_one(project, env):
    config = project / "flowship.toml"
    config.write_text(config.read_text() + "require-env = true\n[env.staging]\n")
    code, stdout, _ = flowship("doctor", "--fix", "--json", cwd=project, env=env)
    assert (code, one_object(stdout)["error"]["code"]) == (2, "environment-required")
    assert one_object(flowship("doctor", "--json", cwd=project, env=env).stdout)["project"] == "p"
