"""The lockfile of poetry, exported by the real tool and installed in a real image."""

from __future__ import annotations

from support.lock_contract import LockContract

TOOL = "poetry"


class TestPoetry(LockContract):
    tool = TOOL
    relock = "poetry lock"
