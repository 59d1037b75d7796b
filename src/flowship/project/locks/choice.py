"""Which lockfile a project uses, and its export, once per command."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from flowship.config import files
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project.locks import locked, workspace
from flowship.project.locks.exporter import Exported, LockExporter, Selection
from flowship.project.locks.locked import Locked
from flowship.project.locks.pdm import PdmExporter
from flowship.project.locks.pipenv import PipenvExporter
from flowship.project.locks.poetry import PoetryExporter
from flowship.project.locks.pylock import PylockExporter
from flowship.project.locks.uv import UvExporter

EXPORTERS: tuple[LockExporter, ...] = (
    UvExporter(),
    PoetryExporter(),
    PdmExporter(),
    PipenvExporter(),
    PylockExporter(),
)


def found(root: Path) -> tuple[str, ...]:
    """The names of the lockfiles in a folder."""
    return tuple(e.file for e in EXPORTERS if files.is_file(root / e.file))


def pinned(root: Path, package: str) -> tuple[str, str] | None:
    """The lockfile in a folder, if it is the only one, and the version of a package in it.

    Reads the file as text, for hints before there is a configuration: no tool is run.
    """
    names = found(root)
    above = None if names else workspace.lock_of(root)
    if above is None and len(names) != 1:
        return None
    lock = above or root / names[0]
    text = files.read_text(lock, lock.name)
    toml = rf'(?m)^name = "{re.escape(package)}"\nversion = "([^"]+)"'
    json = rf'"{re.escape(package)}": \{{[^{{}}]*"version": "==([^"]+)"'
    version = re.search(json if lock.name == "Pipfile.lock" else toml, text)
    return shown(lock, root), version[1] if version else ""


def shown(lock: Path, root: Path) -> str:
    """The path of a lockfile, relative to the project folder."""
    return Path(os.path.relpath(lock.resolve(), root.resolve())).as_posix()


def chosen(settings: Settings) -> Path | None:
    """The lockfile that the configuration names, or the only one in the project, or that of the
    uv workspace that the project is a member of; else None.

    Raises:
        ConfigError: The named one does not exist or is of an unknown kind, or there are several.
    """
    if settings.lock == "none":
        return None
    if settings.lock != "auto":
        return _named(settings)
    names = found(settings.root)
    if len(names) > 1:
        raise ConfigError(
            f"the project has several lockfiles: {', '.join(names)}",
            code="lock-ambiguous",
            hint=f'choose one with lock = "{names[0]}", or remove the others',
            where=str(settings.root / names[0]),
        )
    return settings.root / names[0] if names else workspace.lock_of(settings.root)


def _named(settings: Settings) -> Path:
    where = settings.place("lock")
    name = f"lock: {settings.lock}"
    path = files.inside(settings.root, Path(settings.lock), name, where=where)
    if not files.is_file(path):
        raise ConfigError(
            f"{name} does not exist in the project folder",
            code="lock-not-found",
            hint=f"the project has {', '.join(found(settings.root)) or 'no lockfile'}; lock ="
            ' "auto" uses the only one, and lock = false none',
            where=where,
        )
    exporter_of(path, where)
    return path


def exporter_of(lock: Path, where: str = "") -> LockExporter:
    """The exporter of a lockfile, by its name; ``pylock.NAME.toml`` is one too.

    Raises:
        ConfigError: No tool is known for this name.
    """
    is_pylock = lock.name.startswith("pylock.") and lock.suffix == ".toml"
    name = PylockExporter.file if is_pylock else lock.name
    for exporter in EXPORTERS:
        if exporter.file == name:
            return exporter
    raise ConfigError(
        f"{lock.name} is not a lockfile that flowship can read",
        code="lock-unknown",
        hint=f"the name must be one of {', '.join(e.file for e in EXPORTERS)}; for a list in pip's"
        " format set requirements = …",
        where=where or str(lock),
    )


def relock(lock: Path, root: Path) -> str:
    """What makes a lockfile again, for advice: ``run `uv lock```."""
    command = exporter_of(lock).command
    folder = shown(lock.parent, root)
    if not command:
        return f"make {lock.name} again"
    # uv finds the lockfile of a workspace from each member.
    return f"run `{command}`" + ("" if folder.startswith(".") else f" in {folder}")


_exports: dict[str, Exported] = {}


def export(lock: Path, settings: Settings) -> Locked:
    """The packages of a lockfile; a second time in one command, the first answer is used.

    Raises:
        ConfigError: It is stale or invalid, its tool is missing, or a package cannot be
            installed in the image.
    """
    package = workspace.member_of(lock, settings.root)
    selection = Selection(settings.groups, settings.extras, package)
    key = _fingerprint(lock, selection)
    if key not in _exports:
        _exports[key] = exporter_of(lock).export(lock, selection)
    return locked.read(lock, _exports[key], settings)


def _fingerprint(lock: Path, selection: Selection) -> str:
    """A hash of the lockfile, what it was made from, and what of it is used."""
    total = hashlib.sha256(repr((str(lock), selection)).encode())
    for name in (lock.name, "pyproject.toml", "Pipfile"):
        path = lock.parent / name
        if files.is_file(path):
            total.update(hashlib.sha256(files.read_text(path, name).encode()).digest())
    return total.hexdigest()
