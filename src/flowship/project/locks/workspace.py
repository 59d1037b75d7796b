"""The lockfile of a uv workspace, which is in its root folder, above the members."""

from __future__ import annotations

import os
import re
from pathlib import Path

from flowship.config import files

NAME = "uv.lock"


def lock_of(folder: Path) -> Path | None:
    """The nearest uv.lock above a project that has it as a member, in the same repository."""
    here = folder.resolve()
    for parent in files.own_parents(here):
        if (here / ".git").exists():
            return None
        lock = parent / NAME
        if files.is_file(lock):
            return lock if member_of(lock, folder) else None
        here = parent
    return None


def member_of(lock: Path, folder: Path) -> str:
    """The name of the package in a folder below the lockfile's, as the lockfile says; else empty.

    The package in the lockfile's own folder is what uv exports without a name.
    """
    place = os.path.relpath(folder.resolve(), lock.parent.resolve()).replace(os.sep, "/")
    if lock.name != NAME or place == "." or place.startswith(".."):
        return ""
    source = rf'source = \{{ (?:editable|virtual) = "{re.escape(place)}" \}}'
    pattern = rf'(?m)^name = "([^"]+)"\n(?:version = "[^"]*"\n)?{source}$'
    found = re.search(pattern, files.read_text(lock, lock.name))
    return found[1] if found else ""
