"""Where things are in the repository."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
STREAMS = TESTS / "streams"
DOCKERFILES = TESTS / "dockerfiles"

SHARED_VARIABLE = "TESTS_SHARED_FOLDER"
"""Names the folder that all workers of a run share; the first process of the run sets it."""
