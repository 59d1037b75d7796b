"""Requirements that cannot work with Prefect 3, found before the build.

Each is reported at its own line: a pin of Prefect 2, an integration made for Prefect 2, and a
package that exists for another operating system only. Pure, except for reading the files.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.config import files, pyproject
from flowship.errors import ConfigError
from flowship.project.integrations import first_version

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

OTHER_SYSTEMS = {
    "pyobjc": "macOS",
    "pyobjc-core": "macOS",
    "pypiwin32": "Windows",
    "pywin32": "Windows",
    "pywinpty": "Windows",
    "windows-curses": "Windows",
}
"""Packages that cannot be installed on Linux; `pip freeze` writes them down elsewhere."""

_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_FAR = "9999"  # a version that is later than all


@dataclass(frozen=True)
class Line:
    """A requirement, its file, and its place there, as ``line:column`` if that is known."""

    text: str
    path: Path
    place: str

    @property
    def where(self) -> str:
        """The place for an error."""
        return f"{self.path}:{self.place}" if self.place else str(self.path)

    @property
    def shown(self) -> str:
        """The place for a text that names it."""
        return f"{self.path.name}:{self.place}" if self.place else self.path.name


@dataclass(frozen=True)
class Fault:
    """Why a requirement cannot work, or does something unexpected.

    Attributes:
        code: The code of the error; empty for a warning.
        message: What is wrong.
        hint: What to write in its place.
    """

    code: str
    message: str
    hint: str


# --- one requirement -----------------------------------------------------------------------------


def fault_of(text: str, prefect: str = "") -> Fault | None:
    """The fault of a requirement; None if it has none, or is not a requirement.

    Args:
        text: One requirement, such as ``prefect-gcp==0.2.4``.
        prefect: The version of Prefect in the base image, such as "3.8.8" or "3"; empty if it is
            not known.
    """
    requirement = _parsed(text)
    if requirement is None or not _is_for_the_image(requirement):
        return None
    name = re.sub(r"[-_.]+", "-", requirement.name).lower()
    shown = text.partition(";")[0].strip()
    if system := OTHER_SYSTEMS.get(name):
        return Fault(
            code="requirement-for-other-platform",
            message=f"{requirement.name} exists for {system} only, and the image is Linux",
            hint=f'write {shown}; sys_platform == "{"win32" if system == "Windows" else "darwin"}"',
        )
    first = first_version(name)
    if name == "prefect":
        return _prefect(requirement.specifier, shown, prefect)
    if first and _is_before(requirement.specifier, first):
        return _prefect_2(
            f"{shown} is made for Prefect 2{_but(prefect)}",
            f"write {name}>={first}, the first version for Prefect 3",
        )
    return None


def _prefect_2(message: str, hint: str) -> Fault:
    return Fault(code="prefect-2-requirement", message=message, hint=hint)


def _parsed(text: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(text)
    except (InvalidRequirement, RecursionError):
        return None


def _is_for_the_image(requirement: Requirement) -> bool:
    """Whether it is installed on Linux. The image's Python may be another one than this, so a
    requirement for some versions of Python is not checked."""
    marker = requirement.marker
    if marker is None:
        return True
    if re.search(r"python|implementation|extra|machine|release", str(marker)):
        return False
    return marker.evaluate(_LINUX)


def _prefect(specifier: SpecifierSet, shown: str, prefect: str) -> Fault | None:
    if _is_before(specifier, "3.0.0"):
        return _prefect_2(
            f"{shown} installs Prefect 2{_but(prefect)}",
            "remove that line, or write prefect>=3: flowship deploys to Prefect 3",
        )
    if not prefect.startswith("3.") or prefect.count(".") != 2 or specifier.contains(prefect):
        return None
    exact = re.fullmatch(r"==(3\.\d+\.\d+)", str(specifier))
    return Fault(
        code="",
        message=f"{shown} replaces Prefect {prefect} of the base image",
        hint=f"remove the pin, or use the base image of {exact[1] if exact else 'that version'}",
    )


def _but(prefect: str) -> str:
    return f", but the base image has Prefect {prefect}" if prefect.startswith("3") else ""


def _is_before(specifier: SpecifierSet, first: str) -> bool:
    """Whether it allows only versions before `first`."""
    from packaging.version import InvalidVersion, Version

    versions = [Version(first), Version(_FAR)]
    for each in specifier:
        try:
            named = Version(each.version.removesuffix(".*"))
        except InvalidVersion:  # of ===, which compares text
            return False
        next_one = (*named.release, 0, 0)[:3]
        after = f"{next_one[0]}.{next_one[1]}.{next_one[2] + 1}"
        versions += [named, Version(named.base_version), Version(after)]
    later = [v for v in versions if Version(v.base_version) >= Version(first)]
    return bool(str(specifier)) and not any(specifier.contains(v, prereleases=True) for v in later)


# --- the lines of a file -------------------------------------------------------------------------


def lines_of(root: Path, source: str) -> list[Line]:
    """The requirements that a file of the project lists; none if it has another format.

    Args:
        root: The project folder.
        source: A requirements file or pyproject.toml, relative to it.
    """
    path = root / source
    if path.suffix in (".txt", ".in"):
        return list(_of_file(root, path, set()))
    project = pyproject.read(path) if path.name == pyproject.NAME else None
    return list(_of_pyproject(project)) if project else []


def _of_file(root: Path, path: Path, seen: set[Path]) -> Iterator[Line]:
    """The lines of a requirements file and of those that it includes, each of them once."""
    path = files.inside(root, path, path.name)
    if path in seen or not files.is_file(path):
        return
    seen.add(path)
    for number, line in enumerate(files.read_text(path, path.name).splitlines(), start=1):
        text = re.split(r"(?:^|\s)#|\s--|\\$", line, maxsplit=1)[0].strip()
        include = re.fullmatch(r"(?:-r|--requirement)[ =]?\s*(\S+)", text)
        if include and "://" not in text:
            yield from _of_file(root, path.parent / include[1], seen)
        elif text:
            column = len(line) - len(line.lstrip()) + 1
            yield Line(text, path, f"{number}:{column}")


def _of_pyproject(project: pyproject.Pyproject) -> Iterator[Line]:
    text = files.read_text(project.path, project.path.name)
    begin = text.find("dependencies")
    for each in project.dependencies:
        quoted = [text.find(q, max(begin, 0)) for q in (json.dumps(each), f"'{each}'")]
        at = min((place for place in quoted if place >= 0), default=-1)
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        yield Line(each, project.path, f"{line}:{column}" if at >= 0 else "")


def files_of_dockerfile(text: str, paths: Iterable[str]) -> list[str]:
    """The requirements files of the project that the commands of a Dockerfile install.

    Args:
        text: The Dockerfile.
        paths: The files of the project. A file is found by its name, as it may be copied to
            anywhere, unless several have the same.
    """
    named = re.findall(r"(?:\s-r|--requirements?)[ =]?\s*[\"']?([^\s\"';&|\\]+\.(?:txt|in))", text)
    wanted = {posixpath.basename(name) for name in named}
    found: dict[str, list[str]] = {}
    for path in paths:
        if posixpath.basename(path) in wanted:
            found.setdefault(posixpath.basename(path), []).append(path)
    return sorted(same[0] for same in found.values() if len(same) == 1)


# --- all lines of a project ----------------------------------------------------------------------


def validate(
    lines: Sequence[Line],
    prefect: str = "",
    *,
    ignore: Iterable[str] = (),
    warn: Iterable[str] = (),
) -> tuple[str, ...]:
    """Refuse requirements that cannot work; the warnings for others.

    Args:
        lines: The project's requirements.
        prefect: As for `fault_of`.
        ignore: Codes of faults that the project does not want reported.
        warn: Codes of faults that are only warnings.

    Raises:
        ConfigError: At least one cannot work. All of them are named.
    """
    found = [(line, fault) for line in lines if (fault := fault_of(line.text, prefect))]
    found = [(line, fault) for line, fault in found if fault.code not in ignore]
    errors = [(line, fault) for line, fault in found if fault.code and fault.code not in warn]
    if errors:
        line, fault = errors[0]
        others = [f"{other.shown}: {each.message}; {each.hint}" for other, each in errors[1:]]
        raise ConfigError(
            fault.message,
            code=fault.code,
            hint=fault.hint,
            where=line.where,
            details="\n".join(["also:", *others] if others else []),
        )
    return tuple(f"{line.shown}: {fault.message}; {fault.hint}" for line, fault in found)
