"""What will be built: everything a build needs, known before any engine is asked.

`flowship check` stops here, so nothing in this module imports docker-py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from flowship import dockerfile
from flowship.config.settings import Settings
from flowship.errors import ConfigError
from flowship.probe import result
from flowship.project import context, requirements
from flowship.project.context import Context
from flowship.project.requirements import Requirements

FORMAT = "4"  # raise it when the same inputs would give another image, its labels included


@dataclass(frozen=True)
class BuildRequest:
    """What will be built.

    Attributes:
        settings: The project.
        dockerfile: The Dockerfile's text, rendered or the user's own.
        context: What is sent.
        requirements: The dependency list that the template installs, if any.
    """

    settings: Settings
    dockerfile: str
    context: Context
    requirements: Requirements | None = None

    @property
    def project(self) -> result.Project:
        """What the probe needs to explain a failure."""
        own = bool(self.settings.dockerfile)
        head = "" if own else f"{context.PROJECT}/"
        left_out = self.context.left_out
        return result.Project(
            entrypoint=self.settings.entrypoint,
            requirements=self.requirements.source if self.requirements else None,
            files=frozenset(p.removeprefix(head) for p in self.context.paths),
            left_out={path.removeprefix(head): why for path, why in left_out.items()},
        )

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
    """Read the project's files and write down what will be built. Asks no engine.

    Raises:
        ConfigError: A file that the configuration names is missing or cannot be used.
    """
    if settings.dockerfile:
        text = _own_dockerfile(settings)
        return BuildRequest(settings, text, context.assemble(settings, text))
    wanted = requirements.read(settings)
    text = dockerfile.render(settings, dependencies=wanted is not None)
    return BuildRequest(settings, text, context.assemble(settings, text, wanted), wanted)


def _own_dockerfile(settings: Settings) -> str:
    path = settings.root / str(settings.dockerfile)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"the Dockerfile {settings.dockerfile} cannot be read: {exc}",
            hint="mend dockerfile = … in the configuration, or take it out to use the template",
            where=str(path),
        ) from exc
