"""What the builders know: the flags of each instruction, and which files need BuildKit.

The classic builder is what every engine has, Podman's too; flowship asks for BuildKit only where
a Dockerfile needs it. The flags are those of moby/buildkit, frontend/dockerfile/instructions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from flowship.dockerfile.instructions import Dockerfile, Instruction, parse

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
"""The flags that an instruction has in any builder; one that is not named here has none."""

SWITCHES = frozenset({"link", "parents", "keep-git-dir", "unpack"})
"""Flags that stand alone; every other needs a value."""

REPEATABLE = frozenset({"exclude", "mount", "device"})
"""Flags that may be given more than once."""

_CLASSIC = frozenset({"platform", "from", "chown"}) | FLAGS["HEALTHCHECK"]


def needs_buildkit(text: str) -> bool:
    """Whether the classic builder (also Podman's API) could not build this Dockerfile."""
    return uses_buildkit(parse(text))


def uses_buildkit(dockerfile: Dockerfile) -> bool:
    """The same of a Dockerfile that is read already."""
    if "syntax" in dockerfile.directives:
        return True
    return any(_needs_buildkit(i.trigger or i) for i in dockerfile.instructions)


def _needs_buildkit(instruction: Instruction) -> bool:
    theirs = FLAGS.get(instruction.keyword, frozenset()) - _CLASSIC
    if instruction.heredocs or instruction.flag_names & theirs:
        return True
    if instruction.keyword == "ADD":
        return any(re.search(r"\.git(#|\Z)|\Agit@", word.raw) for word in instruction.words[:-1])
    if instruction.keyword == "FROM":
        words = (*instruction.flags, *instruction.words)
        return any(re.search(r"\$\{?(BUILD|TARGET)(PLATFORM|OS|ARCH)", w.raw) for w in words)
    return False
