"""What an exporter wrote, read line by line: packages with hashes, other packages, folders."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project.layout import include_hint, layout
from flowship.project.locks.exporter import Exported, failed
from flowship.project.requirement_lines import logical_lines, quotable, validate_line
from flowship.redaction import has_login

# The public index is what installers use anyway, and an image may be configured for another one.
_PUBLIC = re.compile(r"https://pypi\.org/simple/?")


@dataclass(frozen=True)
class Locked:
    """The packages of a lockfile, as they are installed in the image.

    Attributes:
        pinned: Requirements with hashes.
        unhashed: Requirements that have none, such as those from git.
        folders: Packages that are folders of the project, relative to its root; without those
            that ``include`` names, which the layout installs.
        options: The lines of package indexes.
    """

    pinned: tuple[str, ...] = ()
    unhashed: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many packages there are, those for other platforms included."""
        return len(self.pinned) + len(self.unhashed) + len(self.folders)


def read(lock: Path, exported: Exported, settings: Settings) -> Locked:
    """The packages of an export.

    Raises:
        ConfigError: A line cannot be installed in the image.
    """
    pinned: list[str] = []
    unhashed: list[str] = []
    folders: list[str] = []
    indexes = [*exported.indexes]
    for _, line in logical_lines(exported.text):
        option = re.match(r"(?:-i|--index-url|--extra-index-url)[ =]\s*(\S+)$", line)
        if option:
            indexes.append(option[1])
            continue
        if re.match(r"--(trusted-host|no-binary|only-binary|prefer-binary)\b", line):
            continue
        folder = _folder(line, exported)
        if folder is not None:
            folders.append(_inside(lock, folder, settings))
            continue
        line = _not_editable(line)
        validate_line(line, str(lock))
        (pinned if "--hash=" in line else unhashed).append(line)
    return Locked(
        tuple(pinned),
        tuple(unhashed),
        tuple(dict.fromkeys(filter(None, folders))),
        _options(lock, indexes, settings),
    )


def _not_editable(line: str) -> str:
    """``-e git+https://…#egg=name`` as ``name @ git+https://…``: no one edits an image."""
    line = re.sub(r"^(-e|--editable)[ =]\s*", "", line)
    found = re.match(r"(\S+)#egg=([\w.-]+)(\[[^]]*\])?(?:&(\S+))?(.*)$", line)
    if not found or "://" not in found[1]:
        return line
    address, name, extras, rest, tail = found.groups(default="")
    return f"{name}{extras} @ {address}{f'#{rest}' if rest else ''}{tail}"


def _folder(line: str, exported: Exported) -> str | None:
    """The path of a package that is a folder or file, relative to the lockfile; else None."""
    bare = re.split(r"\s;|;\s|\s--", re.sub(r"^(-e|--editable)[ =]\s*", "", line), maxsplit=1)[0]
    bare = re.sub(r"^[\w.-]+(\[[^]]*\])?\s*@\s*", "", bare.strip())
    if bare.startswith("file:"):
        bare = unquote(urlsplit(bare).path)
    elif bare not in (".", "..") and ("/" not in bare or "://" in bare):
        return None
    bare = os.path.normpath(bare.partition("#")[0])
    # A tool that ran in a copy writes absolute paths below the copy's temporary folder.
    copy = exported.copy
    if copy and Path(bare).is_relative_to(copy.top):
        return os.path.relpath(bare, copy.folder)
    return bare


def _inside(lock: Path, folder: str, settings: Settings) -> str:
    """The folder relative to the project's root; empty if it is the project, or included."""
    root = Path(os.path.realpath(settings.root))
    place = Path(os.path.realpath(lock.parent / folder))
    if place == root or any(place == package.source for package in layout(settings).local):
        return ""
    if place.is_relative_to(root):
        return place.relative_to(root).as_posix()
    shown = os.path.relpath(place, root)
    raise ConfigError(
        f"{lock.name} has a package in the folder {shown}, which is outside the project folder",
        code="local-requirement",
        hint=include_hint(settings, shown),
        where=str(lock),
    )


def _options(lock: Path, indexes: list[str], settings: Settings) -> tuple[str, ...]:
    """The lines for the indexes that the lockfile names.

    ``[packages] index-url`` replaces them: it says where this image's packages come from.
    """
    if settings.packages.index_url:
        return ()
    for index in indexes:
        if not re.match(r"https?://", index):
            raise failed(
                lock,
                "",
                f"it names the package index {quotable(index)}, which the image cannot reach",
                hint="lock with an index that has an http address, or set index-url in [packages]",
            )
        if has_login(index) or "$" in index:
            raise ConfigError(
                f"{lock.name} names a package index with a login, which would be readable in the"
                " image",
                code="login-in-address",
                hint="remove the login; let the index trust the build machine, and set"
                " index-url in [packages] to its address",
                where=str(lock),
            )
    private = [i for i in dict.fromkeys(indexes) if not _PUBLIC.fullmatch(i)]
    if not private:
        return ()
    uses_public = len(private) < len(dict.fromkeys(indexes))
    first = "--extra-index-url" if uses_public else "--index-url"
    rest = (f"--extra-index-url {index}" for index in private[1:])
    return (f"{first} {private[0]}", *rest)
