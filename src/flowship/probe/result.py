"""What the probe found out about a flow, and how it is stored in the image's labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.build_request import BuildRequest
    from flowship.project.ignore import LeftOut


@dataclass(frozen=True)
class ProbeResult:
    """What the image's own Prefect reports about the flow.

    Attributes:
        flow_name: The name that Prefect registers the flow under.
        entrypoint: What was loaded, relative to the flows folder.
        prefect: The image's Prefect version.
        python: The image's Python version.
        description: The flow's docstring or description, if it has one.
        parameters: Its OpenAPI parameter schema (title, type, properties, required, …).
        refused_defaults: Parameter → why a run refuses the flow's own default.
        computed_defaults: The parameters whose default is made of the time of the import.
    """

    flow_name: str
    entrypoint: str
    prefect: str
    python: str
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    refused_defaults: Mapping[str, str] = field(default_factory=dict)
    computed_defaults: Sequence[str] = ()

    def to_json(self) -> str:
        """One line of JSON with sorted keys, to be stored as a label of the image."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ProbeResult:
        """Read what `to_json` wrote, in this version of flowship or in another.

        Fields that a newer flowship added are ignored.

        Raises:
            ConfigError: A required field is missing, or the text is not what `to_json` writes.
        """
        try:
            stored = json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise damaged(str(exc)) from exc
        if not isinstance(stored, dict):
            raise damaged("it is not a JSON object")
        known = {name: stored[name] for name in FIELD_TYPES if name in stored}
        for name in ("flow_name", "entrypoint", "prefect", "python"):
            if name not in known:
                raise damaged(f"{name} is missing")
        for name, value in known.items():
            if not isinstance(value, FIELD_TYPES[name]):
                raise damaged(f"{name} has the wrong type")
        known["computed_defaults"] = tuple(known.get("computed_defaults", ()))
        return cls(**known)


FIELD_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "flow_name": str,
    "entrypoint": str,
    "prefect": str,
    "python": str,
    "description": (str, type(None)),
    "parameters": dict,
    "refused_defaults": dict,
    "computed_defaults": list,
}


def damaged(reason: str) -> ConfigError:
    """The error for a label that flowship did not write so."""
    return ConfigError(
        f"the image's label io.flowship.flow is damaged: {reason}",
        code="probe-label-damaged",
        hint="build the image again: `flowship build --no-cache`",
    )


@dataclass(frozen=True)
class Project:
    """The facts about a project that help to explain why its flow does not load.

    Attributes:
        entrypoint: Relative to the flows folder.
        requirements: The file that lists the dependencies, or None.
        files: Paths of the project's files that were sent, relative to the project.
        left_out: Path → why it was not sent.
        timeout: Seconds in which the flow has to load.
    """

    entrypoint: str
    requirements: str | None = None
    files: frozenset[str] = frozenset()
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    timeout: int = 60

    @classmethod
    def of(cls, request: BuildRequest, entrypoint: str) -> Project:
        """The facts of the project that an image is built of, for one of its flows."""
        return cls(
            entrypoint=entrypoint,
            requirements=request.requirements.source if request.requirements else None,
            files=request.files,
            left_out=request.left_out,
            timeout=request.settings.probe.timeout,
        )

    @property
    def flow_file(self) -> str:
        """The file part of the entrypoint."""
        return self.entrypoint.rpartition(":")[0]

    @property
    def flow_function(self) -> str:
        """The function part of the entrypoint."""
        return self.entrypoint.rpartition(":")[2]

    def why_left_out(self, path: str) -> str:
        """Why `path`, or a folder above it, was not sent; "" if it was sent or does not exist."""
        parts = path.split("/")
        for count in range(len(parts), 0, -1):
            if reason := self.left_out.get("/".join(parts[:count])):
                return str(reason)
        return ""
