"""Pipfile.lock, exported by Pipenv."""

from __future__ import annotations

from pathlib import Path

from flowship.project.locks import exporter
from flowship.project.locks.exporter import Exported, Selection, require_success


class PipenvExporter:
    """Runs Pipenv in a copy: in the project it would read the ``.env`` file."""

    file = "Pipfile.lock"
    shown = "pipenv requirements"
    made_from = "Pipfile"
    command = "pipenv lock"

    def export(self, lock: Path, selection: Selection) -> Exported:
        """See `LockExporter`. A category of the Pipfile is a group; there are no extras."""
        arguments = ["requirements", "--hash"]
        if selection.groups:
            arguments += ["--categories", " ".join(["packages", *selection.groups])]
        copy, [checked, done] = exporter.run_in_copy(
            lock, "Pipfile", "pipenv", ["verify"], arguments
        )
        if checked.code != 0 and "out-of-date" in checked.said:
            raise exporter.stale(lock, self.command)
        require_success(lock, checked, "pipenv verify")
        return Exported(require_success(lock, done, "pipenv requirements --hash"), copy)
