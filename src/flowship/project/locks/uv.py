"""uv.lock, exported by uv."""

from __future__ import annotations

from pathlib import Path

from flowship.config import pyproject
from flowship.project.locks import exporter
from flowship.project.locks.exporter import Exported, Selection, each, require_success

# uv's words for what only a build or another Python could find out.
_CANNOT_CHECK = ("is disabled", "No interpreter found", "is incompatible with the project")


class UvExporter:
    """Runs uv in the project: unlike the other tools, it writes nothing and runs no plugin there.

    Its check needs the network only if the lockfile does not match. A check that would need a
    build, of dynamic dependencies, or another Python is left out.
    """

    file = "uv.lock"
    shown = "uv export"
    made_from = "pyproject.toml"
    command = "uv lock"

    def export(self, lock: Path, selection: Selection) -> Exported:
        """See `LockExporter`."""
        checked = exporter.run(lock, "uv", "lock", "--check", "--no-build")
        if checked.code != 0 and "needs to be updated" in checked.said:
            raise exporter.stale(lock, self.command)
        if not any(words in checked.said for words in _CANNOT_CHECK):
            require_success(lock, checked, "uv lock --check")
        arguments = ["export", "--frozen", "--no-emit-project", "--no-default-groups"]
        arguments += ["--no-header", "--no-annotate", "--no-editable", "--quiet"]
        arguments += ["--package", selection.package] if selection.package else []
        arguments += [*each("--group", selection.groups), *each("--extra", selection.extras)]
        done = exporter.run(lock, "uv", *arguments)
        text = require_success(lock, done, "uv export --frozen")
        return Exported(text, indexes=_indexes(lock))


def _indexes(lock: Path) -> tuple[str, ...]:
    """The indexes of the packages, which uv does not export; it removes their logins."""
    found: dict[str, None] = {}
    for package in pyproject.read_toml(lock).get("package", []):
        source = package.get("source", {})
        registry = source.get("registry", "")
        if registry and "://" not in registry:
            raise exporter.failed(
                lock,
                "uv lock",
                f"{package.get('name')} comes from the local folder {registry}",
                hint="use an index that the image can reach, or list the wheel's address",
            )
        if registry:
            found[registry] = None
    return tuple(found)
