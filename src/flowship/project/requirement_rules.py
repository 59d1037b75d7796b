"""Requirements that cannot work with Prefect 3, found before the build.

Each is reported at its own line: a pin of Prefect 2, an integration made for Prefect 2, and a
package that exists for another operating system only. Pure; `requirement_places` reads the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.errors import ConfigError
from flowship.project import requirement_places
from flowship.project.integrations import first_version
from flowship.project.requirement_places import Line

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    from flowship.project.requirements import Requirements

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
class Fault:
    """Why a requirement cannot work, or does something unexpected.

    Attributes:
        code: The code of the error; empty for a warning.
        message: What is wrong.
        hint: What to write in its place.
        write: Only the requirement of the hint; empty if it has none.
    """

    code: str
    message: str
    hint: str
    write: str = ""


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
        write = f'{shown}; sys_platform == "{"win32" if system == "Windows" else "darwin"}"'
        return Fault(
            code="requirement-for-other-platform",
            message=f"{requirement.name} exists for {system} only, and the image is Linux",
            hint=f"write {write}",
            write=write,
        )
    first = first_version(name)
    if name == "prefect":
        return _prefect(requirement.specifier, shown, prefect)
    if first and _is_before(requirement.specifier, first):
        return _prefect_2(
            f"{shown} is made for Prefect 2{_but(prefect)}",
            f"write {name}>={first}, the first version for Prefect 3",
            f"{name}>={first}",
        )
    return None


def _prefect_2(message: str, hint: str, write: str) -> Fault:
    return Fault(code="prefect-2-requirement", message=message, hint=hint, write=write)


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
            "prefect>=3",
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


# --- the packages of a lockfile ------------------------------------------------------------------


def lines_of_lock(root: Path, locked: Requirements, python: str = "") -> list[Line]:
    """The packages of a lockfile that cannot work, each as a line where the user can change it.

    That is the user's own pin in what the lockfile was made from, such as pyproject.toml. A package
    that has none there, because another package needs it, or because a newer version is allowed
    too, is a line of the lockfile.

    Args:
        root: The project folder.
        locked: What the lockfile lists.
        python: The version of Python in the image, such as "3.11"; empty if it is not known.
    """
    made_from = root / locked.made_from
    found: list[Line] = []
    for package in dict.fromkeys(_packages(locked, python)):
        if not (fault := fault_of(package)) or not fault.code:
            continue
        name = re.split(r"[^\w.-]", package, maxsplit=1)[0]
        own = [each for each in requirement_places.pins(made_from, name) if fault_of(each.text)]
        if own:
            found += [replace(each, then=locked.relock) for each in own]
        else:
            place = requirement_places.in_lock(root / locked.source, name)
            line = Line(package, root / locked.source, place, then=locked.relock)
            found.append(
                replace(line, written=locked.made_from or "the list that it was made from")
            )
    return found


def _packages(locked: Requirements, python: str) -> Iterator[str]:
    """The packages of a lockfile that are installed on Linux, as requirements without markers."""
    image: dict[str, str] = dict(_LINUX)
    if python:
        image |= {"python_version": python, "python_full_version": f"{python}.99"}
    for text in f"{locked.text}\n{locked.unhashed}".splitlines():
        requirement = _parsed(re.split(r"\s--", text, maxsplit=1)[0])
        if requirement and (not requirement.marker or requirement.marker.evaluate(image)):
            yield f"{requirement.name}{requirement.specifier}"


def _for(line: Line, fault: Fault) -> Fault:
    """A fault with a hint for the file that its line is in."""
    hint = fault.hint
    if line.written:
        hint = f"write {fault.write} to the dependencies in {line.written}"
    elif line.is_key and fault.write:
        name, versions = re.findall(r"^[\w.-]+|[=<>~!].*", fault.write)[:2]
        hint = hint.replace(fault.write, f'{name} = "{versions}"')
    return replace(fault, hint=f"{hint}; then {line.then}" if line.then else hint)


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
    found = [(line, _for(line, fault)) for line in lines if (fault := fault_of(line.text, prefect))]
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
