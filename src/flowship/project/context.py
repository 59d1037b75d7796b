"""The build context: the files that are sent to the engine, reproducible byte for byte.

A `Context` is plain data: entries in a fixed order, with normalized modes and without times, so
that two laptops with the same files send the same bytes and get the same hash. It also records
which files are left out and why, so that an error about a missing COPY source can name the rule.

With the template the project is in ``project/`` and the dependency list in ``.flowship/``; with
the user's own Dockerfile the context is the project folder itself.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Literal

from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project.ignore import IgnoreFile, LeftOut, LeftOutKind, read_text
from flowship.project.requirements import Requirements

PROJECT = "project"
GENERATED = ".flowship"


@dataclass(frozen=True)
class Entry:
    """One member of the context.

    Attributes:
        path: Its path in the context, relative, with forward slashes.
        kind: A file, a symbolic link (kept as one) or an empty folder.
        mode: 0o755 if the owner may execute it, otherwise 0o644; folders 0o755.
        size: Bytes; 0 for links and folders.
        source: The file on disk, or None for generated content.
        data: The content of a generated file, or a link's target.
    """

    path: str
    kind: Literal["file", "link", "folder"] = "file"
    mode: int = 0o644
    size: int = 0
    source: Path | None = None
    data: bytes = b""

    def open(self) -> IO[bytes]:
        """The file's content as a stream.

        Raises:
            ConfigError: It no longer exists, or cannot be read.
        """
        try:
            return self.source.open("rb") if self.source else io.BytesIO(self.data)
        except OSError as exc:
            raise _unreadable(exc) from exc

    def read(self, limit: int = -1) -> bytes:
        """The file's content, or its first `limit` bytes."""
        with self.open() as stream:
            return stream.read(limit)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the content at the time of the first call."""
        with self.open() as stream:
            return _hash_stream(hashlib.sha256(), stream)


@dataclass(frozen=True)
class Context:
    """The files that are sent to the engine, and those that are left out, with the reason.

    Attributes:
        entries: Sorted by path.
        left_out: Path of a file or folder → the reason it is not sent.
    """

    entries: tuple[Entry, ...] = ()
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths of all files and links."""
        return frozenset(e.path for e in self.entries if e.kind != "folder")

    @property
    def size(self) -> int:
        """Bytes of content."""
        return sum(e.size for e in self.entries)

    def digest(self) -> bytes:
        """SHA-256 of all paths, kinds, modes and contents: equal for equal builds."""
        total = hashlib.sha256()
        for entry in self.entries:
            head = f"{entry.kind}\0{entry.mode:o}\0{entry.path}\0".encode()
            total.update(hashlib.sha256(head).digest() + entry.digest)
        return total.digest()

    def tar(self, stream: IO[bytes]) -> None:
        """Write the context to `stream` as the archive that the engine's build endpoint reads.

        The format is GNU because BuildKit does not accept PAX headers here.

        Raises:
            ConfigError: A file has changed since its digest was computed, so the image would not
                have the content that its name stands for.
        """
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for entry in self.entries:
                _add(archive, entry)


def _hash_stream(digest: hashlib._Hash, stream: IO[bytes]) -> bytes:
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.digest()


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    member = tarfile.TarInfo(entry.path)
    member.mode = entry.mode
    if entry.kind == "file":
        # The size on disk may have changed since the scan; the archive needs the current one.
        with entry.open() as stream:
            member.size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            sent = _Hashed(stream)
            archive.addfile(member, sent)
        if sent.digest.digest() != entry.digest:
            raise _changed(entry)
        return
    member.type = tarfile.SYMTYPE if entry.kind == "link" else tarfile.DIRTYPE
    member.linkname = entry.data.decode() if entry.kind == "link" else ""
    archive.addfile(member)


class _Hashed:
    """A stream that hashes what is read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def _changed(entry: Entry) -> ConfigError:
    return ConfigError(
        "the file changed while it was being sent; nothing was built",
        code="file-changed",
        hint="if it is a log or other output, write it outside the project or add it to"
        " .dockerignore; otherwise run the command again",
        where=str(entry.source or ""),
    )


def _unreadable(exc: OSError) -> ConfigError:
    return ConfigError(
        f"cannot read {exc.filename}: {exc.strerror}",
        code="unreadable-file",
        hint="change its permissions, or add it to .dockerignore",
    )


# --- what goes in ------------------------------------------------------------------------------


def assemble(
    settings: Settings, dockerfile: str, requirements: Requirements | None = None
) -> Context:
    """The context of a project, including the text of its Dockerfile.

    Raises:
        ConfigError: A file or folder cannot be read.
    """
    if settings.dockerfile:
        context = scan(settings.root, dockerfile=settings.dockerfile)
        entries = [e for e in context.entries if e.path != dockerfile_path(settings)]
        left_out = dict(context.left_out)
    else:
        context = scan(settings.root)
        entries = [_below(PROJECT, entry) for entry in context.entries]
        entries = entries or [Entry(PROJECT, kind="folder", mode=0o755)]
        left_out = {f"{PROJECT}/{path}": why for path, why in context.left_out.items()}
        entries += _generated(settings, requirements)
    entries.append(_text(dockerfile_path(settings), dockerfile))
    return Context(tuple(sorted(entries, key=lambda e: e.path)), left_out)


def dockerfile_path(settings: Settings) -> str:
    """The Dockerfile's path in the context."""
    if not settings.dockerfile:
        return "Dockerfile"
    path = Path(os.path.normpath(settings.root / settings.dockerfile))
    if path.is_relative_to(settings.root):
        return path.relative_to(settings.root).as_posix()
    return f"{GENERATED}/Dockerfile"


def _generated(settings: Settings, requirements: Requirements | None) -> list[Entry]:
    files = []
    if requirements is not None:
        files.append(_text(f"{GENERATED}/requirements.txt", requirements.text))
    if settings.packages.constraints:
        path = settings.root / settings.packages.constraints
        files.append(_text(f"{GENERATED}/constraints.txt", read_text(path, "packages.constraints")))
    if settings.packages.ca_bundle:
        path = settings.root / Path(settings.packages.ca_bundle).expanduser()
        files.append(_text(f"{GENERATED}/ca-bundle.pem", read_text(path, "packages.ca-bundle")))
    return files


def _text(path: str, text: str) -> Entry:
    data = text.encode()
    return Entry(path, size=len(data), data=data)


def _below(folder: str, entry: Entry) -> Entry:
    return Entry(
        f"{folder}/{entry.path}", entry.kind, entry.mode, entry.size, entry.source, entry.data
    )


# --- walking -----------------------------------------------------------------------------------


def scan(root: Path, *, dockerfile: str | None = None) -> Context:
    """All files below `root` that neither .dockerignore nor the default patterns leave out.

    Args:
        root: The project folder.
        dockerfile: The user's own, relative to `root`; ``<dockerfile>.dockerignore`` is then
            used instead of ``.dockerignore`` if it exists, as docker does.
    """
    ignore = IgnoreFile.of(root, dockerfile)
    entries: list[Entry] = []
    left_out: dict[str, LeftOut] = {}
    try:
        _walk(root, "", ignore, entries, left_out)
        left_out |= {path: LeftOut(LeftOutKind.OUTPUT) for path in _outputs(entries)}
    except OSError as exc:
        raise _unreadable(exc) from exc
    entries = [e for e in entries if e.path not in left_out]
    return Context(tuple(sorted(entries, key=lambda e: e.path)), left_out)


def _outputs(entries: list[Entry]) -> list[str]:
    """The paths of files that this process's stdout or stderr is redirected to.

    They grow with every message, so no image could have the content that its name stands for.
    """
    streams = set()
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # the stream is closed
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                streams.add((status.st_dev, status.st_ino))
    if not streams:
        return []
    files = [(e.path, e.source.stat()) for e in entries if e.source]
    return [path for path, status in files if (status.st_dev, status.st_ino) in streams]


def _walk(
    folder: Path,
    prefix: str,
    ignore: IgnoreFile,
    entries: list[Entry],
    left_out: dict[str, LeftOut],
) -> None:
    for item in sorted(os.scandir(folder), key=lambda i: i.name):
        path = prefix + item.name
        is_folder = item.is_dir(follow_symlinks=False)
        reason = ignore.reason(path)
        if is_folder and not reason and Path(item.path, "pyvenv.cfg").exists():
            reason = LeftOut(LeftOutKind.VIRTUAL_ENVIRONMENTS)
        if reason:
            left_out[path] = reason
            # "!pattern" may include files below an ignored folder.
            if is_folder and ignore.takes_back_below(path):
                _walk(Path(item.path), f"{path}/", ignore, entries, left_out)
        elif not _is_text(path):
            raise _not_utf8(path)
        elif is_folder:
            count = len(entries)
            _walk(Path(item.path), f"{path}/", ignore, entries, left_out)
            if len(entries) == count and not any(os.scandir(item.path)):
                entries.append(Entry(path, kind="folder", mode=0o755))
        else:
            entry = _entry(Path(item.path), path)
            entries += [entry] if entry else []


def _is_text(path: str) -> bool:
    """Whether a name is UTF-8; Python represents other bytes as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _not_utf8(path: str) -> ConfigError:
    shown = os.fsencode(path).decode(errors="backslashreplace")
    pattern = re.sub("[\ud800-\udfff]", "?", path)
    return ConfigError(
        f"the name of {shown}, or of its link target, is not UTF-8 and cannot be in an image",
        code="name-not-utf8",
        hint=f"rename it, or exclude it: add {pattern} to .dockerignore",
    )


def _entry(source: Path, path: str) -> Entry | None:
    status = source.lstat()
    if stat.S_ISLNK(status.st_mode):
        target = os.fsencode(source.readlink())
        if not _is_text(str(source.readlink())):
            raise _not_utf8(path)
        return Entry(path, kind="link", mode=0o777, data=target)
    if not stat.S_ISREG(status.st_mode):
        return None  # a build has no use for sockets, pipes and devices
    if not os.access(source, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source))
    mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    return Entry(path, mode=mode, size=status.st_size, source=source)
