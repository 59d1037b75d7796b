"""requirements.lock: its contents, and the check that it is up to date."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

from support.paths import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

ENTRIES = re.split(r"\n(?=\S)", LOCK.strip())


def pins() -> list[Requirement]:
    return [Requirement(entry.split(" \\")[0].split(" --hash")[0]) for entry in ENTRIES]


def requirements() -> list[str]:
    extras = PROJECT["optional-dependencies"].values()
    lines = PROJECT["dependencies"] + [line for extra in extras for line in extra]
    return [line for line in lines if Requirement(line).name != PROJECT["name"]]


def test_every_entry_is_one_version_with_hashes():
    for entry, pin in zip(ENTRIES, pins(), strict=True):
        assert [spec.operator for spec in pin.specifier] == ["=="], entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_it_contains_no_address_and_no_path():
    assert not re.search(r"://|--(extra-)?index-url|--find-links|(^|\s)-[eif]\b| @ ", LOCK)


@pytest.mark.parametrize("line", requirements())
def test_requirements_of_pyproject_are_pinned_to_an_allowed_version(line):
    required = Requirement(line)
    versions = [
        next(iter(pin.specifier)).version
        for pin in pins()
        if canonicalize_name(pin.name) == canonicalize_name(required.name)
    ]
    assert versions, f"{required.name} is not in the lock: run scripts/lock"
    assert all(required.specifier.contains(v, prereleases=True) for v in versions), versions


# --- scripts/lock, on a project without requirements ---------------------------------------------


@pytest.fixture
def project(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "lock", tmp_path / "scripts" / "lock")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "small"\nversion = "1"\ndependencies = []\n'
        "[project.optional-dependencies]\ndev = []\nlint = []\n"
    )
    (tmp_path / "requirements.lock").write_text("")
    return tmp_path


def lock(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(project / "scripts" / "lock"), *arguments],
        env={**os.environ, "UV": find_uv_bin(), "UV_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )


def test_an_up_to_date_lock_passes_the_check_and_is_not_changed(project):
    before = (project / "requirements.lock").stat().st_mtime_ns
    done = lock(project, "--check")
    assert done.returncode == 0, done.stderr
    assert (project / "requirements.lock").stat().st_mtime_ns == before


def test_a_lock_with_a_package_that_is_not_required_is_stale(project):
    stale = f"six==1.17.0 \\\n    --hash=sha256:{'0' * 64}\n"
    (project / "requirements.lock").write_text(stale)
    done = lock(project, "--check")
    assert done.returncode == 1
    assert "stale" in done.stderr
    assert "-six==1.17.0" in done.stderr
    assert (project / "requirements.lock").read_text() == stale


def test_generating_the_lock_again_fixes_it(project):
    (project / "requirements.lock").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    assert lock(project).returncode == 0
    assert lock(project, "--check").returncode == 0


def test_a_lock_that_cannot_be_compiled_has_its_own_exit_code(project):
    text = (project / "pyproject.toml").read_text()
    changed = text.replace("dependencies = []", 'dependencies = ["no-such-package-anywhere"]', 1)
    (project / "pyproject.toml").write_text(changed)
    assert lock(project, "--check").returncode == 2
