"""Dockerfiles: rendered, parsed, checked and fixed. Text in, findings out; no engine is used.

`render` writes a Dockerfile. `parser` reads one into `instructions`, `builders` knows which builder
it needs, `stages` follows `variables` and working directories, `copies` and `placement` follow COPY
and ADD, `commands` reads RUN, `rules/` finds problems, `secrets_scan` recognizes secrets, and
`hadolint` runs hadolint.
"""

from flowship.dockerfile.bases import prefect_version, python_version
from flowship.dockerfile.builders import needs_buildkit
from flowship.dockerfile.hadolint import run_hadolint, without_repeats
from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.render import render
from flowship.dockerfile.rules import (
    RULES,
    Edit,
    Facts,
    Finding,
    Linter,
    Rule,
    Severity,
    check,
    fix,
)
from flowship.dockerfile.secrets_scan import masked
from flowship.dockerfile.stages import base_images, final_base

__all__ = [
    "RULES",
    "Edit",
    "Facts",
    "Finding",
    "Linter",
    "Rule",
    "Severity",
    "base_images",
    "check",
    "final_base",
    "fix",
    "line_of",
    "masked",
    "needs_buildkit",
    "prefect_version",
    "python_version",
    "render",
    "run_hadolint",
    "without_repeats",
]
