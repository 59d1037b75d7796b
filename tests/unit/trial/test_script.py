"""The script that runs a flow inside the image, run here with the Prefect of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowship.trial import script


class State:
    def __init__(self, kind, name, message):
        self.type = type("Type", (), {"value": kind})
        self.name, self.message, self.state_details = name, message, None


def test_a_state_is_described_for_flowship():
    assert script.describe(State("FAILED", None, "no rows")) == {
        "type": "FAILED",
        "name": "Failed",
        "message": "no rows",
        "run": "",
    }


def test_a_generator_that_ended_is_complete():
    assert script.describe(None)["type"] == "COMPLETED"


def test_what_a_flow_yields_is_consumed():
    seen = []

    def plain():
        seen.append(1)
        yield 1
        seen.append(2)

    async def asynchronous():
        seen.append(3)
        yield 3

    script.finished(plain())
    script.finished(asynchronous())
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("name", ["script.py"])
def test_it_needs_nothing_of_flowship(name, tmp_path):
    text = Path(script.__file__).with_name(name).read_text()
    (tmp_path / "alone.py").write_text(text)
    done = subprocess.run([sys.executable, "-I", "alone.py"], cwd=tmp_path, capture_output=True)
    assert b"missing 2 required positional arguments" in done.stderr
