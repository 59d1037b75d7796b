"""The build context: the files that are sent to the engine, reproducible byte for byte.

A `Context` is plain data: entries in a fixed order, with normalized modes and without times, so
that two laptops with the same files send the same bytes and get the same hash. It also records
which files are left out and why, so that an error about a missing COPY source can name the rule.

With the template the project is in ``project/``, the folders outside it that it includes in
``included/``, and the dependency list in ``.flowship/``, with what describes the packages that are
installed. With the user's own Dockerfile the context is the project folder itself, or the folder
above it that ``context`` names.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO

from flowship.config import files
from flowship.config.images import foreign_files
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.events import readable_size
from flowship.project import ignore, unfetched
from flowship.project.entry import Entry, FileChangedError, changed
from flowship.project.ignore import LeftOut, LeftOutKind
from flowship.project.layout import Include, Layout
from flowship.project.packages import Package
from flowship.project.requirements import FOR_IMAGE, USUAL, Requirements
from flowship.project.walk import single, walk

PROJECT = "project"
INCLUDED = "included"
GENERATED = ".flowship"
PACKAGES = f"{GENERATED}/packages"

LARGE = 50_000_000
"""Bytes; what is sent of a larger project is named."""

MOST_NAMED = 3


@dataclass(frozen=True)
class Context:
    """The files that are sent to the engine, and those that are left out, with the reason.

    Attributes:
        entries: Sorted by path.
        left_out: Path of a file or folder → the reason it is not sent.
        for_builder: Files that the builder reads and then removes, so no instruction can copy them.
    """

    entries: tuple[Entry, ...] = ()
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    for_builder: tuple[Entry, ...] = ()

    @cached_property
    def paths(self) -> frozenset[str]:
        """The paths of all files and links."""
        return frozenset(e.path for e in self.entries if e.kind != "folder")

    @property
    def size(self) -> int:
        """Bytes of content."""
        return sum(e.size for e in self.entries)

    def digest(self) -> bytes:
        """SHA-256 of all paths, kinds, modes and contents: equal for equal builds.

        A file that no longer exists does not count.
        """
        total = hashlib.sha256()
        for entry in (*self.entries, *self.for_builder):
            with suppress(FileChangedError):
                total.update(entry.identity)
        return total.digest()

    def tar(self, stream: IO[bytes]) -> None:
        """Write the context to `stream` as the archive that the engine's build endpoint reads.

        The format is GNU because BuildKit does not accept PAX headers here.

        Raises:
            FileChangedError: A file has changed since its digest was computed, so the image would
                not have the content that its name stands for.
        """
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for entry in (*self.entries, *self.for_builder):
                _add(archive, entry)


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    member = tarfile.TarInfo(entry.path)
    member.mode = entry.mode
    if entry.kind == "file":
        _add_file(archive, member, entry)
        return
    member.type = tarfile.SYMTYPE if entry.kind == "link" else tarfile.DIRTYPE
    member.linkname = entry.data.decode() if entry.kind == "link" else ""
    archive.addfile(member)


def _add_file(archive: tarfile.TarFile, member: tarfile.TarInfo, entry: Entry) -> None:
    counted = "digest" in vars(entry)  # `Context.digest` has seen the file
    try:
        stream = entry.open()
    except FileChangedError:
        if counted:
            raise
        return
    # The size on disk may have changed since the scan; the archive needs the current one.
    with stream:
        member.size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        sent = _Hashed(stream)
        try:
            archive.addfile(member, sent)
        except OSError as exc:
            if exc.errno is None:  # tarfile's own: the file became shorter
                raise changed(entry) from exc
            raise
    if sent.digest.digest() != entry.digest:
        raise changed(entry)


class _Hashed:
    """A stream that hashes what is read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


# --- what goes in ------------------------------------------------------------------------------


def assemble(
    settings: Settings,
    dockerfile: str,
    requirements: Requirements | None = None,
    layout: Layout | None = None,
) -> Context:
    """The context of a project, including the text of its Dockerfile.

    Args:
        settings: The project.
        dockerfile: The text of its Dockerfile.
        requirements: What the template installs.
        layout: What the project includes, and what of it is installed.

    Raises:
        ConfigError: A file or folder cannot be read, or is outside the project.
    """
    if settings.dockerfile:
        return _with_own_dockerfile(settings, dockerfile)
    layout = layout or Layout()
    context = scan(
        settings.context_root,
        use_gitignore=settings.gitignore,
        project=settings.folder_in_context,
    )
    if settings.whole and not layout.installed:
        context = _without_foreign_files(context, settings)
    entries, left_out = _below(PROJECT, context)
    entries = entries or [Entry(PROJECT, kind="folder", mode=0o755)]
    for include in layout.copied:
        more, why = _included(include, settings)
        entries, left_out = entries + more, left_out | why
    for package in layout.installed:
        entries += _describing(package, settings, entries)
    entries += [*_generated(settings, requirements), _text("Dockerfile", dockerfile)]
    return Context(tuple(sorted(entries, key=lambda e: e.path)), left_out)


def _without_foreign_files(context: Context, settings: Settings) -> Context:
    """The files without those that only other images of the project are made of.

    Where the project is installed, its build may read any of its files.
    """
    folder = settings.folder_in_context
    names = foreign_files(settings, (FOR_IMAGE, USUAL))
    foreign = {f"{folder}/{name}" if folder else name for name in names} & context.paths
    left_out = dict.fromkeys(foreign, LeftOut(LeftOutKind.OTHER_IMAGE))
    kept = tuple(entry for entry in context.entries if entry.path not in foreign)
    return replace(context, entries=kept, left_out={**context.left_out, **left_out})


def in_image(settings: Settings, path: str) -> str:
    """Where the template copies a file of the context, relative to the flows folder."""
    if settings.dockerfile:
        return path
    top, _, inside = path.partition("/")
    if top == INCLUDED:
        return inside
    if top != PROJECT:
        return path
    return f"{settings.image_folder}/{inside}" if settings.image_folder else inside


def _below(folder: str, context: Context) -> tuple[list[Entry], dict[str, LeftOut]]:
    """The files of a context, in a folder of another."""
    entries = [replace(entry, path=f"{folder}/{entry.path}") for entry in context.entries]
    return entries, {f"{folder}/{path}": why for path, why in context.left_out.items()}


def _included(include: Include, settings: Settings) -> tuple[list[Entry], dict[str, LeftOut]]:
    """The files of a folder outside the context; its own ignore files count."""
    place = f"{INCLUDED}/{include.image}"
    if include.source.is_dir():
        entries, left_out = _below(place, scan(include.source, use_gitignore=settings.gitignore))
    else:
        entry = single(include.source)
        entries, left_out = [replace(entry, path=place)] if entry else [], {}
    if entries:
        return entries, left_out
    raise ConfigError(
        f"include: {include.source} has no files for an image",
        code="include-empty",
        hint="it is empty, or its .dockerignore, .gitignore or flowship's own list of secrets and"
        " caches leaves everything out",
        where=settings.place("include"),
    )


def _describing(package: Package, settings: Settings, entries: list[Entry]) -> list[Entry]:
    """What pip reads to install a package, apart from its code, so that an edit of the code
    repeats no installation."""
    prefix = f"{package.image}/" if package.image else ""
    inside = {
        at.removeprefix(prefix): entry
        for entry in entries
        if entry.kind == "file"
        and (at := in_image(settings, entry.path)).startswith(prefix)
        and not entry.path.startswith(f"{GENERATED}/")
    }
    # An ignore file often names *.md, and a build fails without the readme.
    for name in ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", *package.readme):
        path = Path(os.path.normpath(package.source / name))
        if name not in inside and path.is_relative_to(package.source) and files.is_file(path):
            entry = single(files.inside(package.source, path, name))
            inside |= {name: entry} if entry else {}
    return [
        replace(inside[path], path=f"{PACKAGES}/{prefix}{path}")
        for path in package.describing(sorted(inside))
    ]


def _with_own_dockerfile(settings: Settings, text: str) -> Context:
    """The project as it is. A Dockerfile that the ignore file names is sent for the builder only.

    docker does the same: it sends such a Dockerfile with a .dockerignore that names it, and the
    builder removes both before the first instruction.
    """
    path = dockerfile_path(settings)
    context = scan(
        settings.context_root,
        dockerfile=path,
        use_gitignore=settings.gitignore,
        project=settings.folder_in_context,
    )
    own = _text(path, text.replace("\r\n", "\n"))
    if ignore.IgnoreFile.of(settings.context_root, path).reason(path) is None:
        entries = [*(e for e in context.entries if e.path != path), own]
        left_out = {p: why for p, why in context.left_out.items() if p != path}
        return Context(tuple(sorted(entries, key=lambda e: e.path)), left_out)
    removed = _text(ignore.NAME, f"{path}\n{ignore.NAME}\n")
    return replace(context, for_builder=(own,) if ignore.NAME in context.paths else (own, removed))


def dockerfile_path(settings: Settings) -> str:
    """The Dockerfile's path in the context."""
    if not settings.dockerfile:
        return "Dockerfile"
    path = Path(os.path.normpath(settings.root / settings.dockerfile))
    return path.relative_to(settings.context_root).as_posix()


def _generated(settings: Settings, requirements: Requirements | None) -> list[Entry]:
    packages = settings.packages
    generated = []
    if requirements is not None:
        generated.append(_text(f"{GENERATED}/requirements.txt", requirements.text))
        if requirements.unhashed:
            generated.append(_text(f"{GENERATED}/unhashed.txt", requirements.unhashed))
    if packages.constraints:
        text = _named_text(settings, packages.constraints, "constraints")
        generated.append(_text(f"{GENERATED}/constraints.txt", text))
    if packages.ca_bundle:
        text = _named_text(settings, packages.ca_bundle, "ca-bundle")
        if "PRIVATE KEY-----" in text:
            raise _private_key(settings)
        generated.append(_text(f"{GENERATED}/ca-bundle.pem", text))
    return generated


def _named_text(settings: Settings, path: str, key: str) -> str:
    """The file that a key of ``[packages]`` names; where a variable names it, it may be anywhere.

    A variable is the user's own choice, the file of a project may be anybody's.
    """
    name, where = f"packages.{key}", settings.place("packages", key)
    whole = Path(path).expanduser()
    if where in settings.origins.values():
        whole = settings.root / whole
    else:
        whole = files.inside(settings.root, whole, f"{name}: {path}", where=where)
    return files.read_text(whole, name, where=where)


def _private_key(settings: Settings) -> ConfigError:
    return ConfigError(
        "packages.ca-bundle contains a private key, which would be readable in the image",
        code="private-key-in-bundle",
        hint="keep only the certificates in the file",
        where=settings.place("packages", "ca-bundle"),
    )


def _text(path: str, text: str) -> Entry:
    data = text.encode()
    return Entry(path, size=len(data), data=data)


def scan(
    root: Path, *, dockerfile: str | None = None, use_gitignore: bool = True, project: str = ""
) -> Context:
    """All files below `root` that no ignore file and no default pattern leaves out.

    Args:
        root: The project folder, or a folder above it.
        dockerfile: The user's own, relative to `root`.
        use_gitignore: Leave git-ignored files out if there is no .dockerignore.
        project: The project folder below `root`.
    """
    entries, left_out = walk(root, dockerfile, use_gitignore, project)
    return Context(tuple(entries), left_out)


# --- what to say about it ------------------------------------------------------------------------


def notes(context: Context) -> tuple[str, ...]:
    """What the user may not expect to be left out: git-ignored files, and empty folders."""
    found = []
    ignored = _of_kind(context, LeftOutKind.GIT)
    if ignored:
        found.append(
            f"not in the image, because .gitignore names {_them(ignored)}: {_named(ignored)}"
            " (for other files: write a .dockerignore, or set gitignore = false)"
        )
    empty = _of_kind(context, LeftOutKind.EMPTY)
    if empty:
        found.append(
            f"not in the image, because git keeps no empty folders: {_named(empty)}"
            " (to keep one, put a file such as .gitkeep into it)"
        )
    return tuple(found)


def warnings(context: Context) -> tuple[str, ...]:
    """What was not fetched; links that lead nowhere; a large context, with what makes it so."""
    found = [*unfetched.warnings(context.entries, context.left_out, f"{PROJECT}/")]
    if links := [_shown(e.path) for e in context.entries if _leads_out(e)]:
        found.append(
            f"links out of the project are broken in the image: {_named(links)}; replace them with"
            " the files, or add them to .dockerignore"
        )
    if context.size > LARGE:
        found.append(_large(context))
    return tuple(found)


def _leads_out(entry: Entry) -> bool:
    """Whether a link leads out of the project; a folder of every system is in the image too."""
    if entry.kind != "link":
        return False
    target = entry.data.decode()
    if target.startswith("/"):
        return not re.match(r"/(bin|dev|etc|lib\d*|mnt|opt|proc|run|sbin|sys|tmp|usr|var)/", target)
    folder = _shown(entry.path).rpartition("/")[0]
    top = os.path.normpath(f"{folder}/{target}" if folder else target).split("/")[0]
    if entry.path.startswith(f"{INCLUDED}/"):  # its neighbors on disk are not in the image
        return top != folder.split("/")[0]
    return top == ".."


def _large(context: Context) -> str:
    sizes = sorted(_sizes(context).items(), key=lambda item: (-item[1], item[0]))
    largest = ", ".join(f"{name} ({readable_size(size)})" for name, size in sizes[:MOST_NAMED])
    return (
        f"the image gets {readable_size(context.size)} of files, most of them in {largest}; if the"
        " flow does not need them, add them to .dockerignore"
    )


def _of_kind(context: Context, kind: LeftOutKind) -> list[str]:
    return sorted(_shown(path) for path, why in context.left_out.items() if why.kind is kind)


def _sizes(context: Context) -> dict[str, int]:
    """The size of each folder and file at the top of the project.

    A folder is followed down to where its files are, so that the name says most.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in context.entries:
        groups.setdefault(_shown(entry.path).split("/")[0], []).append(entry)
    sizes = {}
    for name, entries in groups.items():
        common = os.path.commonpath([_shown(e.path) for e in entries if e.size] or [name])
        is_file = len(entries) == 1 and common == _shown(entries[0].path)
        sizes[common if is_file else f"{common}/"] = sum(e.size for e in entries)
    return sizes


def _shown(path: str) -> str:
    """A path of the context as the user knows it."""
    return re.sub(rf"^({PROJECT}|{INCLUDED}|{PACKAGES})/", "", path)


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return ", ".join(paths[:MOST_NAMED]) + more


def _them(paths: list[str]) -> str:
    return "it" if len(paths) == 1 else "them"
