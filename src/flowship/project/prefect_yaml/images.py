"""The images of a ``prefect.yaml``: a deployment whose own steps build another one has its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowship.config.names import slugify
from flowship.project.prefect_yaml.deployments import Translated

KEYS = ("build-args", "dockerfile", "platform", "repo", "requirements")
"""What the steps of a build set, in the order of the alphabet."""

LONGEST = 60
"""Characters of an image's name, which names of blocks and repositories contain."""


class Images:
    """The images of deployments.

    Attributes:
        used: The ``[images.NAME]`` of deployments that can be deployed.
    """

    def __init__(self, settings: Mapping[str, Any], reserved: str) -> None:
        """Begin with no images.

        Args:
            settings: The project's.
            reserved: The project's name, which no image can have.
        """
        self.used: dict[str, Any] = {}
        self._settings = settings
        self._reserved = reserved
        self._unused: dict[str, Any] = {}

    def assigned(self, each: Translated) -> Translated:
        """The deployment; with an image of its own if its steps build another one."""
        own, settings = each.own, self._settings
        if not own or all(settings.get(key) == own.get(key) for key in KEYS):
            return each
        missing = [key for key in KEYS if key in settings and key not in own]
        if missing:
            lacks = " and no ".join(missing)
            each = each.refused(f"its own build has no {lacks}, unlike the project's")
        name = self._name(str(each.table["name"]), own)
        if name not in self.used:
            (self._unused if each.reason else self.used)[name] = dict(own)
        if not each.reason:
            self._unused.pop(name, None)
        return replace(each, table={**each.table, "image": name})

    def only_of(self, each: Translated) -> dict[str, Any]:
        """The image of a deployment that cannot be deployed, unless another one uses it too."""
        name = str(each.table.get("image", ""))
        return {name: self._unused[name]} if name in self._unused else {}

    def _name(self, deployment: str, own: Mapping[str, Any]) -> str:
        """The name of the image with these settings: that of the first deployment with it."""
        known = {**self.used, **self._unused}
        for name, settings in known.items():
            if settings == own:
                return name
        base = slugify(deployment)[:LONGEST].strip("-") or "own"
        names = [base, *(f"{base}-{number}" for number in range(2, len(known) + 3))]
        return next(name for name in names if name not in known and name != self._reserved)
