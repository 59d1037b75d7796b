"""The files of the repository, and their lines."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.paths import ROOT


def tracked() -> list[Path]:
    """Every file that belongs to the repository, and every new one that is not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def lines() -> Iterator[tuple[str, str]]:
    """Each line of each text file, with its place: ``path:number``."""
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            yield f"{path.relative_to(ROOT)}:{number}", line
