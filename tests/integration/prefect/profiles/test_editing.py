"""Edited profiles as Prefect's own commands see them."""

from __future__ import annotations

import json
import subprocess
import sys

from flowship.prefect.profiles import editing, showing
from support.profiles import COMMENTED, set_api, written


def prefect(machine, *arguments):
    folder, environ, _ = machine
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_on_a_new_home_the_local_profile_is_as_prefect_would_write_it(machine):
    *_, path = machine
    done = set_api(machine)
    assert (done.profile, done.switched_from) == ("local", "ephemeral")
    ours = path.read_text()
    assert "http://127.0.0.1:4200/api" in prefect(machine, "config", "view")
    assert "* local" in prefect(machine, "profile", "ls")
    prefect(machine, "config", "set", "PREFECT_API_URL=http://127.0.0.1:4200/api")
    assert path.read_text() == ours


def test_prefect_uses_the_profile_that_was_switched_to(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    done = editing.use("local", folder, environ)
    assert (done.url, done.switched_from) == ("http://127.0.0.1:4200/api", "staging")
    listed = prefect(machine, "profile", "ls", "-o", "json")
    theirs = {p["name"]: p["active"] for p in json.loads(listed)}
    mine = {p.name: p.active for p in showing.list_profiles(folder, environ) if p.written}
    assert theirs == mine == {"staging": False, "other": False, "local": True}
    assert "http://127.0.0.1:4200/api" in prefect(machine, "config", "view")
