"""Everything that a build needs, collected without a container engine.

`flowship check` needs no more than this, so nothing here imports docker-py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from flowship import dockerfile
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.project import context, requirements
from flowship.project.context import Context
from flowship.project.ignore import LeftOut
from flowship.project.requirements import Requirements

FORMAT = "4"  # increase it when the same inputs give a different image or different labels


@dataclass(frozen=True)
class BuildRequest:
    """What will be built.

    Attributes:
        settings: The project.
        dockerfile: The Dockerfile's text, rendered or the user's own.
        context: The files that are sent to the engine.
        requirements: The dependencies that the template installs, if any.
    """

    settings: Settings
    dockerfile: str
    context: Context
    requirements: Requirements | None = None

    @property
    def files(self) -> frozenset[str]:
        """The files that are sent, relative to the flows folder of the image."""
        return frozenset(self._in_image(path) for path in self.context.paths)

    @property
    def left_out(self) -> dict[str, LeftOut]:
        """The files that are not sent, and why; also relative to the flows folder."""
        return {self._in_image(path): why for path, why in self.context.left_out.items()}

    def _in_image(self, path: str) -> str:
        """Where the template copies a file of the context, relative to the flows folder."""
        if self.settings.dockerfile or not path.startswith(f"{context.PROJECT}/"):
            return path
        inside = path.removeprefix(f"{context.PROJECT}/")
        folder = self.settings.image_folder
        return f"{folder}/{inside}" if folder else inside

    def digest(self, bases: Mapping[str, str]) -> str:
        """The hash of all inputs, hexadecimal.

        Args:
            bases: Base image reference → its fingerprint, the same in every engine.
        """
        inputs = {
            "format": FORMAT,
            "name": self.settings.name,  # it is in the labels
            "context": self.context.digest().hex(),
            "dockerfile": context.dockerfile_path(self.settings),
            "arguments": dict(self.settings.build_args),
            "bases": dict(bases),
            "platform": self.settings.platform,
            "entrypoint": self.settings.entrypoint,
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def prepare_build(settings: Settings) -> BuildRequest:
    """Collect what will be built from the project's files. Uses no engine.

    Raises:
        ConfigError: A file that the configuration names is missing or invalid.
    """
    if settings.dockerfile:
        text = _own_dockerfile(settings)
        return BuildRequest(settings, text, context.assemble(settings, text))
    needed = requirements.read(settings)
    text = dockerfile.render(settings, dependencies=needed is not None)
    return BuildRequest(settings, text, context.assemble(settings, text, needed), needed)


def _own_dockerfile(settings: Settings) -> str:
    path = settings.root / str(settings.dockerfile)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"cannot read the Dockerfile {settings.dockerfile}: {exc}",
            code="unreadable-file",
            hint="fix dockerfile = … in the configuration, or remove it to use the template",
            where=str(path),
        ) from exc
