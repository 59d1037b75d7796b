"""The lockfile of uv, exported by the real tool and installed in a real image."""

from __future__ import annotations

from support.lock_contract import LockContract

TOOL = "uv"


class TestUv(LockContract):
    tool = TOOL
    relock = "uv lock"
