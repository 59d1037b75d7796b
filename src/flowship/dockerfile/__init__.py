"""Dockerfiles: rendered, parsed, checked and fixed. Text in, findings out; no engine is used.

`render` writes a Dockerfile. `parser` reads one into `instructions`, `builders` knows which builder
it needs, `stages` follows `variables` and working directories, `copies` and `placement` follow COPY
and ADD, `commands` reads RUN, `rules/` finds problems, `secrets_scan` recognizes secrets, and
`hadolint` runs hadolint.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from flowship.dockerfile.bases import prefect_version, python_version
from flowship.dockerfile.builders import needs_buildkit
from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.render import render
from flowship.dockerfile.stages import base_images, final_base

if TYPE_CHECKING:
    from flowship.dockerfile.hadolint import run_hadolint, without_repeats
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

# `status` and `plan` read a Dockerfile and do not check it: the rules are imported at first use.
_CHECKS = {
    **dict.fromkeys(("run_hadolint", "without_repeats"), "hadolint"),
    **dict.fromkeys(
        ("RULES", "Edit", "Facts", "Finding", "Linter", "Rule", "Severity", "check", "fix"), "rules"
    ),
    "masked": "secrets_scan",
}


def __getattr__(name: str) -> object:
    if name not in _CHECKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_CHECKS[name]}"), name)
    globals()[name] = value
    return value
