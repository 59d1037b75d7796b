"""Whether Python can read the files of the entrypoints; no code of theirs is run."""

from __future__ import annotations

import ast
import codecs
import io
import os
import sys
import tokenize
import warnings
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from flowship.config import files
from flowship.errors import ConfigError

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Of the Python that reads the files here."""

NEWLINE = b"\n"


def errors(sources: Iterable[Path], in_image: str) -> list[ConfigError]:
    """The files that the Python of this machine cannot read, each with its place.

    Args:
        sources: The files.
        in_image: The version of Python in the image; empty if it is not known.
    """
    found = [_error(path, in_image) for path in dict.fromkeys(sources)]
    return [error for error in found if error is not None]


def require(source: Path, place: str, *, is_module: bool) -> None:
    """Refuse a file that the Python of this machine, which is also that of the image, cannot read,
    or that imports what no flow's file can.

    Args:
        source: The file.
        place: Its path relative to the flows folder.
        is_module: Whether it is loaded as a module of a package, not as a file on its own.

    Raises:
        ConfigError: With the place.
    """
    error = _error(source, VERSION) or (None if is_module else _relative_import(source, place))
    if error:
        raise error


def _error(source: Path, in_image: str) -> ConfigError | None:
    try:
        if unreadable := _encoding_error(source, files.read_bytes(source)):
            return unreadable
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the flow's own, such as an invalid escape
            compile(files.read_bytes(source), str(source), "exec", dont_inherit=True)
    except SyntaxError as exc:
        return _explained(source, exc, in_image)
    except (OSError, ValueError, RecursionError, MemoryError, ConfigError):
        return None  # the probe explains it
    return None


def _encoding_error(source: Path, data: bytes) -> ConfigError | None:
    """The error for a file that is not text as Python reads it, with the line."""
    at = 0
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        reason = "it is UTF-16, not UTF-8"
    elif b"\0" in data:
        reason, at = "it has a null byte", data.index(b"\0")
    else:
        try:
            data.decode(_declared_encoding(data))
            return None
        except UnicodeDecodeError as exc:
            reason, at = f"it is not {exc.encoding.upper()}", exc.start
    return ConfigError(
        f"Python {VERSION} cannot read the flow's file: {reason}",
        code="flow-syntax-error",
        hint="save the file as UTF-8",
        where=f"{os.path.relpath(source)}:{data.count(NEWLINE, 0, at) + 1}",
    )


def _declared_encoding(data: bytes) -> str:
    """The encoding that a file declares; UTF-8 if it declares none that exists."""
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:
        return "utf-8"


def _relative_import(source: Path, place: str) -> ConfigError | None:
    """The error for an import at the top of a file that goes above its folder.

    Prefect loads the file on its own, so it always fails; one below ``try`` may be meant to.
    """
    try:
        tree = ast.parse(files.read_bytes(source))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError, ConfigError):
        return None  # the probe explains it
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level > 1:
            names = ", ".join(each.name for each in node.names)
            parts = PurePosixPath(place).parent.parts
            parts = parts[1:] if parts[:1] == ("src",) else parts
            package = ".".join([*parts[: 1 - node.level], *filter(None, [node.module])])
            works = f"from {package} import {names}" if package else f"import {names}"
            return ConfigError(
                "an import with two dots goes above the flow's folder, but Prefect loads the flow"
                " file on its own, not as part of a package",
                code="relative-import-failed",
                hint=f"write the import from the project folder: `{works}`",
                where=f"{os.path.relpath(source)}:{node.lineno}:{node.col_offset + 1}",
            )
    return None


def _explained(source: Path, exc: SyntaxError, in_image: str) -> ConfigError:
    place = [os.path.relpath(source), *(str(n) for n in (exc.lineno, exc.offset) if n)]
    image = f"Python {in_image}" if in_image else "a Python that may be another version"
    return ConfigError(
        f"Python {VERSION} cannot read the flow's file: {exc.msg}",
        code="flow-syntax-error",
        hint=("fix that line" if exc.lineno else "fix that file")
        if in_image == VERSION
        else f"fix that line, unless it is valid in the image, which has {image}",
        where=":".join(place),
        details=(exc.text or "").strip(),
    )
