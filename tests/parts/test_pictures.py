"""The pictures of a real `flowship status` and `plan`: drawn from what was recorded, up to date."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from flowship.output.console import JSON_VERSION
from parts import pictures
from support.commands import misfits
from support.paths import ROOT
from support.shapes import PLAN, STATUS

SHAPES = {"status": STATUS, "plan": PLAN}
each_picture = pytest.mark.parametrize("picture", pictures.PICTURES, ids=lambda found: found.name)


@pytest.fixture(autouse=True)
def timezone() -> Iterator[None]:
    """The timezone of this machine afterwards: drawing sets another one."""
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def shown(picture: pictures.Picture) -> list[str]:
    root = ElementTree.fromstring(picture.drawn())
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


@each_picture
def test_it_shows_what_flowship_prints_today(picture):
    command = "PYTHONPATH=scripts .venv/bin/python -m parts.pictures --draw"
    assert picture.file.read_text(encoding="utf-8") == picture.drawn(), f"run: {command}"


@each_picture
def test_it_was_recorded_from_a_real_command_of_todays_shape(picture):
    found = json.loads(picture.recorded.read_text(encoding="utf-8"))
    assert found.pop("version") == JSON_VERSION
    assert misfits(found, SHAPES[picture.name]) == []


@each_picture
def test_it_is_in_the_readme_and_fits_80_columns(picture):
    assert f"](docs/images/{picture.name}.svg)" in (ROOT / "README.md").read_text("utf-8")
    lines = shown(picture)
    assert lines[0] == f"$ flowship {picture.name}"
    assert max(map(len, lines)) <= pictures.COLUMNS


def test_the_plan_shows_a_new_image_and_why_an_edit_on_the_server_and_what_is_kept():
    words = "\n".join(shown(pictures.PICTURES[1]))
    for expected in (
        "image: would be built and pushed (trips.py changed)",
        "parameters.year: 2025 → 2026",
        "edited on the server",
        "kept as it is on the server:",
    ):
        assert expected in words
