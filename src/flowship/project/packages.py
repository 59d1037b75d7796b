"""An installable folder: whether its build system can build it, and what pip needs of it.

It is installed in editable mode: package metadata and entry points are then known to Python, while
the code stays where it is copied to. So an edit of the code repeats no installation, and a
traceback names the project's own files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from flowship.config import files, pyproject

# Backends whose editable installation reads the description of a package, and not its code.
_PLAIN_BACKENDS = {
    "hatchling.build",
    "setuptools.build_meta",
    "poetry.core.masonry.api",
    "flit_core.buildapi",
    "pdm.backend",
    "uv_build",
}

# What makes a build read further files: extensions, hooks, and files that are put elsewhere.
_NEEDS_ALL = re.compile(r"ext[-_]modules|cythonize|force-include|shared-data|data[-_]files|hooks")

_DESCRIPTION = (
    *("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "hatch_build.py"),
    *("README*", "LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*"),
)
_VERSION_FILES = ("__init__.py", "__about__.py", "__version__.py", "_version.py", "version.py")

# What reads the version from git → the variable that says it where there is no git.
_FROM_GIT = {
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "hatch-vcs": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "flit-scm": "SETUPTOOLS_SCM_PRETEND_VERSION",
    "pbr": "PBR_VERSION",
    "uv-dynamic-versioning": "UV_DYNAMIC_VERSIONING_BYPASS",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
}

# Folders of a flat layout that setuptools does not take for packages.
_NO_PACKAGES = {
    *("ci", "bin", "debian", "doc", "docs", "documentation", "manpages", "news", "newsfragments"),
    *("changelog", "test", "tests", "unit_test", "unit_tests", "example", "examples", "scripts"),
    *("tools", "util", "utils", "python", "build", "benchmark", "benchmarks", "exercise"),
    *("exercises", "htmlcov", "tasks", "fabfile", "site_scons"),
}

# Tables that say where the packages are: then a name that differs from the project's is found too.
_SAYS_WHERE = {
    "setuptools": ("packages", "py-modules", "package-dir"),
    "hatch": ("build",),
    "poetry": ("packages",),
    "flit": ("module",),
    "pdm": ("build",),
    "uv": ("build-backend",),
}


@dataclass(frozen=True)
class Package:
    """A folder with a build system.

    Attributes:
        source: The folder.
        image: Where it is in the image, relative to the flows folder; "" for that folder itself.
        name: The distribution's name, normalized; "" if only the build knows it.
        dependencies: ``[project] dependencies``.
        extras: ``[project.optional-dependencies]``.
        all_files: Whether the build may read any file, not only those that describe the package.
        version_tool: What reads the version from git, such as setuptools-scm; else "".
        readme: The files that the description names, relative to the folder.
    """

    source: Path
    image: str
    name: str = ""
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    all_files: bool = False
    version_tool: str = ""
    readme: tuple[str, ...] = ()

    @property
    def version_variable(self) -> str:
        """The variable that gives the build its version; "" if it needs none."""
        return _FROM_GIT.get(self.version_tool, "")

    def describing(self, paths: Iterable[str]) -> list[str]:
        """Those of the package's files, relative to it, that the build reads."""
        if self.all_files:
            return list(paths)
        texts = [self._text(name) for name in ("pyproject.toml", "setup.py", "setup.cfg")]
        named = "\n".join([*texts, self._text("MANIFEST.in")])
        return [path for path in paths if self._describes(path, named)]

    def _describes(self, path: str, named: str) -> bool:
        name = path.rpartition("/")[2]
        if name in _VERSION_FILES or path in named or path in self.readme:
            return True
        if "/" not in path and any(fnmatch(path, pattern) for pattern in _DESCRIPTION):
            return True
        # A package that is a single module.
        module = self.name.replace("-", "_")
        return path.lower() in (f"{module}.py", f"src/{module}.py")

    def _text(self, name: str) -> str:
        path = self.source / name
        return files.read_text(path, name) if files.is_file(path) else ""


def describe(folder: Path, image: str) -> Package:
    """What pyproject.toml says of the package in `folder`.

    Raises:
        ConfigError: The file cannot be read.
    """
    document = _document(folder)
    project = _table(document, "project")
    backend = str(_table(document, "build-system").get("build-backend", "setuptools.build_meta"))
    text = "".join(
        files.read_text(folder / name, name)
        for name in ("pyproject.toml", "setup.py")
        if files.is_file(folder / name)
    )
    extras = _table(project, "optional-dependencies")
    return Package(
        folder,
        image,
        name=normalized(
            str(project.get("name") or _table(document, "tool", "poetry").get("name", ""))
        ),
        dependencies=_texts(project.get("dependencies")),
        extras={normalized(name): _texts(lines) for name, lines in extras.items()},
        all_files=backend not in _PLAIN_BACKENDS or bool(_NEEDS_ALL.search(text)),
        version_tool=_version_tool(document, project),
        readme=tuple(_named_files(project)),
    )


def normalized(name: str) -> str:
    """A distribution's name as indexes compare it: ``My.Package_2`` → ``my-package-2``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def has_build_system(folder: Path) -> bool:
    """Whether pip can build what is in `folder`: a build system, or a setup.py."""
    return "build-system" in _document(folder) or files.is_file(folder / "setup.py")


def is_package(folder: Path) -> bool:
    """Whether `folder` is meant to be installed, and its build system finds its packages.

    A build system alone says little: many flat projects have one that cannot build them, because
    nothing ever installs them.
    """
    document = _document(folder)
    if "build-system" not in document and not files.is_file(folder / "setup.py"):
        return False
    tool = _table(document, "tool")
    if _table(tool, "uv").get("package") is False:
        return False
    if _table(tool, "poetry").get("package-mode") is False:
        return False
    if any(set(keys) & set(_table(tool, name)) for name, keys in _SAYS_WHERE.items()):
        return True
    if any(
        "packages" in files.read_text(folder / name, name) or "py_modules" in name
        for name in ("setup.py", "setup.cfg")
        if files.is_file(folder / name)
    ):
        return True
    backend = str(_table(document, "build-system").get("build-backend", "setuptools.build_meta"))
    if backend.startswith("setuptools"):
        return _setuptools_finds_one(folder)
    return _has_module(folder, describe(folder, "").name.replace("-", "_"))


def _setuptools_finds_one(folder: Path) -> bool:
    """Whether its automatic discovery accepts the layout: ``src``, or one package at the top."""
    if (folder / "src").is_dir():
        return True
    packages = [
        path.name
        for path in folder.iterdir()
        if path.name.isidentifier()
        and path.name not in _NO_PACKAGES
        and files.is_file(path / "__init__.py")
    ]
    return len(packages) == 1


def _has_module(folder: Path, name: str) -> bool:
    places = [place for place in (folder, folder / "src") if place.is_dir()]
    found = {path.name.lower() for place in places for path in place.iterdir()}
    return bool(name) and bool({name, f"{name}.py"} & found)


def _version_tool(document: Mapping[str, Any], project: Mapping[str, Any]) -> str:
    if project and "version" not in _texts(project.get("dynamic")):
        return ""
    required = _texts(_table(document, "build-system").get("requires"))
    names = [normalized(re.split(r"[\s\[<>=!~;@]", line, maxsplit=1)[0]) for line in required]
    return next((name for name in names if name in _FROM_GIT), "")


def _named_files(project: Mapping[str, Any]) -> Iterator[str]:
    """The files that hold the readme and the license."""
    for key in ("readme", "license"):
        value = project.get(key)
        if isinstance(value, Mapping):
            value = value.get("file")
        elif key == "license":
            value = None  # an expression
        if isinstance(value, str):
            yield PurePosixPath(value).as_posix()


def _document(folder: Path) -> Mapping[str, Any]:
    path = folder / pyproject.NAME
    return pyproject.read_toml(path) if files.is_file(path) else {}


def _table(around: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        inner = around.get(key)
        around = inner if isinstance(inner, Mapping) else {}
    return around


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def local_sources(root: Path) -> Iterator[tuple[str, str]]:
    """The dependencies that uv or Poetry take from a folder: name, and path relative to `root`."""
    document = _document(root)
    for table in (
        _table(document, "tool", "uv", "sources"),
        _table(document, "tool", "poetry", "dependencies"),
    ):
        for name, source in table.items():
            if isinstance(source, Mapping) and isinstance(source.get("path"), str):
                yield normalized(name), source["path"]
            elif isinstance(source, Mapping) and source.get("workspace") is True:
                yield from _member(root, normalized(name))


def _member(root: Path, name: str) -> Iterator[tuple[str, str]]:
    """The folder of a member of the uv workspace that `root` is in."""
    for above in (root, *files.own_parents(root)):
        members = _texts(_table(_document(above), "tool", "uv", "workspace").get("members"))
        for folder in (f for member in members for f in sorted(above.glob(member))):
            if describe(folder, "").name == name:
                yield name, os.path.relpath(folder, root)
        if members:
            return
