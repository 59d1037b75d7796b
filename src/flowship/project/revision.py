"""The git revision of a project, read without running anything that the project configures.

A repository's ``.git/config`` can name commands: a file system monitor, filters, hooks, a transport
for missing objects. So git is asked only where HEAD is, which runs none of them, and the files are
compared in an empty repository that borrows the project's index and objects.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

# They decide what git counts as a change, and run nothing.
_KEPT = r"^core\.(autocrlf|eol|filemode|symlinks|ignorecase)$"
_SECONDS = 10


def revision(root: Path) -> str:
    """The commit of HEAD, with "-dirty" if tracked files differ; empty without git.

    Args:
        root: The project's folder, at any depth of the repository.
    """
    try:
        places = _git(
            root, "rev-parse", "--git-dir", "--git-common-dir", "--show-toplevel", "HEAD"
        ).splitlines()
        git, common, top = (root / place for place in places[:-1])
        commit = places[-1]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return ""
    try:
        changed = _changes(root, git, common, top, commit)
    except (OSError, subprocess.SubprocessError):  # such as an index that needs its own repository
        changed = "unknown"
    return f"{commit}-dirty" if changed else commit


def _changes(root: Path, git: Path, common: Path, top: Path, commit: str) -> str:
    """git's list of the tracked files that differ from `commit`."""
    options = _settings(root)
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        _git(empty, "init", "--quiet", "--bare", "--template=", _object_format(commit), ".")
        (empty / "HEAD").write_text(f"{commit}\n", encoding="ascii")
        environment = {
            "GIT_DIR": str(empty),
            "GIT_WORK_TREE": str(top),
            "GIT_INDEX_FILE": str(git / "index"),
            "GIT_OBJECT_DIRECTORY": str(common / "objects"),
            "GIT_OPTIONAL_LOCKS": "0",
        }
        options.append("core.bare=false")
        return _git(
            top,
            *(word for option in options for word in ("-c", option)),
            *("status", "--porcelain", "--untracked-files=no"),
            # git would run itself in each submodule, with that one's configuration.
            "--ignore-submodules=all",
            **environment,
        )


def _settings(root: Path) -> list[str]:
    """The settings of `_KEPT`, as ``core.eol=lf``; of several values the last one counts."""
    try:
        lines = _git(root, "config", "--get-regexp", _KEPT).splitlines()
    except subprocess.SubprocessError:  # none is set
        return []
    pairs = (line.partition(" ") for line in lines)
    return [f"{key}={value}" for key, _, value in pairs if value]


def _object_format(commit: str) -> str:
    return f"--object-format={'sha1' if len(commit) == 40 else 'sha256'}"


def _git(folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, "GIT_ALLOW_PROTOCOL": "none", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=True,
    )
    return done.stdout.rstrip("\n")
