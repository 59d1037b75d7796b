"""`flowship prune` as a user types it; what it keeps: operate/test_prune.py."""

from __future__ import annotations

import pytest

from support.commands import flowship, misfits, world
from support.shapes import PRUNE

pytestmark = [pytest.mark.engine, pytest.mark.server]


def test_a_project_without_images_has_nothing_to_remove(tmp_path, prefect_server):
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server)
    (tmp_path / "flowship.toml").write_text('name = "never-built"\nentrypoint = "f.py:f"\n')
    done = flowship("prune", "--json", cwd=tmp_path, env=env, ok=True)
    assert misfits(done.json, PRUNE) == []
    assert (done.json["removed"], done.json["kept"]) == ([], [])
    assert "nothing to remove" in done.stderr


def test_without_a_server_nothing_is_removed(tmp_path):
    env = world(tmp_path / "home", PREFECT_API_URL="http://127.0.0.1:1/api")
    done = flowship("prune", "--project", "no-such-project", "--json", cwd=tmp_path, env=env)
    assert (done.code, done.json["error"]["code"]) == (7, "api-unreachable")
