"""Reads the files that a project names: regular ones, of bounded size, inside the project.

A project may come from anybody, so a name in it can lead to a named pipe, to an endless device or
to a file of the user's that must not end up in an image.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from flowship.errors import ConfigError
from flowship.events import readable_size

LARGEST_TEXT = 10_000_000
"""Bytes of a text file; no list, template or Dockerfile comes near it."""

NEWLINE = b"\n"

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_bytes(path: Path, *, limit: int = LARGEST_TEXT) -> bytes:
    """The content of a regular file.

    Args:
        path: The file. It is opened only if it is regular, since opening a pipe would wait.
        limit: The most bytes that it may have.

    Raises:
        OSError: It cannot be read.
        ConfigError: It is not a regular file, or it is too large.
    """
    _require_regular(path, path.stat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        _require_regular(path, os.fstat(stream.fileno()).st_mode)
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise ConfigError(
            f"{path.name} is too large: more than {readable_size(limit)}",
            code="file-too-large",
            hint="check that the configuration names the right file",
            where=str(path),
        )
    return data


def _require_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "not a file")
        raise ConfigError(
            f"{path.name or path} is {kind}, not a regular file",
            code="not-a-regular-file",
            hint="replace it with a file, or remove its name from the configuration",
            where=str(path),
        )


def read_text(path: Path, name: str, *, where: str = "", hint: str = "") -> str:
    """The text of a regular file; ends of lines become newlines.

    Args:
        path: The file.
        name: What names it, for errors, such as a key.
        where: The place of the error; the file by default.
        hint: What to do if it cannot be read.

    Raises:
        ConfigError: It cannot be read, is not a regular file, is too large, or is not UTF-8.
    """
    try:
        text = _decoded(path, read_bytes(path), f"{name}: {path}", where)
    except (OSError, ValueError) as exc:  # ValueError: the path has a null byte
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise ConfigError(
            f"{name}: cannot read {path}: {reason}",
            code="unreadable-file",
            hint=hint or "the path is relative to the project folder",
            where=where,
        ) from exc
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(path: Path, data: bytes) -> str:
    """The content of a text file.

    Raises:
        ConfigError: It is not UTF-8; with the line and the column.
    """
    return _decoded(path, data, path.name)


def _decoded(path: Path, data: bytes, shown: str, where: str = "") -> str:
    try:
        return data.decode("utf-8-sig")  # some editors write a byte order mark
    except UnicodeDecodeError as exc:
        reason, place = _not_utf8(exc)
        raise ConfigError(
            f"{shown} is not UTF-8: {reason}",
            code="not-utf8",
            hint="save it as UTF-8",
            where=where or f"{path}:{place}",
        ) from exc


def _not_utf8(exc: UnicodeDecodeError) -> tuple[str, str]:
    """Why bytes are not UTF-8, in the user's words, and the ``line:column``."""
    data, before = exc.object, exc.object[: exc.start]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "it is UTF-16", "1:1"
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    reason = f"the byte 0x{data[exc.start]:02x} is not valid there"
    return reason, f"{before.count(NEWLINE) + 1}:{column}"


def is_file(path: Path) -> bool:
    """Whether `path` is a regular file or leads to one; False for an impossible name too."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # such as a name that is too long
        return False


def own_parents(folder: Path) -> Iterator[Path]:
    """The folders above `folder`, nearest first, as far as they are the user's own.

    They end below the home folder, and below a folder that everybody can write to, such as
    ``/tmp``: anybody can put a file there.
    """
    here, home = folder.resolve(), Path("~").expanduser().resolve()
    while here not in (home, here.parent):
        here = here.parent
        try:
            shared = here.stat().st_mode & stat.S_IWOTH
        except OSError:
            return
        if shared or here in (home, here.parent):
            return
        yield here


def inside(root: Path, path: Path, name: str, *, where: str = "") -> Path:
    """`path`, if it is in the project folder and no link leads out of it.

    Args:
        root: The project folder.
        path: The file, relative to `root` or absolute.
        name: How the project calls it, for the error.
        where: The place of the error.

    Raises:
        ConfigError: It is outside. Its content is not read, so that no error can quote it.
    """
    whole = Path(os.path.normpath(root / path))
    top = Path(os.path.realpath(root))
    lexically = whole.is_relative_to(root) or whole.is_relative_to(top)
    if Path(os.path.realpath(whole)).is_relative_to(top):
        return whole
    reason = "is a link out of the project folder" if lexically else "is outside the project folder"
    raise ConfigError(
        f"{name} {reason}",
        code="outside-project",
        hint="copy the file into the project folder: only what is inside can be in the image",
        where=where,
    )
