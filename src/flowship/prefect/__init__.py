"""Prefect's REST API and settings, without importing Prefect."""

import sys

# httpx imports its own command line if click is installed, which is a tenth of everything that
# `flowship deploy` imports. httpx works without it if the module cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
