"""What git knows about the project's files, read from its index without running git.

git itself would run programs that a project's ``.git/config`` names. An index that cannot be
understood counts as empty: the files are then taken as they are on disk.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowship.config import files
from flowship.errors import ConfigError

LARGEST_INDEX = 200_000_000
_HEADER = struct.Struct(">4sLL")
_MODE_AT, _ID_AT = 24, 40  # in an entry, after times, device and inode; after the size
_IDENT = re.compile(rb"\$Id: [^$\n]*\$")
_SUBMODULE = 0o160000  # git's own kind of entry; no file system has it


@dataclass(frozen=True)
class Tracked:
    """A file as git has it: its mode and the id of its content."""

    mode: int
    blob: str

    @property
    def is_submodule(self) -> bool:
        """Whether it is the folder of a submodule; `blob` is then a commit."""
        return stat.S_IFMT(self.mode) == _SUBMODULE


@dataclass(frozen=True)
class GitIndex:
    """The tracked files below a project folder.

    Attributes:
        repository: The root of the working tree; None without a repository.
        files: Path, relative to the project folder → what git has.
        keeps_modes: Whether the file system has an executable bit, as far as git knows.
    """

    repository: Path | None = None
    files: Mapping[str, Tracked] = field(default_factory=dict)
    keeps_modes: bool = True
    folders: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: Path) -> GitIndex:
        """Read the index of the repository that `root` is in."""
        root = Path(os.path.realpath(root))
        repository = repository_of(root)
        if repository is None:
            return cls()
        try:
            folder = _git_folder(repository)
            config = _config(folder)
            data = files.read_bytes(folder / "index", limit=LARGEST_INDEX)
            length = 32 if re.search(r"objectformat\s*=\s*sha256", config) else 20
            tracked = dict(_entries(data, length))
        except (OSError, ValueError, LookupError, struct.error, ConfigError):
            return cls(repository)
        prefix = "" if root == repository else f"{root.relative_to(repository).as_posix()}/"
        below = {p.removeprefix(prefix): t for p, t in tracked.items() if p.startswith(prefix)}
        folders = {folder for path in below for folder in _parents(path)}
        keeps_modes = not re.search(r"filemode\s*=\s*false", config)
        return cls(repository, below, keeps_modes, frozenset(folders))

    def committed(self, path: str, data: bytes) -> bytes:
        """The content that git has for the file, if only what git itself writes differs.

        With ``core.autocrlf`` or ``eol=crlf``, a clone has CRLF where git has LF. With ``ident``,
        it has ``$Id: 2d86…$`` where git, and the folder of who committed it, have ``$Id$``.
        """
        tracked = self.files.get(path)
        if tracked is None or not (b"\r\n" in data or b"$Id: " in data):
            return data
        plain = _IDENT.sub(b"$Id$", data.replace(b"\r\n", b"\n"))
        return plain if blob_id(plain, len(tracked.blob)) == tracked.blob else data


def blob_id(data: bytes, length: int = 40) -> str:
    """git's id of a file's content; `length` is that of the repository's ids."""
    whole = b"blob %d\0%b" % (len(data), data)
    # git's own names for contents; nothing depends on their being safe.
    algorithm = "sha256" if length == 64 else "sha1"
    return hashlib.new(algorithm, whole, usedforsecurity=False).hexdigest()


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def repository_of(root: Path) -> Path | None:
    """The nearest folder with ``.git``, at `root` or above."""
    folders = itertools.chain([root], files.own_parents(root))
    return next((folder for folder in folders if os.path.lexists(folder / ".git")), None)


def _git_folder(repository: Path) -> Path:
    """The folder with the index: ``.git``, or what the file ``.git`` of a worktree names."""
    path = repository / ".git"
    if path.is_dir():
        return path
    text = files.read_text(path, ".git")
    return Path(os.path.normpath(repository / text.strip().removeprefix("gitdir: ")))


def _config(folder: Path) -> str:
    common = folder / "commondir"  # a worktree shares the configuration of its repository
    if files.is_file(common):
        folder = Path(os.path.normpath(folder / files.read_text(common, "commondir").strip()))
    path = folder / "config"
    return files.read_text(path, "config").lower() if files.is_file(path) else ""


def _entries(data: bytes, id_length: int) -> Iterator[tuple[str, Tracked]]:
    """The entries of an index of version 2, 3 or 4 (gitformat-index)."""
    signature, version, count = _HEADER.unpack_from(data)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("not an index")
    at, name = _HEADER.size, b""
    for _ in range(count):
        start = at
        mode = struct.unpack_from(">L", data, at + _MODE_AT)[0]
        blob = data[at + _ID_AT : at + _ID_AT + id_length].hex()
        at += _ID_AT + id_length
        extended = struct.unpack_from(">H", data, at)[0] & 0x4000
        at += 4 if extended else 2
        if version == 4:
            removed, at = _number(data, at)
            name = name[: len(name) - removed]
        else:
            name = b""
        end = data.index(b"\0", at)
        name += data[at:end]
        at = end + 1 if version == 4 else end + 8 - (end - start) % 8
        yield os.fsdecode(name), Tracked(mode, blob)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length as git writes it, and the place after it."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 0x7F)
    return value, at + 1
