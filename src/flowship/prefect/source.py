"""Where the address of a Prefect API comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SourceKind(str, Enum):
    """The kinds of places that Prefect reads a setting from."""

    ENVIRONMENT = "environment"
    DOTENV = "dotenv"
    FILE = "file"
    SECTION = "section"
    PROFILE = "profile"
    NONE = "none"


@dataclass(frozen=True)
class Source:
    """Where a setting was found; `str()` gives the text for messages.

    Attributes:
        kind: The kind of place. ``SECTION`` is a whole section as JSON, like ``PREFECT_API``;
            ``NONE`` is a profile that does not set the value.
        name: The variable, the key in the file, or the profile.
        empty: Whether the setting is there and empty, which turns the places after it off.
    """

    kind: SourceKind
    name: str
    empty: bool = False

    def __str__(self) -> str:
        """The place, for a message."""
        text = {
            SourceKind.ENVIRONMENT: f"environment variable {self.name}",
            SourceKind.DOTENV: f"{self.name} in .env",
            SourceKind.FILE: self.name,
            SourceKind.SECTION: f"the JSON in {self.name}",
            SourceKind.PROFILE: f'profile "{self.name}"',
            SourceKind.NONE: f'profile "{self.name}" (no API address)',
        }[self.kind]
        return f"{text} (empty)" if self.empty else text
