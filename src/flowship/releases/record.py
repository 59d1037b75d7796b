"""A release: everything that a deploy made of a project, as plain values that become JSON.

The server does not protect an artifact, so what is read back may be damaged or of another version:
each value is read as far as it is what it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from flowship.deployment.stored import parse_moment, words_of
from flowship.releases import packing

FORMAT = 2
"""Format 1 holds the image and the fingerprints, and nothing that a rollback could restore."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class ReleasedSchedule:
    """One of flowship's own schedules, as the server has it.

    Attributes:
        slug: By which it is found again.
        times: As the API takes it: one of cron, interval and rrule, and a timezone.
        parameters: Of its runs, over those of the deployment; secrets masked.
        active: False if it was paused.
    """

    slug: str
    times: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    active: bool = True

    @property
    def words(self) -> str:
        """``every day at 05:00 Pacific/Auckland``."""
        return words_of({"schedule": self.times, "parameters": self.parameters})


@dataclass(frozen=True)
class ReleasedFlow:
    """What was known of a flow of an image.

    Attributes:
        entrypoint: ``path/to/file.py:function``.
        name: The flow's name; None for an image that was not probed.
        description: The flow's own; None if it has none.
        parameters: The schema of its parameters; None for an image that was not probed.
    """

    entrypoint: str
    name: str | None = None
    description: str | None = None
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ReleasedImage:
    """One image of a project, and the block that names it.

    Attributes:
        label: The image's name in the configuration; the project's for its own image.
        reference: What runs start: ``user/de-repo:tag@sha256:…``.
        pushed: Whether a registry has it.
        platform: ``linux/amd64``.
        prefect: The version of Prefect inside the image.
        inputs: The hash of all inputs of the build.
        revision: The git revision; ends with "-dirty" if files were changed.
        flows: What was known of its flows.
        probed: Whether it was.
        files: Each input of the build → a short hash, such as ``flows/taxi.py``; empty if it is
            not known or there are too many.
        block: The name of the block.
        fields: What the configuration gave of the block; secrets masked.
        references: Environment variables of the block that refer to a secret or a variable.
        credentials: The block with the credentials for the worker's pull.
        secrets: The environment variables that come from Secret blocks.
        blocks: The blocks of all images of the project, after the first of which the lock is named.
        configured: The deployments of the image: name → entrypoint.
        hidden: Secret values of `fields` that are not recorded: their place → a fingerprint.
        alerts: The automations, as `DesiredAlerts.to_json` has them; empty without any.
    """

    label: str
    reference: str
    pushed: bool = True
    platform: str = ""
    prefect: str | None = None
    inputs: str = ""
    revision: str = ""
    flows: tuple[ReleasedFlow, ...] = ()
    probed: bool = True
    files: Mapping[str, str] = field(default_factory=dict)
    block: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    credentials: str | None = None
    secrets: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    configured: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    alerts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """``sha256:…``; empty for an image that was not pushed."""
        return self.reference.partition("@")[2]

    @property
    def name(self) -> str:
        """The reference without its digest."""
        return self.reference.partition("@")[0]

    @property
    def alert_names(self) -> tuple[str, ...]:
        """The automations of the alerts, as the UI calls them."""
        return tuple(_text(each.get("name")) for each in _tables(self.alerts.get("automations")))

    @property
    def commit(self) -> str:
        """The git revision without "-dirty"."""
        return self.revision.removesuffix("-dirty")

    @property
    def dirty(self) -> bool:
        """Whether tracked files differed from the git revision."""
        return self.revision.endswith("-dirty")

    def flow(self, entrypoint: str) -> ReleasedFlow | None:
        """What was known of a flow; None if that is nothing."""
        return next((flow for flow in self.flows if flow.entrypoint == entrypoint), None)


@dataclass(frozen=True)
class ReleasedDeployment:
    """One deployment.

    Attributes:
        flow: The flow's name.
        name: The deployment's name.
        image: The label of its image.
        entrypoint: ``path/to/file.py:function``.
        path: The folder in the image.
        description: Without what flowship adds to it.
        tags: Its tags.
        parameters: The values given; secrets masked.
        schedules: flowship's own, as the server has them.
        job_variables: Those of the configuration, on top of the block's; secrets masked.
        concurrency_limit: Of its runs.
        on_conflict: What a run does that exceeds the limit.
        work_pool: The work pool's name.
        work_queue: Of the work pool; None if the configuration gives none.
        version: As configured; None is the image's.
        enforce_parameters: As configured.
        labels: For a new deployment.
        secrets: Environment variable → the Secret block that it comes from.
        paused: Whether the deployment was paused.
        configured: The fingerprint of the configuration's schedules.
        hidden: Secret values that are not recorded: their place → a fingerprint.
    """

    flow: str
    name: str
    image: str
    entrypoint: str
    path: str = ""
    description: str | None = None
    tags: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    schedules: tuple[ReleasedSchedule, ...] = ()
    job_variables: Mapping[str, Any] = field(default_factory=dict)
    concurrency_limit: int | None = None
    on_conflict: str | None = None
    work_pool: str = ""
    work_queue: str | None = None
    version: str | None = None
    enforce_parameters: bool | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    paused: bool = False
    configured: str = ""
    hidden: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """``flow/deployment``."""
        return f"{self.flow}/{self.name}"


@dataclass(frozen=True)
class Release:
    """What a project was after a deploy: all of its images and deployments.

    Attributes:
        number: 1, 2, … of the project; 0 for one of format 1, which had none.
        project: The project's name.
        made_by: "ship", "deploy", "promote from staging", "rollback to 3" or "delete".
        who: ``ada@laptop``.
        environment: Of the configuration; None without one.
        flowship: The version of flowship.
        images: Those of the command, and those that earlier releases deployed.
        deployments: Likewise.
        operations: What was carried out, as `Operation.to_json`.
        applied: Fingerprints of what the server had: ``deployment taxi/nightly tags`` → value.
        incomplete: Why not everything was deployed that was to be; empty if it was.
        format: 2; 1 for a release of an earlier version, which is known only in part.
        id: The artifact's.
        created: By the server's clock; None for one that is not recorded yet.
    """

    number: int
    project: str
    made_by: str
    who: str
    environment: str | None = None
    flowship: str = ""
    images: tuple[ReleasedImage, ...] = ()
    deployments: tuple[ReleasedDeployment, ...] = ()
    operations: tuple[Mapping[str, Any], ...] = ()
    applied: Mapping[str, str] = field(default_factory=dict)
    incomplete: str = ""
    format: int = FORMAT
    id: str = ""
    created: datetime | None = None

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of the images that a registry has."""
        return tuple(image.digest for image in self.images if image.digest)

    @property
    def names(self) -> frozenset[str]:
        """The full names of the deployments; of format 1, those that the fingerprints are of."""
        head = "deployment "
        of = {key.rpartition(" ")[0] for key in self.applied if key.startswith(head)}
        known = {each.full_name for each in self.deployments}
        return frozenset(known or {name.removeprefix(head) for name in of})

    def image(self, label: str) -> ReleasedImage | None:
        """The image with this name; None if the release has none."""
        return next((image for image in self.images if image.label == label), None)

    def to_json(self) -> dict[str, Any]:
        """The release as JSON values, without what the server adds."""
        return {
            "format": self.format,
            "number": self.number,
            "project": self.project,
            "environment": self.environment,
            "made_by": self.made_by,
            "who": self.who,
            "flowship": self.flowship,
            "incomplete": self.incomplete,
            "images": packing.pack([plain(image) for image in self.images]),
            "deployments": packing.pack([plain(each) for each in self.deployments]),
            "operations": [dict(operation) for operation in self.operations],
            "applied": _nested(self.applied),
        }

    @classmethod
    def from_json(
        cls, data: object, *, project: str, id: str = "", created: object = None
    ) -> Release | None:
        """The release that an artifact holds; None if it holds none.

        Args:
            data: What `to_json` made, or format 1.
            project: The project's name.
            id: The artifact's.
            created: When it was, as the server writes it.
        """
        if not isinstance(data, Mapping):
            return None
        version, moment = data.get("format"), _moment(created)
        if version == 1:
            return _first_format(data, project, id, moment)
        number = data.get("number")
        if version != FORMAT or not isinstance(number, int) or isinstance(number, bool):
            return None
        images = (_read(ReleasedImage, each) for each in packing.unpack(data.get("images")))
        listed = packing.unpack(data.get("deployments"))
        deployments = (_read(ReleasedDeployment, each) for each in listed)
        return cls(
            number=number,
            project=project,
            made_by=_text(data.get("made_by")),
            who=_text(data.get("who")),
            environment=_text(data.get("environment")) or None,
            flowship=_text(data.get("flowship")),
            images=tuple(image for image in images if image),
            deployments=tuple(each for each in deployments if each),
            operations=tuple(_tables(data.get("operations"))),
            applied=_flat(data.get("applied")),
            incomplete=_text(data.get("incomplete")),
            id=id,
            created=moment,
        )


def _first_format(
    data: Mapping[str, Any], project: str, identity: str, created: datetime | None
) -> Release:
    reference = _text(data.get("image"))
    applied = data.get("applied")
    return Release(
        number=0,
        project=project,
        made_by="deploy",
        who="",
        flowship=_text(data.get("flowship")),
        images=(ReleasedImage(project, reference, pushed="@" in reference),) if reference else (),
        applied=_texts(applied),
        format=1,
        id=identity,
        created=created,
    )


# --- JSON ----------------------------------------------------------------------------------------


def plain(value: Any) -> Any:  # noqa: ANN401 JSON
    """A value as JSON; of a type, what is not the default."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if not hasattr(value, "__dataclass_fields__"):
        return value
    held = ((each, getattr(value, each.name)) for each in fields(value))
    return {each.name: plain(item) for each, item in held if item != _default(each)}


def _default(of: Field[Any]) -> Any:  # noqa: ANN401 - of any type
    return of.default_factory() if callable(of.default_factory) else of.default


def _read(kind: type[Item], data: Mapping[str, Any]) -> Item | None:
    """A value of a type from its JSON: a field that is damaged is as one that was left out.

    Returns:
        None if one is damaged without which there is nothing to say.
    """
    given = {}
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name in data:
            found = _READERS[str(each.type)](data[each.name])
            if found is not None:
                given[each.name] = found
    try:
        return kind(**given)
    except TypeError:  # a field without a default is missing
        return None


def _checked(kind: type) -> Callable[[object], Any]:
    def read(value: object) -> Any:  # noqa: ANN401 JSON
        exact = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        return value if exact else None

    return read


def _sequence(kind: type[Item]) -> Callable[[object], tuple[Item, ...]]:
    def read(value: object) -> tuple[Item, ...]:
        return tuple(found for each in _tables(value) if (found := _read(kind, each)))

    return read


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> dict[str, str]:
    items = value.items() if isinstance(value, Mapping) else ()
    return {k: v for k, v in items if isinstance(k, str) and isinstance(v, str)}


def _tables(value: object) -> list[Mapping[str, Any]]:
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, Mapping)]


def _names(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    return tuple(each for each in listed if isinstance(each, str))


_READERS: dict[str, Callable[[object], Any]] = {
    "str": _checked(str),
    "str | None": _checked(str),
    "bool": _checked(bool),
    "bool | None": _checked(bool),
    "int | None": _checked(int),
    "Mapping[str, Any]": _checked(dict),
    "Mapping[str, Any] | None": _checked(dict),
    "Mapping[str, str]": _texts,
    "tuple[str, ...]": _names,
    "tuple[ReleasedFlow, ...]": _sequence(ReleasedFlow),
    "tuple[ReleasedSchedule, ...]": _sequence(ReleasedSchedule),
}
"""How a field of each type is read; None is a value of another type."""


def _moment(value: object) -> datetime | None:
    try:
        return parse_moment(_text(value))
    except ValueError:
        return None


def _nested(applied: Mapping[str, str]) -> dict[str, Any]:
    """The fingerprints by resource; what resources have in common is written once."""
    tables: dict[str, dict[str, str]] = {}
    for key, value in applied.items():
        resource, _, name = key.rpartition(" ")
        tables.setdefault(resource, {})[name] = value
    return {"of": list(tables), **packing.pack(list(tables.values()))}


def _flat(nested: object) -> dict[str, str]:
    if not isinstance(nested, Mapping):
        return {}
    tables: Sequence[Mapping[str, Any]] = packing.unpack(nested)
    resources = _names(nested.get("of"))
    if len(resources) != len(tables):
        return {}
    return {
        f"{resource} {name}": value
        for resource, table in zip(resources, tables, strict=True)
        for name, value in _texts(table).items()
    }
