"""Prefect's REST API and settings, without importing Prefect."""

import sys

# httpx brings its own command line along where click is installed, which is a tenth of all that
# `flowship deploy` imports. It does without when that module is not to be had.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
