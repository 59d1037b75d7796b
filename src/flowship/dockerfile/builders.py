"""Builder differences: the flags of each instruction, and which Dockerfiles need BuildKit.

Every engine has the classic builder, and so does Podman; flowship uses BuildKit only if the
Dockerfile needs it. The flags are those of moby/buildkit, frontend/dockerfile/instructions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowship.dockerfile.instructions import Dockerfile, Instruction
from flowship.dockerfile.parser import parse

FLAGS: Mapping[str, frozenset[str]] = {
    "FROM": frozenset({"platform"}),
    "COPY": frozenset({"from", "chown", "chmod", "link", "parents", "exclude"}),
    "ADD": frozenset(
        {"chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"},
    ),
    "RUN": frozenset({"mount", "network", "security", "device"}),
    "HEALTHCHECK": frozenset(
        {"interval", "timeout", "start-period", "start-interval", "retries"},
    ),
}
"""The flags of each instruction in any builder; other instructions have none."""

SWITCHES = frozenset({"link", "parents", "keep-git-dir", "unpack"})
"""Flags that need no value; all others do."""

REPEATABLE = frozenset({"exclude", "mount", "device"})
"""Flags that may be repeated."""

_CLASSIC = frozenset({"platform", "from", "chown"}) | FLAGS["HEALTHCHECK"]


def needs_buildkit(text: str) -> bool:
    """Whether the classic builder cannot build this Dockerfile."""
    return uses_buildkit(parse(text))


def uses_buildkit(dockerfile: Dockerfile) -> bool:
    """Whether the classic builder cannot build this parsed Dockerfile."""
    if "syntax" in dockerfile.directives:
        return True
    return any(_needs_buildkit(i.trigger or i) for i in dockerfile.instructions)


def _needs_buildkit(instruction: Instruction) -> bool:
    buildkit_only = FLAGS.get(instruction.keyword, frozenset()) - _CLASSIC
    if instruction.heredocs or instruction.flag_names & buildkit_only:
        return True
    if instruction.keyword == "ADD":
        return any(re.search(r"\.git(#|\Z)|\Agit@", word.raw) for word in instruction.words[:-1])
    if instruction.keyword == "FROM":
        words = (*instruction.flags, *instruction.words)
        return any(re.search(r"\$\{?(BUILD|TARGET)(PLATFORM|OS|ARCH)", w.raw) for w in words)
    return False
