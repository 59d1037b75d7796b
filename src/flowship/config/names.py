"""Names: what may be one, and how a text becomes one."""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 100  # characters; an image's name may have 255, with registry and path

# Of a deployment or a work pool, as the server validates it; and not only spaces.
PREFECT_NAME = r"^[^/%&><]*[^/%&><\s][^/%&><]*$"


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


def slugify(text: str) -> str:
    """``My Flöws_2`` → ``my-flows-2``: a name that images, blocks and tags all accept."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def module_of(entrypoint: str) -> str:
    """``taxi.flows`` of ``taxi.flows:nightly``; "" if the entrypoint names a file."""
    found = re.fullmatch(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):\w+(?:\.\w+)?", entrypoint)
    return found[1] if found and not found[1].endswith(".py") else ""
