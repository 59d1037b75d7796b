"""What the probe found out about a flow, and how it is stored in the image's labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.build_request import BuildRequest
    from flowship.project.ignore import LeftOut


class StoredKind(str, Enum):
    """What a run stores."""

    RESULT = "result"
    CACHE = "cache"
    """A result that other runs look for."""
    FILE = "file"
    NO_FOLDER = "no-folder"
    """A file in a folder that the image does not have, so that the run fails."""
    DEFAULT = "default"
    """A result, if the setting ``PREFECT_RESULTS_PERSIST_BY_DEFAULT`` says so."""


@dataclass(frozen=True)
class Stored:
    """Something that the runs of a flow store.

    Attributes:
        kind: What it is.
        name: The flow or task, as ``task load``; the path of a file, with ``…`` at its end where
            only the folder is known; the path of a missing folder.
        place: Where the code says so, as ``flows/nightly.py:12``.
        storage: Where it is stored: the folder, or a block as ``gcs-bucket/results``, or "" for
            the default.
    """

    kind: StoredKind
    name: str
    place: str
    storage: str

    @classmethod
    def of(cls, entry: Mapping[str, str]) -> Stored:
        """Read what the script or a label has.

        Raises:
            ValueError: It is not that.
        """
        try:
            texts = {name: str(entry[name]) for name in ("name", "place", "storage")}
            return cls(kind=StoredKind(entry["kind"]), **texts)
        except (KeyError, TypeError) as exc:
            raise ValueError(f"stored lacks {exc}") from exc


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
        stored: What its runs store.
        default_storage: The block for results by the settings in the image; "" for a folder.
        default_folder: That folder.
    """

    flow_name: str
    entrypoint: str
    prefect: str
    python: str
    description: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    refused_defaults: Mapping[str, str] = field(default_factory=dict)
    computed_defaults: Sequence[str] = ()
    stored: Sequence[Stored] = ()
    default_storage: str = ""
    default_folder: str = ""

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
        try:
            known["stored"] = tuple(map(Stored.of, known.get("stored", ())))
        except ValueError as exc:
            raise damaged(str(exc)) from exc
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
    "stored": list,
    "default_storage": str,
    "default_folder": str,
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
        requirements: The file to write dependencies to, with what to do then; or None.
        files: Paths of the project's files that were sent, relative to the project.
        left_out: Path → why it was not sent.
        timeout: Seconds in which the flow has to load.
        secrets: The environment variables that runs get from Secret blocks.
    """

    entrypoint: str
    requirements: str | None = None
    files: frozenset[str] = frozenset()
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    timeout: int = 60
    secrets: frozenset[str] = frozenset()

    @classmethod
    def of(cls, request: BuildRequest, entrypoint: str) -> Project:
        """The facts of the project that an image is built of, for one of its flows."""
        return cls(
            entrypoint=entrypoint,
            requirements=request.requirements.written if request.requirements else None,
            files=request.files,
            left_out=request.left_out,
            timeout=request.settings.probe.timeout,
            secrets=request.settings.secret_names,
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
