"""The lockfile of pipenv, exported by the real tool and installed in a real image."""

from __future__ import annotations

from support.lock_contract import LockContract
from support.lock_tools import GROUP

TOOL = "pipenv"


class TestPipenv(LockContract):
    tool = TOOL
    relock = "pipenv lock"
    more = 'groups = ["flows"]\n'
    added = frozenset(GROUP)
