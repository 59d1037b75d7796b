"""What the tables of the configuration have in common: strict keys, and paths of files."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from flowship.config.keys import kebab

LONGEST_NAME = 100  # characters; an image's name may have 255, with registry and path

LONGEST_PATH, LONGEST_FILE_NAME = 4096, 255  # bytes, as on Linux


class Table(BaseModel):
    """A configuration table: frozen, with keys in kebab-case, without unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=kebab, populate_by_name=True
    )


def possible_path(value: str) -> str:
    """Reject what no file can be called, before something tries to open it."""
    data = value.encode(errors="replace")
    too_long = max(map(len, data.split(b"/"))) > LONGEST_FILE_NAME or len(data) > LONGEST_PATH
    if too_long:
        raise ValueError("the file name is too long")
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("the file name contains a control character")
    return value


FilePath = Annotated[str, AfterValidator(possible_path)]
