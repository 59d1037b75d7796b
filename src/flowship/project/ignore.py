"""The files excluded from the build context: the default patterns and ``.dockerignore``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from flowship.errors import ConfigError


class LeftOutKind(str, Enum):
    """Which rule keeps a file out of the build context."""

    CONFIGURATION = "flowship's own configuration"
    VERSION_CONTROL = "version control"
    VIRTUAL_ENVIRONMENTS = "virtual environments"
    CACHES = "caches"
    SECRETS = "secrets"
    IGNORE_FILE = ".dockerignore"
    EXCLUDE_FLAG = "--exclude"
    OUTPUT = "output of this command"


# Left out unless the project's .dockerignore includes them again with "!pattern".
LEFT_OUT = {
    # A new schedule must not change the image.
    LeftOutKind.CONFIGURATION: ("flowship.toml",),
    LeftOutKind.VERSION_CONTROL: ("**/.git", "**/.hg", "**/.svn", "**/.jj"),
    LeftOutKind.VIRTUAL_ENVIRONMENTS: ("**/.venv", "**/venv", "**/.conda"),
    LeftOutKind.CACHES: (
        "**/__pycache__",
        "**/*.py[co]",
        "**/.*_cache",
        "**/.tox",
        "**/.nox",
        "**/.hypothesis",
        "**/.ipynb_checkpoints",
        "**/.eggs",
        "**/*.egg-info",
        "**/node_modules",
        "**/.DS_Store",
    ),
    LeftOutKind.SECRETS: (
        "**/.env",
        "**/.env.*",
        "!**/.env.example",
        "!**/.env.sample",
        "!**/.env.template",
        "**/.netrc",
        "**/.pypirc",
        "**/.aws",
        "**/.ssh",
        "**/.docker",
        "**/.config/gcloud",
        "**/id_rsa",
        "**/id_dsa",
        "**/id_ecdsa",
        "**/id_ed25519",
        "**/*.key",
        "**/*.p12",
        "**/*.pfx",
    ),
}


@dataclass(frozen=True)
class LeftOut:
    """Why a file or folder is not in the build context.

    Attributes:
        kind: The group of defaults that excludes it, or an ignore file of the project.
        pattern: The pattern as it is written there; "" where no pattern decided.
        place: The ignore file and the line, ``.dockerignore line 3``; "" for a default.
    """

    kind: LeftOutKind
    pattern: str = ""
    place: str = ""

    @property
    def by_default(self) -> bool:
        """Whether one of flowship's own patterns decided, not one of the project's."""
        return self.kind in LEFT_OUT or self.kind is LeftOutKind.OUTPUT

    def __str__(self) -> str:
        if self.by_default:
            return f"excluded by default ({self.kind.value})"
        return f"excluded by {self.source}"

    @property
    def source(self) -> str:
        """The pattern with its place."""
        return f"{self.place or self.kind.value}: {self.pattern}"


def read_text(path: Path, key: str) -> str:
    """Read a file that the project names.

    Args:
        path: The file.
        key: What names it, for the error.

    Raises:
        ConfigError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors write a byte order mark
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{key}: {path} is not UTF-8: {exc}",
            code="not-utf8",
            hint="save it as UTF-8",
            where=str(path),
        ) from exc
    except OSError as exc:
        raise ConfigError(
            f"{key}: cannot read {path}: {exc.strerror}",
            code="unreadable-file",
            hint="the path is relative to the project folder",
        ) from exc


@dataclass(frozen=True)
class Pattern:
    """One line of .dockerignore: the patterns of Go's ``filepath.Match``, and ``**``."""

    text: str
    takes_back: bool
    reason: LeftOut
    regex: re.Pattern[str]

    @classmethod
    def compile(cls, line: str, reason: LeftOut) -> Pattern | None:
        """Parse one line; None for a blank line or a comment."""
        text = line.strip()
        if not text or line.startswith("#"):
            return None
        takes_back = text.startswith("!")
        cleaned = os.path.normpath(text.lstrip("!").strip().lstrip("/") or ".")
        if cleaned == ".":
            return None
        try:
            regex = re.compile(_regex(cleaned) + r"\Z", re.DOTALL)
        except re.error as exc:
            raise ConfigError(
                f"{reason.source} is not a valid pattern: {exc}", code="invalid-ignore-pattern"
            ) from exc
        return cls(cleaned, takes_back, reason, regex)

    def matches(self, path: str) -> bool:
        """Whether the pattern matches `path` or one of its parent folders."""
        parts = path.split("/")
        return any(self.regex.match("/".join(parts[:n])) for n in range(len(parts), 0, -1))


def _regex(pattern: str) -> str:
    token = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?\]?[^\]]*\]|\\.|.", re.DOTALL)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}

    def translate(part: str) -> str:
        if part.startswith("[") and len(part) > 1:
            return part
        return meaning.get(part) or re.escape(part[1:] if len(part) == 2 else part)

    return "".join(translate(part) for part in token.findall(pattern))


@dataclass(frozen=True)
class IgnoreFile:
    """The default patterns, then the project's own; the last pattern that matches a path wins."""

    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, root: Path, dockerfile: str | None = None) -> IgnoreFile:
        """Read the ignore file that applies to `root`.

        Raises:
            ConfigError: The file cannot be read, or a pattern is invalid.
        """
        return cls(tuple(p for p in _patterns(root, dockerfile) if p))

    def reason(self, path: str) -> LeftOut | None:
        """Why `path` is left out; None when it is sent."""
        for pattern in reversed(self.patterns):
            if pattern.matches(path):
                return None if pattern.takes_back else pattern.reason
        return None

    def takes_back_below(self, folder: str) -> bool:
        """Whether a ``!pattern`` of the project could match something inside `folder`."""
        return any(
            p.takes_back
            and not p.reason.by_default
            and (p.text.startswith((f"{folder}/", "**")) or _wild_head(p.text))
            for p in self.patterns
        )


def _wild_head(pattern: str) -> bool:
    return bool(re.search(r"[*?\[]", pattern.split("/")[0])) and "/" in pattern


def _patterns(root: Path, dockerfile: str | None) -> Iterator[Pattern | None]:
    for kind, patterns in LEFT_OUT.items():
        for pattern in patterns:
            yield Pattern.compile(pattern, LeftOut(kind, pattern))
    names = [f"{dockerfile}.dockerignore"] if dockerfile else []
    for name in [*names, ".dockerignore"]:
        path = root / name
        if path.is_file():
            for number, line in enumerate(read_text(path, name).splitlines(), start=1):
                place = f"{name} line {number}"
                yield Pattern.compile(line, LeftOut(LeftOutKind.IGNORE_FILE, line.strip(), place))
            return
