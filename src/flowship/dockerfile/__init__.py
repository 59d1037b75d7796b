"""Dockerfiles: rendered, parsed, checked and fixed. Text in, findings out; no engine is used.

`render` writes a Dockerfile. `parser` reads one into `instructions`, `builders` knows which builder
it needs, `stages` follows `variables` and working directories, `copies` and `placement` follow COPY
and ADD, `commands` reads RUN, `rules/` finds problems, `secrets_scan` recognizes secrets, and
`hadolint` runs hadolint.

The names below are for reading a Dockerfile. What checks one is imported from its module, so that
`flowship status` does not load the rules.
"""

from flowship.dockerfile.bases import prefect_version, python_version
from flowship.dockerfile.builders import needs_buildkit
from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.render import render
from flowship.dockerfile.stages import base_images, final_base

__all__ = [
    "base_images",
    "final_base",
    "line_of",
    "needs_buildkit",
    "prefect_version",
    "python_version",
    "render",
]
