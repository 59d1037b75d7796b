"""hadolint's findings beside ours, where it is installed (the extra ``flowship[lint]``)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.rules import Finding

TIMEOUT = 10
"""Seconds; hadolint needs a few hundredths of one."""

# What hadolint says of the same mistake as one of our rules.
_SAME = {
    "DL3045": "relative-destination",
    "DL3000": "relative-workdir",
    "DL3006": "unpinned-base",
    "DL3007": "unpinned-base",
    **dict.fromkeys(
        ("DL1000", "DL3011", "DL3021", "DL3022", "DL3023", "DL3024", "DL3043"), "syntax"
    ),
}


def executable() -> str | None:
    """hadolint beside this Python (the extra), else on PATH, else None."""
    beside = Path(sys.executable).parent / ("hadolint.exe" if os.name == "nt" else "hadolint")
    return str(beside) if beside.is_file() else shutil.which("hadolint")


def run_hadolint(text: str) -> list[Finding]:
    """What hadolint finds in `text`; nothing when it is not installed or does not answer.

    A ``.hadolint.yaml`` in the current folder counts, as it does for hadolint itself.
    """
    command = executable()
    if command is None:
        return []
    try:
        done = subprocess.run(
            [command, "--no-fail", "--format", "json", "-"],
            input=text.encode("utf-8", "replace"),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        items = json.loads(done.stdout or b"[]")
    except (OSError, subprocess.SubprocessError, ValueError):
        return []  # a second opinion that fails is no finding
    return [_finding(item, text) for item in items if isinstance(item, dict)]


def _finding(item: dict[str, object], text: str) -> Finding:
    line = max(int(str(item.get("line", 1))), 1)
    column = max(int(str(item.get("column", 1))), 1)
    code = str(item.get("code", "hadolint"))
    return Finding(
        rule=code,
        severity="error" if item.get("level") == "error" else "warning",
        line=line,
        column=column,
        end_column=max(column, len(line_of(text, line)) + 1),
        message=str(item.get("message", "")),
        help=f"see hadolint's page on {code}",
        source="hadolint",
    )


def without_repeats(theirs: Iterable[Finding], ours: Iterable[Finding]) -> list[Finding]:
    """hadolint's findings without those that one of ours says better on the same line."""
    said = {(finding.rule, finding.line) for finding in ours}
    return [f for f in theirs if (_SAME.get(f.rule, ""), f.line) not in said]
