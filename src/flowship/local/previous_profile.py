"""Which Prefect profile was active before `up`, so that `down` can make it active again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from flowship.local import records
from flowship.prefect.profiles.editing import ProfileChange
from flowship.prefect.profiles.files import packaged_tables, read_toml
from flowship.prefect.profiles.writing import write_profile

_FILE = "previous-profile"  # Without ".json", which records have.


@dataclass(frozen=True)
class PreviousProfile:
    """The switch that `up` made.

    Attributes:
        path: The profiles file.
        name: The profile that was active before.
        replaced_by: The profile that `up` switched to.
    """

    path: str
    name: str
    replaced_by: str


def remember(state: Path, change: ProfileChange) -> None:
    """Store which profile `change` replaced; nothing if it replaced none.

    Raises:
        ConfigError: The state folder cannot be written.
    """
    if change.switched_from is None:
        return
    previous = PreviousProfile(str(change.path.resolve()), change.switched_from, change.profile)
    with records.writing(state):
        (state / _FILE).write_text(json.dumps(asdict(previous)), encoding="utf-8")


def forget(state: Path) -> None:
    """Remove what `remember` stored."""
    with records.writing(state):
        (state / _FILE).unlink(missing_ok=True)


def restore(state: Path) -> PreviousProfile | None:
    """Make the profile active again that `up` replaced, unless another one was chosen since.

    Returns:
        What was undone; None if there is nothing to undo.

    Raises:
        ConfigError: The profiles file cannot be read or written.
    """
    previous = _stored(state)
    if previous is None:
        return None
    path = Path(previous.path)
    document = read_toml(path)
    known = {**packaged_tables(), **document.get("profiles", {})}
    chosen_since = document.get("active") != previous.replaced_by
    if not chosen_since and previous.name in known:
        write_profile(path, previous.name, known[previous.name], activate=True)
    forget(state)
    return None if chosen_since or previous.name not in known else previous


def _stored(state: Path) -> PreviousProfile | None:
    found = records.read_json(state / _FILE)
    if not isinstance(found, dict):
        return None
    texts = [found.get(name) for name in PreviousProfile.__dataclass_fields__]
    if not all(isinstance(text, str) and text and "\0" not in text for text in texts):
        return None
    return PreviousProfile(*map(str, texts))
