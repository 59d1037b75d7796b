"""poetry.lock, exported by Poetry with poetry-plugin-export."""

from __future__ import annotations

from pathlib import Path

from flowship.project.locks import exporter
from flowship.project.locks.exporter import Exported, Selection, each, require_success

# Poetry's words for a lockfile that does not match: `poetry export` refuses it by itself.
_STALE = ("changed significantly since poetry.lock", "poetry.lock is not up to date")

_NO_PLUGIN = "The requested command export does not exist"


class PoetryExporter:
    """Runs Poetry in a copy: in the project it would load the plugins in ``.poetry/plugins``."""

    file = "poetry.lock"
    shown = "poetry export"
    made_from = "pyproject.toml"
    command = "poetry lock"

    def export(self, lock: Path, selection: Selection) -> Exported:
        """See `LockExporter`."""
        arguments = ["export", "--no-ansi", "--no-interaction"]
        arguments += [*each("--with", selection.groups), *each("--extras", selection.extras)]
        copy, [done] = exporter.run_in_copy(lock, "pyproject.toml", "poetry", arguments)
        if done.code != 0 and any(words in done.said for words in _STALE):
            raise exporter.stale(lock, self.command)
        hint = ""
        if _NO_PLUGIN in done.said:
            hint = (
                "install the plugin: `poetry self add poetry-plugin-export`, or"
                " `pipx inject poetry poetry-plugin-export`"
            )
        return Exported(require_success(lock, done, "poetry export", hint), copy)
