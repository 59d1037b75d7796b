"""pdm.lock, exported by PDM."""

from __future__ import annotations

from pathlib import Path

from flowship.project.locks import exporter
from flowship.project.locks.exporter import Exported, Selection, each, require_success

# PDM's words, which it prints with exit code 0.
_MISSING_GROUP = "Requested groups not in lockfile"


class PdmExporter:
    """Runs PDM in a copy: in the project it would load plugins and create an environment."""

    file = "pdm.lock"
    shown = "pdm export"
    made_from = "pyproject.toml"
    command = "pdm lock"

    def export(self, lock: Path, selection: Selection) -> Exported:
        """See `LockExporter`."""
        names = (*selection.groups, *selection.extras)
        arguments = ["export", "--format", "requirements", *each("--group", names)]
        if not selection.groups:
            arguments.append("--prod")  # without groups it would export those for developers
        copy, [checked, done] = exporter.run_in_copy(
            lock, "pyproject.toml", "pdm", ["lock", "--check"], arguments
        )
        if checked.code != 0 and "satisf" not in checked.said and "hash" not in checked.said:
            require_success(lock, checked, "pdm lock --check")
        if checked.code != 0:
            raise exporter.stale(lock, self.command)
        if _MISSING_GROUP in done.said:
            raise exporter.failed(
                lock,
                "pdm export",
                f"not all of these are locked: {', '.join(names)}",
                hint="lock them: `pdm lock --group :all`",
            )
        return Exported(require_success(lock, done, "pdm export"), copy)
