"""What a real engine says about itself."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowship.engine import about
from flowship.engine.client import Engine, connect


def answering(**info: object) -> Engine:
    api = SimpleNamespace(info=lambda: info, about={})
    return Engine(api, "28.0", "linux/amd64", "")


@pytest.mark.engine
def test_its_name_its_clock_and_its_folder():
    engine = connect()
    assert about.name(engine) in ("Docker", "Podman")
    clock = about.clock(engine)
    assert clock is not None
    assert abs(clock - datetime.now(timezone.utc)) < timedelta(seconds=5)
    assert Path(about.storage(engine)).is_dir()


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-06-01T05:00:00.123456789Z", 5),
        ("2026-06-01T07:00:00.123456789+02:00", 5),
        ("2026-06-01T05:00:00Z", 5),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_the_clocks_of_engines_are_written_in_several_ways(text, hour):
    found = about.clock(answering(SystemTime=text))
    assert (found.astimezone(timezone.utc).hour if found else None) == hour


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DOCKER_HOST": "tcp://h:1"}, "DOCKER_HOST"),
        ({"DOCKER_CONTEXT": "far"}, "the context far (DOCKER_CONTEXT)"),
        ({}, ""),
    ],
)
def test_what_chose_the_engine_is_named(environ, words, tmp_path):
    assert about.chosen_by({"HOME": str(tmp_path), **environ}) == words
