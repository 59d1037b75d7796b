"""A project that the tool of a test module has locked, once for the module."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import lock_tools


@pytest.fixture(scope="module")
def locked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tool = request.module.TOOL
    folder = tmp_path_factory.mktemp(tool)
    lock_tools.write(folder, tool)
    lock_tools.lock(folder, tool)
    return folder
