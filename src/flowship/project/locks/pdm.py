"""pdm.lock, exported by PDM."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flowship.project.locks.exporter import (
    Exported,
    Selection,
    copied,
    failed,
    require_success,
    run,
    stale,
)

# PDM's words, which it prints with exit code 0.
_MISSING_GROUP = "Requested groups not in lockfile"


class PdmExporter:
    """Runs PDM in a copy: in the project it would load plugins and create an environment."""

    file = "pdm.lock"
    shown = "pdm export"

    def export(self, lock: Path, selection: Selection) -> Exported:
        """See `LockExporter`."""
        arguments = ["export", "--format", "requirements"]
        names = (*selection.groups, *selection.extras)
        arguments += [word for name in names for word in ("--group", name)]
        if not selection.groups:
            arguments.append("--prod")  # without groups it would export those for developers
        # Each of the two takes a second, and they do not depend on each other.
        with copied(lock, "pyproject.toml") as copy, ThreadPoolExecutor() as threads:
            checking = threads.submit(run, lock, "pdm", "lock", "--check", folder=copy.folder)
            done = run(lock, "pdm", *arguments, folder=copy.folder)
            checked = checking.result()
        if checked.code != 0 and "satisf" not in checked.said and "hash" not in checked.said:
            require_success(lock, checked, "pdm lock --check")
        if checked.code != 0:
            raise stale(lock, "pdm lock")
        if _MISSING_GROUP in done.said:
            raise failed(
                lock,
                "pdm export",
                f"not all of these are locked: {', '.join(names)}",
                hint="lock them: `pdm lock --group :all`",
            )
        return Exported(require_success(lock, done, "pdm export"), copy)
