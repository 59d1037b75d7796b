"""The Dockerfile: rendered, read, checked, mended. Text in, findings out; no engine is asked.

`render` writes one; `instructions` reads the text, `builders` says which builder takes it,
`stages` follows variables and working directories, `landing` follows COPY and ADD, `rules/`
judges, `secrets_scan` recognises secrets, `second_opinion` asks hadolint.
"""

from flowship.dockerfile.builders import needs_buildkit
from flowship.dockerfile.hadolint import run_hadolint, without_repeats
from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.render import base_images, render
from flowship.dockerfile.rules import RULES, Edit, Facts, Finding, Rule, check, fix
from flowship.dockerfile.secrets_scan import masked

__all__ = [
    "RULES",
    "Edit",
    "Facts",
    "Finding",
    "Rule",
    "base_images",
    "check",
    "fix",
    "line_of",
    "masked",
    "needs_buildkit",
    "render",
    "run_hadolint",
    "without_repeats",
]
