"""Runs the probe's script as the image runs it, and reads its answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from flowship.errors import BuildError
from flowship.probe.answer import interpret
from flowship.probe.container import script
from flowship.probe.inside.script import STARTED
from flowship.probe.result import ProbeResult, Project

FLOW = """
from prefect import flow
print("noise on stdout")

@flow(name="named", description="What it does.")
def hello(name: str, times: int = 2):
    pass
"""


def ask_all(folder, *entrypoints, seconds=60, **environment):
    """Run the script in a Python process of its own; entrypoint → its answer."""
    with tempfile.TemporaryDirectory() as place:
        for path, content in script(place).items():
            Path(path).parent.mkdir(exist_ok=True)
            Path(path).write_bytes(content)
        done = subprocess.run(
            [sys.executable, place, str(folder), str(seconds), *entrypoints],
            capture_output=True,
            text=True,
            cwd="/",
            env={**os.environ, "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false", **environment},
            check=True,
        )
    started, *answers = done.stdout.strip().split("\n")
    assert started == STARTED
    # JSON has no Infinity and no NaN.
    read = [json.loads(answer, parse_constant=pytest.fail) for answer in answers]
    return {answer.pop("entrypoint"): answer for answer in read}


def ask(folder, entrypoint, seconds=60, **environment):
    """The script's answer for one flow."""
    return ask_all(folder, entrypoint, seconds=seconds, **environment)[entrypoint]


def described(folder, entrypoint, **environment) -> ProbeResult:
    """The result for a flow that loads."""
    return interpret(ask(folder, entrypoint, **environment), Project(entrypoint))


def explained(folder, entrypoint, **project) -> BuildError:
    """The error for a flow that does not load."""
    with pytest.raises(BuildError) as caught:
        interpret(ask(folder, entrypoint), Project(entrypoint, **project))
    return caught.value


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
    """The result for a flow whose parameters have values that JSON and the server reject."""
    (tmp_path / "flow.py").write_text(UNUSUAL)
    return described(tmp_path, "flow.py:hello")
