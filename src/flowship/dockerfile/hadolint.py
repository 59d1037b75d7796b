"""Findings of hadolint, if it is installed (the extra ``flowship[lint]``)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.rules import Finding, Linter, Severity

TIMEOUT = 10
"""Seconds; hadolint usually takes a few hundredths of a second."""

# hadolint's rules for the same mistakes as ours.
_SAME_AS = {
    "DL3045": "relative-destination",
    "DL3000": "relative-workdir",
    "DL3006": "unpinned-base",
    "DL3007": "unpinned-base",
    **dict.fromkeys(
        ("DL1000", "DL3011", "DL3021", "DL3022", "DL3023", "DL3024", "DL3043"), "syntax"
    ),
}


def executable() -> str | None:
    """The path of hadolint: next to this Python (the extra), else on PATH, else None."""
    installed = Path(sys.executable).parent / ("hadolint.exe" if os.name == "nt" else "hadolint")
    return str(installed) if installed.is_file() else shutil.which("hadolint")


def run_hadolint(text: str) -> list[Finding]:
    """The findings of hadolint for `text`; none if it is not installed or fails.

    A ``.hadolint.yaml`` in the current folder applies.
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
        return []  # hadolint is optional, so its failure is not a finding
    return [_finding(item, text) for item in items if isinstance(item, dict)]


def _finding(item: dict[str, object], text: str) -> Finding:
    line = max(int(str(item.get("line", 1))), 1)
    column = max(int(str(item.get("column", 1))), 1)
    code = str(item.get("code", "hadolint"))
    return Finding(
        rule=code,
        severity=Severity.WARNING,  # whatever its level: hadolint never stops a build
        line=line,
        column=column,
        end_column=max(column, len(line_of(text, line)) + 1),
        message=str(item.get("message", "")),
        help=f"see hadolint's documentation of {code}",
        source=Linter.HADOLINT,
    )


def without_repeats(theirs: Iterable[Finding], ours: Iterable[Finding]) -> list[Finding]:
    """hadolint's findings without those that we report on the same line as well."""
    reported = {(finding.rule, finding.line) for finding in ours}
    return [f for f in theirs if (_SAME_AS.get(f.rule, ""), f.line) not in reported]
