"""One member of the build context: a file, a link or a folder, with a mode that git would keep."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Literal

from flowship.errors import ConfigError
from flowship.project.git_index import GitIndex

LARGEST_TEXT_IN_GIT = 32_000_000
"""Bytes; the ends of the lines of a larger file are taken as they are on disk."""


class FileChangedError(ConfigError):
    """A file changed, or disappeared, while it was read: another try may succeed."""


@dataclass(frozen=True)
class Entry:
    """One member of the context.

    Attributes:
        path: Its path in the context, relative, with forward slashes.
        kind: A file, a symbolic link (kept as one) or a folder.
        mode: 0o755 if the owner may execute it, otherwise 0o644; folders 0o755.
        size: Bytes; 0 for links and folders.
        source: The file on disk, or None for generated content.
        data: The content of a generated file, or a link's target.
        git: What git knows about the project, if it tracks the file.
        git_path: The file's path for `git`.
    """

    path: str
    kind: Literal["file", "link", "folder"] = "file"
    mode: int = 0o644
    size: int = 0
    source: Path | None = None
    data: bytes = b""
    git: GitIndex | None = None
    git_path: str = ""

    def open(self) -> IO[bytes]:
        """The file's content as a stream.

        Raises:
            FileChangedError: It no longer exists.
            ConfigError: It cannot be read.
        """
        if self.source is None:
            return io.BytesIO(self.data)
        try:
            if self.git is None or self.size > LARGEST_TEXT_IN_GIT:
                return self.source.open("rb")
            return io.BytesIO(self.git.committed(self.git_path, self.source.read_bytes()))
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise changed(self) from exc
        except OSError as exc:
            raise unreadable(exc) from exc

    def read(self, limit: int = -1) -> bytes:
        """The file's content, or its first `limit` bytes; empty if it no longer exists."""
        try:
            with self.open() as stream:
                return stream.read(limit)
        except FileChangedError:
            return b""

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the content at the time of the first call."""
        digest = hashlib.sha256()
        with self.open() as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.digest()

    @property
    def identity(self) -> bytes:
        """Two SHA-256 digests: of kind, mode and path, and of the content.

        Raises:
            FileChangedError: The file no longer exists.
        """
        head = f"{self.kind}\0{self.mode:o}\0{self.path}\0".encode()
        return hashlib.sha256(head).digest() + self.digest


def changed(entry: Entry) -> FileChangedError:
    """The error for a file that is not what it was."""
    return FileChangedError(
        "the file changed while it was being sent, several times; nothing was built",
        code="file-changed",
        hint="if it is a log or other output, write it outside the project or add it to"
        " .dockerignore; otherwise run the command again when it is complete",
        where=str(entry.source or entry.path),
    )


def unreadable(exc: OSError) -> ConfigError:
    """The error for a file of the context that the system does not let us read."""
    return ConfigError(
        f"cannot read {exc.filename}: {exc.strerror}",
        code="unreadable-file",
        hint="change its permissions, or add it to .dockerignore",
    )
