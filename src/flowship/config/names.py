"""Names: what may be one, and how a text becomes one."""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 100  # characters; an image's name may have 255, with registry and path

_REFUSED = "/%&><"  # by the server
_CONTROL = r"\x00-\x1f\x7f-\x9f"

# Of a deployment, a work pool or a queue: what the server accepts and a command line can name.
# Prefect sends a deployment's name in a header of each request of its runs: with a line break in
# it, every run crashes.
PREFECT_NAME = rf"^[^{_REFUSED}{_CONTROL}\s-]([^{_REFUSED}{_CONTROL}]*[^{_REFUSED}{_CONTROL}\s])?$"

# Letters that Unicode does not take apart into a letter and an accent.
_LATIN = str.maketrans(
    {"ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th"}
    | {"ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n"}
)
_UNSEEN = {"Mn", "Me", "Cf"}  # accents of the letter before them, and what takes no space


def slug(value: str, what: str) -> str:
    """`value` if it is a name that images, blocks and tags all accept.

    Raises:
        ValueError: It is not; `what` says in the message what it would be the name of.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value):
        raise ValueError(
            f"{what} must consist of lower-case letters, digits and single dashes"
            f', such as "{slugify(value) or "my-flow"}"'
        )
    if len(value) > LONGEST_NAME:
        raise ValueError(
            f"{what} must have at most {LONGEST_NAME} characters; this one has {len(value)}"
        )
    return value


def prefect_name_problem(value: str) -> str:
    """Why a text is not a `PREFECT_NAME`."""
    if not value.strip():
        return "is empty"
    if any(character in value for character in _REFUSED):
        return f"must not contain {' '.join(_REFUSED)}"
    if re.search(f"[{_CONTROL}]", value):
        return "must not contain control characters such as line breaks and tabs"
    if value != value.strip():
        return "must not begin or end with a blank"
    return 'must not begin with "-": commands would read it as an option'


def slugify(text: str) -> str:
    """``My Prøject_2`` → ``my-project-2``: a name that images, blocks and tags all accept.

    A letter that has no Latin spelling becomes a dash, like a blank.
    """
    letters = unicodedata.normalize("NFKD", text).lower().translate(_LATIN)
    plain = "".join(each for each in letters if unicodedata.category(each) not in _UNSEEN)
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def module_of(entrypoint: str) -> str:
    """``taxi.flows`` of ``taxi.flows:nightly``; "" if the entrypoint names a file."""
    found = re.fullmatch(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):\w+(?:\.\w+)?", entrypoint)
    return found[1] if found and not found[1].endswith(".py") else ""
