"""Where code is in the image: the project, what it includes from above it, and Python's path.

``include`` names what is outside the project folder. The name in the configuration is the
permission, within limits: the repository of the project, or without one the user's own folders.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowship.config import files
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project import packages
from flowship.project.git_index import repository_of
from flowship.project.packages import Package


@dataclass(frozen=True)
class Include:
    """A folder or file that ``include`` names.

    Attributes:
        source: Where it is on disk, without links.
        image: Where it is in the image, relative to the flows folder.
        copied: Whether it is outside the context, and so must be added to it.
        search: The folder for Python's path, relative to the flows folder; "" for that folder,
            where runs start; None if nothing of it can be imported.
    """

    source: Path
    image: str
    copied: bool
    search: str | None


@dataclass(frozen=True)
class Layout:
    """The code of an image.

    Attributes:
        includes: What ``include`` names.
        installed: What pip installs, in editable mode.
        python_path: Folders for Python's path, relative to the flows folder.
        local: All packages besides the project, by which a requirement can be meant.
    """

    includes: tuple[Include, ...] = ()
    installed: tuple[Package, ...] = ()
    python_path: tuple[str, ...] = ()
    local: tuple[Package, ...] = ()

    @property
    def copied(self) -> tuple[Include, ...]:
        """The includes that are outside the context."""
        return tuple(include for include in self.includes if include.copied)


def layout(settings: Settings, *, requested: bool = False) -> Layout:
    """The code of the image that the template builds.

    Args:
        settings: The project.
        requested: Whether the requirements name the project itself (``-e .``).

    Raises:
        ConfigError: An include is missing, outside the repository, or has a name that is taken.
    """
    if settings.dockerfile:
        return Layout()
    found = includes(settings)
    local = tuple(
        packages.describe(each.source, each.image)
        for each in found
        if each.source.is_dir() and _is_project(each.source)
    )
    installed = [*_own(settings, requested)]
    if settings.install is not False:
        installed += [each for each in local if packages.is_package(each.source)]
    path = [*_own_path(settings), *(each.search for each in found if each.search)]
    return Layout(found, tuple(installed), tuple(dict.fromkeys(path)), local)


def includes(settings: Settings) -> tuple[Include, ...]:
    """What ``include`` names, with its place in the image.

    Raises:
        ConfigError: As for `layout`.
    """
    validate_context(settings)
    found = tuple(_include(settings, written) for written in settings.include)
    for number, each in enumerate(found):
        _refuse_taken(settings, each, found[:number], settings.include[number])
    return found


def validate_context(settings: Settings) -> None:
    """Refuse a context that is not the user's own.

    Raises:
        ConfigError: It is outside the repository.
    """
    if settings.context != ".":
        _require_allowed(settings, settings.context_root, "context", settings.context)


def include_hint(settings: Settings, path: str) -> str:
    """What to do about a package in a folder that the image does not have."""
    if not settings.include:
        return f'add include = ["{path}"] to the configuration'
    folders = ", ".join(f'"{each}"' for each in (*settings.include, path))
    return f"add it to the others in the configuration: include = [{folders}]"


def notes(settings: Settings, code: Layout) -> tuple[str, ...]:
    """What a user may not expect: a version that git would give, an ignore file without effect."""
    found = []
    for package in code.installed:
        variable = package.version_variable
        if variable and variable not in settings.build_args:
            found.append(
                f"the installed {package.name or 'project'} has version 0.0.0:"
                f" {package.version_tool} reads it from git, which is not in the image (to set it:"
                f' build-args = {{ {variable} = "1.2.3" }})'
            )
    if settings.folder_in_context and files.is_file(settings.root / ".dockerignore"):
        found.append(
            "the .dockerignore of the project folder is not used: with context ="
            f' "{settings.context}" it is {settings.context}/.dockerignore that counts'
        )
    return tuple(found)


def _own(settings: Settings, requested: bool) -> Iterator[Package]:
    """The project itself, if it is installed."""
    root = settings.root
    if settings.install is False:
        return
    wanted = settings.install is True or requested
    if wanted and not packages.has_build_system(root):
        raise ConfigError(
            "the project cannot be installed: it has no build system",
            code="no-build-system",
            hint="add a [build-system] table to pyproject.toml, or set install = false",
            where=settings.place("install") or str(root),
        )
    if wanted or packages.is_package(root):
        yield packages.describe(root, settings.folder_in_image)


def _own_path(settings: Settings) -> Iterator[str]:
    folder = settings.folder_in_image
    if settings.src_layout:
        yield posixpath.join(folder, "src")
    if folder and not settings.image_folder:  # runs start in the context, not in the project
        yield folder


def _is_project(folder: Path) -> bool:
    return files.is_file(folder / "pyproject.toml") or files.is_file(folder / "setup.py")


def _include(settings: Settings, written: str) -> Include:
    lexical = Path(os.path.normpath(settings.root / written))
    where = settings.place("include")
    if not lexical.exists():
        raise ConfigError(
            f"include: {written} does not exist",
            code="include-not-found",
            hint="include names folders and files relative to the project folder",
            where=where,
        )
    source = Path(os.path.realpath(lexical))
    _require_allowed(settings, source, "include", written)
    if settings.root.is_relative_to(source):
        raise ConfigError(
            f"include: {written} contains the project itself",
            code="include-contains-project",
            hint=f'to send the whole folder, set context = "{written}" instead',
            where=where,
        )
    copied = not source.is_relative_to(settings.context_root)
    image = source.name if copied else _in_place(settings, source)
    return Include(source, image, copied, _search(source, image, written, where))


def _in_place(settings: Settings, source: Path) -> str:
    inside = source.relative_to(settings.context_root).as_posix()
    return posixpath.join(settings.image_folder, inside)


def _require_allowed(settings: Settings, place: Path, key: str, written: str) -> None:
    """Refuse a place outside the repository, or, without one, outside the user's own folders."""
    repository = repository_of(settings.root)
    top = repository or next(reversed([settings.root, *files.own_parents(settings.root)]))
    if place.is_relative_to(top):
        return
    limit = "" if repository else f" (here: your own folder {top})"
    raise ConfigError(
        f"{key}: {written} is outside the git repository of the project{limit}",
        code="outside-repository",
        hint="an image gets files of the project's repository only: copy them into it",
        where=settings.place(key),
    )


def _search(source: Path, image: str, written: str, where: str) -> str | None:
    """The folder that must be on Python's path to import what is at `source`."""
    if source.is_file():
        return posixpath.dirname(image) if source.suffix == ".py" else None
    if files.is_file(source / "__init__.py"):
        if not source.name.isidentifier():
            raise ConfigError(
                f"include: {written} is a package, but {source.name} cannot be imported",
                code="include-not-importable",
                hint="rename the folder: letters, digits and underscores, such as"
                f" {re.sub(r'[^0-9a-zA-Z]+', '_', source.name)}",
                where=where,
            )
        return posixpath.dirname(image)
    src = source / "src"
    has_code = src.is_dir() and any(p.is_dir() or p.suffix == ".py" for p in src.iterdir())
    return f"{image}/src" if has_code and not files.is_file(src / "__init__.py") else image


def _refuse_taken(
    settings: Settings, include: Include, earlier: tuple[Include, ...], written: str
) -> None:
    """Refuse an include whose name in the image is that of something else."""
    if not include.copied:
        return
    other = next((each.source for each in earlier if each.image == include.image), None)
    own = settings.context_root / include.image
    if settings.image_folder:
        taken = settings.image_folder.split("/")[0] == include.image
        own = settings.root
    else:
        taken = os.path.lexists(own)
    if other is None and not taken:
        return
    raise ConfigError(
        f"include: {written} and {other or own} would both be {include.image} in the image",
        code="include-name-taken",
        hint="rename one of them, or include the folder above",
        where=settings.place("include"),
    )
