"""Walks the project folder: which files are in the build context, and why the others are not.

Two clones of one commit give the same files. So folders without files do not count, modes are
reduced to what git keeps, and what git stores as a link is one, even on a system without links.
A submodule is a repository of its own, with its own index and its own .gitignore.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowship.errors import ConfigError
from flowship.project import gitignore
from flowship.project.entry import Entry, unreadable
from flowship.project.git_index import GitIndex, Tracked, blob_id
from flowship.project.gitignore import Rule
from flowship.project.ignore import IgnoreFile, LeftOut, LeftOutKind, ignore_file

MOST_FILES = 500_000

PLAN_KEY = "flowship-plan"
"""The first key of a saved plan. One that is saved in the project must not count as a change of it,
whatever its name is."""
_PLAN = re.compile(rb'\s*\{\s*"' + PLAN_KEY.encode() + rb'"')

_GONE = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True)
class _Repository:
    """A git repository: the one around the project, or one inside it.

    Attributes:
        git: What git knows about its files.
        prefix: Its path in the project, with a slash at the end; "" for the one around it.
    """

    git: GitIndex
    prefix: str = ""

    def path(self, path: str) -> str:
        """A path of the project, relative to the repository."""
        return path.removeprefix(self.prefix)

    def tracked(self, path: str) -> Tracked | None:
        """What git has for a path of the project."""
        return self.git.files.get(self.path(path))


@dataclass
class _Walk:
    """One walk over a project folder, and what it has found so far."""

    root: Path
    ignore: IgnoreFile
    git: GitIndex
    use_gitignore: bool
    entries: list[Entry] = field(default_factory=list)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    seen: int = 0

    def run(self) -> None:
        """Visit every folder that may have files of the context."""
        above = gitignore.rules_above(self.root, self.git.repository) if self.use_gitignore else ()
        pending = [_Folder(self.root, "", _Repository(self.git), above)]
        while pending:
            pending += self._visit(pending.pop())

    def _visit(self, folder: _Folder) -> list[_Folder]:
        """Take the files of one folder; returns the folders below it that must be visited."""
        try:
            items = list(os.scandir(folder.path))
        except _GONE:
            if not folder.prefix:
                raise
            return []
        if folder.prefix and any(item.name == ".git" for item in items):
            folder = folder.own_repository()
        rules = folder.rules
        if self.use_gitignore and not folder.ignored:
            rules += gitignore.rules_in(folder.path, folder.prefix)
        if not items and folder.prefix:
            name = folder.prefix.rstrip("/")
            tracked = folder.repository.tracked(name)
            is_submodule = tracked is not None and tracked.is_submodule
            kind = LeftOutKind.SUBMODULE if is_submodule else LeftOutKind.EMPTY
            self.left_out.setdefault(name, LeftOut(kind))
        self.seen += len(items)
        if self.seen > MOST_FILES:
            raise _too_many(self.root)
        below = [self._take(item, folder, rules) for item in items]
        return [each for each in below if each]

    def _take(
        self, item: os.DirEntry[str], folder: _Folder, rules: tuple[Rule, ...]
    ) -> _Folder | None:
        """Take or leave out one file; a folder is returned if it must be visited."""
        path = folder.prefix + item.name
        is_folder = item.is_dir(follow_symlinks=False)
        inside = _Folder(Path(item.path), f"{path}/", folder.repository, rules, folder.ignored)
        reason = self.ignore.reason(path)
        if is_folder and not reason and os.path.lexists(f"{item.path}/pyvenv.cfg"):
            reason = LeftOut(LeftOutKind.VIRTUAL_ENVIRONMENTS)
        if reason:
            self.left_out[path] = reason
            # "!pattern" may include files below an ignored folder.
            return inside if is_folder and self.ignore.takes_back_below(path) else None
        if ignored := self._ignored_by_git(path, is_folder, folder, rules):
            self.left_out.setdefault(path, ignored)
            # What git tracks is in every clone, even below a folder that .gitignore names.
            repository = folder.repository
            has_tracked = is_folder and repository.path(path) in repository.git.folders
            return inside.below_ignored() if has_tracked else None
        if not _is_text(path):
            raise _not_utf8(path)
        if is_folder:
            return inside
        with contextlib.suppress(*_GONE):
            entry = _entry(Path(item.path), path, folder.repository)
            self.entries += [entry] if entry else []
        return None

    def _ignored_by_git(
        self, path: str, is_folder: bool, folder: _Folder, rules: tuple[Rule, ...]
    ) -> LeftOut | None:
        if not self.use_gitignore or folder.repository.tracked(path):
            return None
        rule = folder.ignored or gitignore.decide(rules, path, is_folder=is_folder)
        return LeftOut(LeftOutKind.GIT, rule.text, rule.place) if rule else None


@dataclass(frozen=True)
class _Folder:
    """A folder to visit.

    Attributes:
        path: Where it is.
        prefix: Its path in the project, with a slash at the end; "" for the project folder.
        repository: The git repository that its files belong to.
        rules: The lines of .gitignore that apply in it.
        ignored: The line that ignores it, where only tracked files in it are taken.
    """

    path: Path
    prefix: str
    repository: _Repository
    rules: tuple[Rule, ...] = ()
    ignored: Rule | None = None

    def below_ignored(self) -> _Folder:
        """The same folder, where a line of .gitignore names it."""
        name = self.prefix.rstrip("/")
        rule = self.ignored or gitignore.decide(self.rules, name, is_folder=True)
        return replace(self, ignored=rule)

    def own_repository(self) -> _Folder:
        """The same folder as the root of a repository, to which no rule from outside applies."""
        inside = _Repository(GitIndex.of(self.path), self.prefix)
        return replace(self, repository=inside, rules=(), ignored=None)


def walk(
    root: Path, dockerfile: str | None, use_gitignore: bool, project: str = ""
) -> tuple[list[Entry], dict[str, LeftOut]]:
    """The files of the project, sorted, and what is left out with the reason.

    Args:
        root: The project folder.
        dockerfile: The user's own, relative to `root`; ``<dockerfile>.dockerignore`` is then
            used instead of ``.dockerignore`` if it exists, as docker does.
        use_gitignore: In a git repository, leave git-ignored files out where there is no ignore
            file.
        project: The project's folder below `root`, if that is a folder above it.

    Raises:
        ConfigError: A file cannot be read or has a name that no image can have, or there are too
            many.
    """
    git = GitIndex.of(root)
    use = use_gitignore and git.repository is not None and ignore_file(root, dockerfile) is None
    work = _Walk(root, IgnoreFile.of(root, dockerfile, project), git, use)
    try:
        work.run()
        work.left_out |= {path: LeftOut(LeftOutKind.OUTPUT) for path in _outputs(work.entries)}
        work.left_out |= {
            each.path: LeftOut(LeftOutKind.PLAN) for each in work.entries if _is_plan(each)
        }
    except OSError as exc:
        raise unreadable(exc) from exc
    entries = [e for e in work.entries if e.path not in work.left_out]
    return sorted(entries, key=lambda e: e.path), work.left_out


def single(path: Path) -> Entry | None:
    """One file that the project names; None if it is a secret or a cache, or no regular file.

    The project's own ignore file does not count: the name in the configuration is more specific.
    """
    try:
        reason = IgnoreFile.of(path.parent).reason(path.name)
        if reason and reason.by_default:
            return None
        return _entry(path, path.name, _Repository(GitIndex.of(path.parent)))
    except OSError as exc:
        raise unreadable(exc) from exc


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
    found = []
    for entry in entries if streams else ():
        if entry.source is None:
            continue
        with contextlib.suppress(*_GONE):
            status = entry.source.stat()
            if (status.st_dev, status.st_ino) in streams:
                found.append(entry.path)
    return found


def _is_plan(entry: Entry) -> bool:
    """Whether a file is a saved plan. Below the top only .json files are opened, for speed."""
    if entry.source is None or ("/" in entry.path and not entry.path.endswith(".json")):
        return False
    try:
        with entry.source.open("rb") as file:
            return _PLAN.match(file.read(len(PLAN_KEY) + 20)) is not None
    except _GONE:
        return False


def _entry(source: Path, path: str, repository: _Repository) -> Entry | None:
    status = source.lstat()
    git, tracked = repository.git, repository.tracked(path)
    if stat.S_ISLNK(status.st_mode):
        target = os.fsencode(source.readlink())
        if not _is_text(str(source.readlink())):
            raise _not_utf8(path)
        return Entry(path, kind="link", mode=0o777, data=target)
    if not stat.S_ISREG(status.st_mode):
        return None  # a build has no use for sockets, pipes and devices
    if not os.access(source, os.R_OK):
        if not source.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source))
    if tracked and stat.S_ISLNK(tracked.mode) and (target := _link_target(source, status, tracked)):
        return Entry(path, kind="link", mode=0o777, data=target)
    mode = tracked.mode if tracked and not git.keeps_modes else status.st_mode
    mode = 0o755 if mode & stat.S_IXUSR else 0o644
    if tracked:
        return Entry(path, "file", mode, status.st_size, source, b"", git, repository.path(path))
    return Entry(path, "file", mode, status.st_size, source)


def _link_target(source: Path, status: os.stat_result, tracked: Tracked) -> bytes:
    """The target of a link that git wrote as a file, because the system has no links."""
    if status.st_size > 4096:
        return b""
    data = source.read_bytes()
    return data if blob_id(data, len(tracked.blob)) == tracked.blob else b""


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


def _too_many(root: Path) -> ConfigError:
    return ConfigError(
        f"the project folder has more than {MOST_FILES:,} files",
        code="too-many-files",
        hint="exclude the folders that the flow does not need in .dockerignore, or run flowship in"
        " the project's own folder",
        where=str(root),
    )
