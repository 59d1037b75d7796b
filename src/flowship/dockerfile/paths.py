"""Paths inside an image: absolute or relative, joined with the working directory, cleaned."""

from __future__ import annotations

import ntpath
import posixpath
import re


def is_absolute(path: str, *, windows: bool = False) -> bool:
    """Whether a path starts at the root: ``/x``.

    In a Windows image ``C:\\x``, ``C:/x`` and ``\\x`` are absolute as well.
    """
    return path.startswith("/") or (windows and bool(re.match(r"[A-Za-z]:[\\/]|\\", path)))


def join(workdir: str, path: str) -> str:
    """Resolve `path` against `workdir`; the result ends with a slash if it is certainly a folder.

    That is a path written with a slash, the working directory, and any folder above it. The builder
    reduces ``flows/.`` to ``flows``, so a file that is copied there gets that name.
    """
    windows = not workdir.startswith("/")
    if is_absolute(path, windows=windows):
        return path
    if windows:
        joined = ntpath.normpath(ntpath.join(workdir, path))
        return joined + ("\\" if path.endswith(("/", "\\")) else "")
    joined = clean(posixpath.join(workdir, path))
    folder = path.endswith("/") or is_within(clean(workdir), joined)
    return joined if joined == "/" or not folder else joined + "/"


def join_written(workdir: str | None, path: str) -> str | None:
    """The same with variables as written; None where their values would decide the result."""
    if workdir is None or ("$" in workdir + path and ".." in path.split("/")):
        return None
    if workdir.startswith("$"):
        return join(f"/{workdir}", path)[1:]
    return join(workdir, path)


def clean(path: str) -> str:
    """An absolute path without ``.``, ``..``, doubled slashes and a trailing slash."""
    return posixpath.normpath("/" + path.lstrip("/"))


def is_within(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or below it; every path is below ""."""
    return not folder or path == folder or path.startswith(folder.rstrip("/") + "/")
