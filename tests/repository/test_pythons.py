"""The unit tests on the other Pythons of this machine, in environments from `scripts/test`."""

from __future__ import annotations

import os
import subprocess

import pytest

from parts import pythons
from support.paths import ROOT

TAIL = 6000  # characters of a failed run's output


@pytest.mark.pythons
@pytest.mark.parametrize("version", pythons.OTHERS)
def test_the_unit_tests_pass(version, record_property, pytestconfig, tmp_path):
    if not pythons.is_ready(version):
        if pythons.find(version):
            pytest.skip(f"no environment for Python {version}: run scripts/test to create it")
        pytest.skip(f"Python {version} is not on this machine")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    # If this is set, each process that a test starts compiles Prefect again.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [pythons.environment(version) / "bin" / "python", "-m", "pytest", "-q"]
    # Tests marked slow start a Prefect process each; the main run has them.
    command += ["-p", "no:cacheprovider", "-m", "not engine and not server and not slow"]
    command += [f"--basetemp={tmp_path / 'temporary'}"]
    if pytestconfig.getoption("--require-engine"):
        command += ["--require-engine"]
    done = subprocess.run(
        [*command, "tests/unit"], env=environ, cwd=ROOT, capture_output=True, text=True
    )
    output = done.stdout + done.stderr
    record_property("summary", f"Python {version}: {(done.stdout.splitlines() or ['-'])[-1]}")
    assert done.returncode == 0, output[-TAIL:]
