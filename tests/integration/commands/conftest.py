"""A project for commands that need no engine and no server."""

from __future__ import annotations

import pytest

from support.projects import CONFIG, FLOW
from support.running import started_run

__all__ = ["project", "started_run"]


@pytest.fixture
def project(tmp_path):
    """A small project: ``flow.py:hello``, called "p"."""
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "flowship.toml").write_text(CONFIG)
    return tmp_path
