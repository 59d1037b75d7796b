"""pylock.toml (PEP 751), read without a tool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.config import pyproject
from flowship.project.locks.exporter import Exported, Selection, failed

if TYPE_CHECKING:
    from packaging.pylock import Package

_ALWAYS, _NEVER = "python_version >= '3'", "python_version < '3'"


class PylockExporter:
    """Writes the packages as requirements; the format is a standard, so no tool is needed."""

    file = "pylock.toml"
    shown = "PEP 751"
    made_from = "pyproject.toml"
    command = ""

    def export(self, lock: Path, selection: Selection) -> Exported:
        """See `LockExporter`. Nothing says whether such a file is stale."""
        from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

        try:
            content = Pylock.from_dict(pyproject.read_toml(lock))
        except (PylockValidationError, PylockUnsupportedVersionError) as exc:
            raise failed(
                lock, "", str(exc), hint="create it again with the tool that made it"
            ) from exc
        _require_known(lock, "groups", selection.groups, content.dependency_groups)
        _require_known(lock, "extras", selection.extras, content.extras)
        chosen = {
            "extras": {*selection.extras},
            "dependency_groups": {*selection.groups, *(content.default_groups or ())},
        }
        lines = [_line(lock, package, chosen) for package in content.packages]
        indexes = dict.fromkeys(p.index for p in content.packages if p.index)
        return Exported("".join(f"{line}\n" for line in lines), indexes=tuple(indexes))


def _require_known(lock: Path, key: str, wanted: tuple[str, ...], known: object) -> None:
    locked = [str(name) for name in known] if isinstance(known, list | tuple) else []
    for name in wanted:
        if name not in locked:
            raise failed(
                lock,
                "",
                f'it was locked without "{name}" of {key}',
                hint=f"lock it with its {key}, or remove {key} from the configuration",
            )


def _line(lock: Path, package: Package, chosen: dict[str, set[str]]) -> str:
    marker = _marker(str(package.marker), chosen) if package.marker else ""
    return " ".join([_what(lock, package) + (f" ; {marker}" if marker else ""), *_hashes(package)])


def _what(lock: Path, package: Package) -> str:
    """The package with its version or its place."""
    if package.directory:
        below = package.directory.subdirectory
        path = package.directory.path
        return (path if path.startswith("/") else f"./{path}") + (f"/{below}" if below else "")
    if package.vcs and package.vcs.url:
        below = f"#subdirectory={package.vcs.subdirectory}" if package.vcs.subdirectory else ""
        address = f"{package.vcs.type}+{package.vcs.url}@{package.vcs.commit_id}"
        return f"{package.name} @ {address}{below}"
    if package.archive and package.archive.url:
        return f"{package.name} @ {package.archive.url}"
    if package.version is None or not (package.wheels or package.sdist):
        raise failed(
            lock,
            "",
            f"{package.name} has no version and no address",
            hint="lock it from an index, or from git",
        )
    return f"{package.name}=={package.version}"


def _hashes(package: Package) -> Iterator[str]:
    """pip compares only the algorithms that all installers know."""
    parts = (package.archive, package.sdist, *(package.wheels or ()))
    for hashes in (part.hashes for part in parts if part):
        for algorithm in ("sha256", "sha384", "sha512"):
            if algorithm in hashes:
                yield f"--hash={algorithm}:{hashes[algorithm]}"
                break


def _marker(marker: str, chosen: dict[str, set[str]]) -> str:
    """A marker of a lockfile as one of a requirement, which knows no groups and extras.

    ``'flows' in dependency_groups`` is decided here; everything else is decided in the image.
    """

    def decide(found: re.Match[str]) -> str:
        present = found["name"] in chosen[found["key"]]
        return _ALWAYS if present is not bool(found["not"]) else _NEVER

    pattern = r"""(?P<quote>['"])(?P<name>[^'"]+)(?P=quote)\s+(?P<not>not\s+)?in\s+"""
    return re.sub(pattern + r"(?P<key>extras|dependency_groups)\b", decide, marker)
