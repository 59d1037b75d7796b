"""The description of a deployment: a person's text, and the image that flowship adds to it.

A deployment's version is the tag of the image's inputs. Its description ends with the image's full
name and the git revision, so that one gets from a run to the image and back. The server's labels
would be the place for it, but they cannot be changed once a deployment exists (tried on 3.2 to
3.8: `PATCH /deployments/{id}` answers 422).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowship.deployment.desired import image_version

_IMAGE = re.compile(r"(?:\A|\n\n)Image: `([^`\n]+)`\s*\Z")
_REVISION = " (git revision "


@dataclass(frozen=True)
class Description:
    """A description, taken apart.

    Attributes:
        text: What the configuration or the flow's docstring says; None for nothing.
        image: ``user/de-repo:tag@sha256:… (git revision …)``; None where flowship added none.
    """

    text: str | None
    image: str | None

    def __str__(self) -> str:
        """The description as the server stores it."""
        note = f"Image: `{self.image}`" if self.image else ""
        return "\n\n".join(part for part in (self.text, note) if part)


def image_note(reference: str, revision: str) -> str:
    """What a description says about the image."""
    return f"{reference}{_REVISION}{revision})" if revision else reference


def split(stored: str | None) -> Description:
    """Take a stored description apart."""
    found = _IMAGE.search(stored or "")
    if not stored or not found:
        return Description(stored, None)
    return Description(stored[: found.start()] or None, found[1])


def names_image(deployment: Mapping[str, Any], reference: str) -> bool:
    """Whether a deployment was made with this image.

    Args:
        deployment: As the server has it.
        reference: As the block has it.
    """
    image = split(deployment.get("description")).image
    if image is None:  # Earlier versions wrote the digest into the version instead.
        return bool(deployment.get("version") == image_version(reference))
    return image.partition(_REVISION)[0] == reference
