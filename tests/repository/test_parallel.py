"""The test run itself: groups of tests (pytest-xdist), and the variables that make tests long."""

from __future__ import annotations

import re
import subprocess
import sys

from support.paths import TESTS

GROUPED = """\
import pytest

pytestmark = pytest.mark.xdist_group("one")


@pytest.mark.parametrize("number", range(8))
def test_of_the_group(number):
    pass
"""


def test_a_group_stays_on_one_worker(tmp_path):
    # pytest 9.2 made the groups of pytest-xdist 3.8 ineffective, and nothing reported it.
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    command = [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "test_grouped.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    workers = re.findall(r"\[(gw\d)\].* PASSED", done.stdout)
    assert len(workers) == 8, done.stdout
    assert len(set(workers)) == 1


def test_the_variables_that_make_tests_longer_reach_them():
    # Most variables of a user's flowship are removed before the tests are imported.
    read = re.compile(r"environ\.get\(\"(FLOWSHIP_\w*(?:ROUNDS|KILLS))\"")
    texts = (path.read_text() for path in TESTS.rglob("*.py"))
    named = {name for text in texts for name in read.findall(text)}
    kept = (TESTS / "conftest.py").read_text()
    assert len(named) >= 4
    assert [name for name in named if f'"{name}",' not in kept] == []
