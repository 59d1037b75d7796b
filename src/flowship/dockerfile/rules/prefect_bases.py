"""Rule `prefect-2-base`: a base image of Prefect 2, which cannot run a Prefect 3 deployment."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from flowship.dockerfile.bases import PREFECT_VERSION, is_prefect_base, repository_of
from flowship.dockerfile.commands import command_of
from flowship.dockerfile.rules.findings import Finding, View, from_step, span
from flowship.errors import ConfigError

_PYTHON = "3.11"
_OLD_TAG = re.compile(r"(?P<version>[012](?:\.\d+)*(?:\.?rc\d+)?(?:-latest)?)(?P<rest>-.*)?")
_PYTHON_TAG = re.compile(r"-python3\.(?P<minor>\d+)(?P<variant>-conda|-kubernetes)?")
_OLDEST_PYTHON = 10  # Prefect 3.8 needs Python 3.10

# `prefect==3.1`, `prefect[aws]>=3`, an upgrade, a commit: pip then replaces that of the base.
_PREFECT_3 = re.compile(
    r"(?<![\w.-])prefect(\[[^\]]*\])?[\"']?\s*[\"']?(==|>=|~=|>|\^)\s*[\"']?3\b"
    r"|(-U|--upgrade)\s[^&;|\n]*(?<![\w.-])prefect(?![\w.=<~-])|prefecthq/prefect(\.git)?@",
    re.IGNORECASE,
)
_LISTS = re.compile(
    r"(requirements|constraints)[^/]*\.(txt|in)|pyproject\.toml|Pipfile|[^/]*\.lock"
)
_LARGEST_LIST = 1 << 20


def prefect_2_bases(view: View) -> Iterator[Finding]:
    """Find a final image that is built from Prefect 2 and does not install Prefect 3."""
    lineage = view.trace.final_lineage
    if not lineage or lineage[0].origin is None or not lineage[0].origin.words:
        return
    base = lineage[0].base or lineage[0].origin.words[0].raw  # 2-python$V is Prefect 2, too
    if not is_prefect_base(base):
        return
    tag = base.partition("@")[0][len(repository_of(base)) :].lstrip(":")
    old = _OLD_TAG.fullmatch(tag)
    if not old or _installs_prefect_3(view):
        return
    yield from view.finding(
        "prefect-2-base",
        span(lineage[0].origin.words[0]),
        f"{base} has Prefect {old['version'][0]}: a worker of Prefect 3 cannot start"
        " a run in this image",
        f"use {repository_of(base)}:{_new_tag(old['rest'] or '')}",
        step=from_step(lineage[0]),
    )


def _new_tag(rest: str) -> str:
    """The Prefect 3 tag with the same Python and variant, as far as there is one."""
    found = _PYTHON_TAG.fullmatch(rest)
    if not found:
        return f"{PREFECT_VERSION}-python{_PYTHON}"
    minor = int(found["minor"])
    python = f"3.{minor}" if minor >= _OLDEST_PYTHON else _PYTHON
    return f"{PREFECT_VERSION}-python{python}{found['variant'] or ''}"


def _installs_prefect_3(view: View) -> bool:
    """Whether a command, or a dependency list of the project, names Prefect 3."""
    for stage in view.trace.final_lineage:
        for step in stage.steps:
            if step.instruction.keyword == "RUN" and _PREFECT_3.search(command_of(step)):
                return True
    entries = view.facts.context.entries if view.facts.context else ()
    for entry in entries:
        listed = _LISTS.fullmatch(posixpath.basename(entry.path))
        if entry.kind == "file" and listed and entry.size <= _LARGEST_LIST:
            try:
                text = entry.read().decode("utf-8", "replace")
            except (OSError, ConfigError):
                continue  # the build reports it
            if _PREFECT_3.search(text):
                return True
    return False
