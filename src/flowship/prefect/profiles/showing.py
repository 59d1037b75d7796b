"""Show Prefect's profiles, with their secrets masked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowship.errors import UsageError, did_you_mean
from flowship.prefect.profiles.files import EPHEMERAL_PROFILE, open_profiles, packaged_tables
from flowship.redaction import MASK, is_secret_name, mask_addresses


@dataclass(frozen=True)
class Profile:
    """One profile, with its secrets masked.

    Attributes:
        name: Its name.
        active: Whether Prefect uses it.
        written: Whether it is in the user's file; False for one that only comes with Prefect.
        settings: Its settings, by the name of their variable.
    """

    name: str
    active: bool
    written: bool
    settings: Mapping[str, str]

    @property
    def url(self) -> str | None:
        """The API address that this profile sets, None if it sets none."""
        return self.settings.get("PREFECT_API_URL")


def list_profiles(
    folder: Path | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[Profile, ...]:
    """Return every profile: the user's, then those that only come with Prefect."""
    file = open_profiles(folder, environ)
    own = file.profiles
    packaged = {k: v for k, v in packaged_tables().items() if k not in own}
    return tuple(
        Profile(name, name == file.active, name in own, _masked(settings))
        for name, settings in [*own.items(), *packaged.items()]
    )


def show(
    name: str | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Profile:
    """Return one profile; the active one if no name is given.

    Raises:
        UsageError: There is no such profile.
    """
    profiles = {p.name: p for p in list_profiles(folder, environ)}
    wanted = name or next((p.name for p in profiles.values() if p.active), EPHEMERAL_PROFILE)
    if wanted not in profiles:
        raise unknown_profile(wanted, profiles)
    return profiles[wanted]


def unknown_profile(name: str, known: Mapping[str, object]) -> UsageError:
    """Return the error for a profile that does not exist; the hint has the closest name."""
    return UsageError(
        f'profile "{name}" does not exist',
        code="profile-not-found",
        hint=did_you_mean(name, known, f"profiles: {', '.join(known)}"),
    )


# Prefect's settings that may hold a secret under another name; the last are whole sections.
_ALSO_SECRET = re.compile(
    r"KEY|AUTH|HEADERS|CONNECTION_URL|BROKER|REDIS|\APREFECT_(API|CLIENT|SERVER)\Z"
)


def _masked(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: MASK
        if is_secret_name(name) or _ALSO_SECRET.search(name)
        else mask_addresses(str(value))
        for name, value in settings.items()
    }
