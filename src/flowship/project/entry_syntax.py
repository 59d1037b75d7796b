"""Whether Python can read the files of the entrypoints; no code of theirs is run."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

from flowship.config import files
from flowship.errors import ConfigError

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Of the Python that reads the files here."""


def errors(sources: Iterable[Path], in_image: str) -> list[ConfigError]:
    """The files that the Python of this machine cannot read, each with its place.

    Args:
        sources: The files.
        in_image: The version of Python in the image; empty if it is not known.
    """
    found = [_error(path, in_image) for path in dict.fromkeys(sources)]
    return [error for error in found if error is not None]


def _error(source: Path, in_image: str) -> ConfigError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the flow's own, such as an invalid escape
            compile(files.read_bytes(source), str(source), "exec", dont_inherit=True)
    except SyntaxError as exc:
        return _explained(source, exc, in_image)
    except (OSError, ValueError, RecursionError, MemoryError, ConfigError):
        return None  # the probe explains it
    return None


def _explained(source: Path, exc: SyntaxError, in_image: str) -> ConfigError:
    place = [os.path.relpath(source), *(str(n) for n in (exc.lineno, exc.offset) if n)]
    image = f"Python {in_image}" if in_image else "a Python that may be another version"
    return ConfigError(
        f"Python {VERSION} cannot read the flow's file: {exc.msg}",
        code="flow-syntax-error",
        hint="fix that line"
        if in_image == VERSION
        else f"fix that line, unless it is valid in the image, which has {image}",
        where=":".join(place),
        details=(exc.text or "").strip(),
    )
