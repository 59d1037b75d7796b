"""The picture of a real `flowship status`: drawn from what was recorded, and up to date."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from flowship.output.console import JSON_VERSION
from parts import status_picture
from support.commands import misfits
from support.paths import ROOT
from support.shapes import STATUS


@pytest.fixture(autouse=True)
def timezone() -> Iterator[None]:
    """The timezone of this machine afterwards: drawing sets another one."""
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def recorded() -> dict:
    found: dict = json.loads(status_picture.RECORDED.read_text(encoding="utf-8"))
    return found


def test_the_picture_shows_what_flowship_prints_today():
    command = "PYTHONPATH=scripts .venv/bin/python -m parts.status_picture --draw"
    drawn = status_picture.drawn(recorded())
    assert status_picture.PICTURE.read_text(encoding="utf-8") == drawn, f"run: {command}"


def test_it_was_recorded_from_a_real_status_of_todays_shape():
    found = recorded()
    assert found.pop("version") == JSON_VERSION
    assert misfits(found, STATUS) == []


def test_the_picture_is_in_the_readme_and_fits_80_columns():
    assert "](docs/images/status.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
    root = ElementTree.fromstring(status_picture.drawn(recorded()))
    lines = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert lines[0] == "$ flowship status"
    assert max(map(len, lines)) <= status_picture.COLUMNS
    assert any("last runs   " in line for line in lines)
