"""The files excluded from the build context: the default patterns and ``.dockerignore``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from flowship.config import files
from flowship.errors import ConfigError
from flowship.project.glob import Matcher, compile_glob

NAME = ".dockerignore"


class LeftOutKind(str, Enum):
    """Which rule keeps a file out of the build context."""

    CONFIGURATION = "flowship's own configuration"
    VERSION_CONTROL = "version control"
    VIRTUAL_ENVIRONMENTS = "virtual environments"
    CACHES = "caches"
    SECRETS = "secrets"
    IGNORE_FILE = ".dockerignore"
    GIT = ".gitignore"
    EMPTY = "empty folders"
    SUBMODULE = "a submodule that was not fetched"
    EXCLUDE_FLAG = "--exclude"
    OUTPUT = "output of this command"
    PLAN = "a plan that `flowship plan --out` saved"
    OTHER_IMAGE = "only another image of the project is made of it"


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
        return self.kind in LEFT_OUT or self.kind in (
            LeftOutKind.OUTPUT,
            LeftOutKind.PLAN,
            LeftOutKind.EMPTY,
            LeftOutKind.SUBMODULE,
            LeftOutKind.OTHER_IMAGE,
        )

    def remedy(self, path: str) -> str:
        """How to get `path`, relative to the project folder, into the context."""
        if self.kind is LeftOutKind.EMPTY:
            return f"git keeps no empty folders: put a file into it, such as {path}/.gitkeep"
        if self.kind is LeftOutKind.OTHER_IMAGE:
            return f"copy what the flow needs of {path} to a file that no image is made of"
        if self.kind is LeftOutKind.PLAN:
            return "no image gets a plan; copy a file that `flowship plan` did not write"
        if self.kind is LeftOutKind.SUBMODULE:
            return "run `git submodule update --init --recursive`"
        if self.kind is LeftOutKind.GIT:
            return (
                "change that line; or write a .dockerignore, which replaces .gitignore; or set"
                " gitignore = false in the configuration"
            )
        return f"add !{path} to .dockerignore"

    def __str__(self) -> str:
        if self.kind in (LeftOutKind.SUBMODULE, LeftOutKind.OTHER_IMAGE, LeftOutKind.PLAN):
            return str(self.kind.value)
        if self.by_default:
            return f"excluded by default ({self.kind.value})"
        return f"excluded by {self.source}"

    @property
    def source(self) -> str:
        """The pattern with its place."""
        return f"{self.place or self.kind.value}: {self.pattern}"


@dataclass(frozen=True)
class Pattern:
    """One line of .dockerignore: the patterns of Go's ``filepath.Match``, and ``**``."""

    text: str
    takes_back: bool
    reason: LeftOut
    matches: Matcher

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
            matches = compile_glob(cleaned)
        except re.error as exc:
            raise ConfigError(
                f"{reason.source} is not a valid pattern: {exc}", code="invalid-ignore-pattern"
            ) from exc
        return cls(cleaned, takes_back, reason, matches)


@dataclass(frozen=True)
class IgnoreFile:
    """The default patterns, then the project's own; the last pattern that matches a path wins."""

    patterns: tuple[Pattern, ...]
    # Folder → the patterns that match it or a folder above, as bits; so that a tree of any depth
    # is matched in linear time.
    _folders: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, root: Path, dockerfile: str | None = None, project: str = "") -> IgnoreFile:
        """Read the ignore file that applies to `root`.

        Args:
            root: The folder that is sent.
            dockerfile: The project's own Dockerfile, relative to `root`.
            project: The project's folder below `root`, whose configuration is left out.

        Raises:
            ConfigError: The file cannot be read, or a pattern is invalid.
        """
        return cls(tuple(p for p in _patterns(root, dockerfile, project) if p))

    def reason(self, path: str) -> LeftOut | None:
        """Why `path` is left out; None when it is sent.

        A pattern that matches a folder also matches all that is below it.
        """
        bits = self._of_folder(path.rpartition("/")[0]) | self._own(path)
        if not bits:
            return None
        last = self.patterns[bits.bit_length() - 1]
        return None if last.takes_back else last.reason

    def _of_folder(self, folder: str) -> int:
        unknown = []
        while folder and folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        bits = self._folders.get(folder, 0)
        for path in reversed(unknown):
            bits |= self._own(path)
            self._folders[path] = bits
        return bits

    def _own(self, path: str) -> int:
        return sum(1 << n for n, pattern in enumerate(self.patterns) if pattern.matches(path))

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


def ignore_file(root: Path, dockerfile: str | None = None) -> str | None:
    """The name of the project's ignore file; that of its own Dockerfile comes first.

    Args:
        root: The project folder.
        dockerfile: The project's own Dockerfile.
    """
    names = [f"{dockerfile}{NAME}"] if dockerfile else []
    return next((name for name in [*names, NAME] if files.is_file(root / name)), None)


def _patterns(root: Path, dockerfile: str | None, project: str) -> Iterator[Pattern | None]:
    if project:
        configuration = re.sub(r"([*?\[\\])", r"\\\1", f"{project}/flowship.toml")
        reason = LeftOut(LeftOutKind.CONFIGURATION, configuration)
        yield Pattern.compile(configuration, reason)
    for kind, patterns in LEFT_OUT.items():
        for pattern in patterns:
            yield Pattern.compile(pattern, LeftOut(kind, pattern))
    name = ignore_file(root, dockerfile)
    if name:
        text = files.read_text(files.inside(root, Path(name), name), name)
        for number, line in enumerate(text.splitlines(), start=1):
            place = f"{name} line {number}"
            yield Pattern.compile(line, LeftOut(LeftOutKind.IGNORE_FILE, line.strip(), place))
