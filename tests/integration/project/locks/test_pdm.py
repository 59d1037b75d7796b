"""The lockfile of pdm, exported by the real tool and installed in a real image."""

from __future__ import annotations

from support.lock_contract import LockContract

TOOL = "pdm"


class TestPdm(LockContract):
    tool = TOOL
    relock = "pdm lock"
