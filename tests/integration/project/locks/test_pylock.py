"""A ``pylock.toml`` that a real tool wrote, installed in a real image."""

from __future__ import annotations

import subprocess

import pytest

from flowship.config import loading
from flowship.project import requirements
from support import lock_tools
from support.lock_contract import frozen, versions
from support.lock_tools import GROUP, MAIN
from support.projects import build, write

EXPORT = ("export", "--format", "pylock.toml", "--output-file", "pylock.toml", "--quiet")
CHOICE = ("--no-emit-project", "--no-default-groups", "--group", "flows", "--extra", "gcs")


@pytest.mark.engine
def test_the_image_has_exactly_what_a_pylock_lists(project, base_image, engine, monkeypatch):
    monkeypatch.setenv("PATH", lock_tools.path_with("uv"))
    lock_tools.write(project, "uv")
    lock_tools.lock(project, "uv")
    uv = lock_tools.program("uv")
    subprocess.run([str(uv), *EXPORT, *CHOICE], cwd=project, check=True, timeout=60)
    (project / "uv.lock").unlink()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # it is read without a tool
    write(project, base_image)
    found = requirements.read(loading.load(project, environ={}))
    assert found is not None
    assert found.shown == "pylock.toml (PEP 751)"
    wanted = versions(found)
    assert wanted.keys() == MAIN | GROUP | {"idna"}
    present = frozen(engine, build(project).id)
    assert {name: present.get(name) for name in wanted} == wanted
