"""The probe's script, run as the image runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flowship.probe import script
from flowship.probe.result import ProbeResult, Project, interpret

SCRIPT = Path(script.__file__).read_text()


def ask(folder, entrypoint):
    """Run the script as the image does: as text, by a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), entrypoint],
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    )
    started, answer = done.stdout.strip().split("\n")
    assert started == script.STARTED
    return json.loads(answer, parse_constant=pytest.fail)  # Infinity and NaN are no JSON


UNUSUAL = """
from typing import Annotated
from prefect import flow
from pydantic import BaseModel, Field

class Limits(BaseModel):
    low: float = float("-inf")
    pattern: str = "x"
    default: float = float("nan")

@flow
def hello(
    limit: float = float("inf"),
    share: Annotated[float, Field(le=float("inf"), ge=0)] = 0.5,
    steps: float = Field(default=2, examples=[1, float("inf")]),
    limits: Limits = Limits(),
    name: Annotated[str, Field(pattern=r"^\\p{L}+$")] = "a",
    code: Annotated[str, Field(pattern="^[a-z]+$")] = "a",
    notes: dict[Annotated[str, Field(pattern=r"^\\p{L}+$")], float] = {},
):
    pass
"""


def unusual(tmp_path) -> ProbeResult:
    (tmp_path / "flow.py").write_text(UNUSUAL)
    return interpret(ask(tmp_path, "flow.py:hello"), Project("flow.py:hello"))
