"""Where things are in the repository."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
STREAMS = TESTS / "streams"
DOCKERFILES = TESTS / "dockerfiles"
