"""A plan that was reviewed: in a file, and compared with what would be done now.

The file has fingerprints of what the operations send, never the values: they may be secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flowship import __version__
from flowship.deployment.plan import Action, IdOf, Operation, Resource, fingerprint
from flowship.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from flowship.deployment.report import DeployReport
    from flowship.planning.project_plan import ImagePlan, ProjectPlan

FORMAT = 1
LARGEST = 20_000_000
"""Bytes of a file that is read."""

OF_THE_IMAGE = frozenset(
    ("image", "image_pull_policy", "version", "description", "parameter_openapi_schema",
     "enforce_parameter_schema")
)  # fmt: skip
"""Fields whose values only the built image gives."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReviewedField(_Model):
    """One field that an operation changes; the values as fingerprints."""

    field: str
    before: str
    after: str


class ReviewedOperation(_Model):
    """One operation.

    Attributes:
        action: As `flowship.deployment.plan.Action`.
        resource: As `flowship.deployment.plan.Resource`.
        name: Of what.
        fields: What it changes.
        body: The fingerprint of everything that it sends.
        given: The same without what only the built image gives.
    """

    action: str
    resource: str
    name: str
    fields: tuple[ReviewedField, ...] = Field(default=(), strict=False)
    body: str
    given: str

    @property
    def words(self) -> str:
        """``update deployment taxi/nightly``."""
        return f"{self.action} {self.resource} {self.name}"


class ReviewedImage(_Model):
    """The plan of one image; `stays` has the fingerprint of all that is kept on the server."""

    name: str
    action: str
    reference: str
    inputs: str
    files: dict[str, str] = {}
    operations: tuple[ReviewedOperation, ...] = Field(strict=False)
    stays: dict[str, str] = {}


class ReviewedPlan(_Model):
    """A whole plan, as it is in its file."""

    # The first key: `flowship.project.walk` knows a saved plan by it.
    format: int = Field(default=FORMAT, alias="flowship-plan")
    flowship: str = __version__
    project: str
    environment: str | None
    api_url: str
    release: int
    only: str | None = None
    name: str | None = None
    repo: str | None = None
    prune: bool = False
    images: tuple[ReviewedImage, ...] = Field(strict=False)


# --- the file ------------------------------------------------------------------------------------


def reviewed(plan: ProjectPlan) -> ReviewedPlan:
    """A plan as its file has it."""
    return ReviewedPlan(
        project=plan.project,
        environment=plan.environment,
        api_url=plan.api_url,
        release=plan.release,
        only=plan.only,
        name=plan.name,
        repo=plan.repo,
        prune=plan.prune,
        images=tuple(_image(each) for each in plan.images),
    )


def save(plan: ProjectPlan, path: Path) -> None:
    """Write a plan into a file.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        text = reviewed(plan).model_dump_json(indent=1, by_alias=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(
            f"cannot write the plan: {exc.strerror or exc}",
            code="unwritable-file",
            hint="choose another place: --out plan.json",
            where=str(path),
        ) from exc


def load(path: Path) -> ReviewedPlan:
    """Read a plan from its file.

    Raises:
        ConfigError: The file cannot be read, or is not a plan of this version of flowship.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as exc:
        raise ConfigError(
            f"cannot read the plan: {exc.strerror or exc}",
            code="unreadable-file",
            hint="`flowship plan --out plan.json` writes one",
            where=str(path),
        ) from exc
    if len(text) > LARGEST:
        raise _not_a_plan(path, "it is too large")
    try:
        plan = ReviewedPlan.model_validate_json(text)
    except ValidationError as exc:
        raise _not_a_plan(path, _first_problem(exc)) from exc
    if (plan.format, plan.flowship) != (FORMAT, __version__):
        raise ConfigError(
            f"the plan was made by flowship {plan.flowship}, and this is {__version__}",
            code="plan-of-another-version",
            hint="make the plan and apply it with one version of flowship",
            where=str(path),
        )
    return plan


def _first_problem(exc: ValidationError) -> str:
    problem = exc.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['msg']}" if place else str(problem["msg"])


def _not_a_plan(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"the file is not a plan of flowship: {why}",
        code="plan-invalid",
        hint="`flowship plan --out plan.json` writes one",
        where=str(path),
    )


def _image(plan: ImagePlan) -> ReviewedImage:
    return ReviewedImage(
        name=plan.label,
        action=plan.action,
        reference=plan.deploy.image,
        inputs=plan.inputs,
        files=dict(plan.files),
        operations=tuple(operation_of(each) for each in plan.deploy.operations),
        stays=_stays(plan.deploy),
    )


def operation_of(operation: Operation) -> ReviewedOperation:
    """An operation as the file has it."""
    body = _plain(operation.body)
    about = [operation.id, _plain(operation.parent)]
    new = [operation.id, operation.parent if isinstance(operation.parent, str) else "new"]
    return ReviewedOperation(
        action=operation.action.value,
        resource=operation.resource.value,
        name=operation.name,
        fields=tuple(
            ReviewedField(
                field=change.field,
                before=change.fingerprint or fingerprint(change.before),
                after=fingerprint(change.after),
            )
            for change in operation.changes
        ),
        body=fingerprint([*about, body]),
        given=fingerprint([*new, _without_image(operation)]),
    )


def _plain(value: Any, *, names: bool = True) -> Any:  # noqa: ANN401 JSON
    """A body as JSON. The moment at which an interval begins does not count: it is now.

    Args:
        value: The body, or a part of it.
        names: Keep the names of what earlier operations create; a flow's may be unknown.
    """
    if isinstance(value, IdOf):
        return value.key if names else "new"
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if k != "anchor_date"}
        return {str(k): _plain(v, names=names) for k, v in kept.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, names=names) for v in value]
    return value


def _without_image(operation: Operation) -> Any:  # noqa: ANN401 JSON
    """The body without what only the image gives: its flow's name and its own fields."""
    if operation.resource is Resource.FLOW:
        return None
    body = _plain(operation.body, names=False)
    if operation.resource not in (Resource.BLOCK, Resource.DEPLOYMENT):
        return body
    if operation.action is not Action.CREATE:
        return None  # its fields are compared one by one
    data = body.get("data")
    inner = {"data": _without(data)} if isinstance(data, dict) else {}
    return {**_without(body), **inner}


def _without(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in OF_THE_IMAGE}


def _stays(report: DeployReport) -> dict[str, str]:
    kept = {
        f"{each.resource.value} {each.name}: {each.field or 'added on the server'}": fingerprint(
            [each.value, each.reason]
        )
        for each in report.kept
    }
    left = {f"deployment {e.name}: {e.words}": fingerprint(e.to_json()) for e in report.left}
    return kept | left


# --- the comparison ------------------------------------------------------------------------------


def differences(
    was: ReviewedImage, report: DeployReport, *, image_known: bool = True
) -> Iterator[str]:
    """What a deploy would now do otherwise than the plan says.

    Args:
        was: The plan that was reviewed.
        report: What would be done now.
        image_known: False if the image had to be built first: then what only the image gives may
            differ.
    """
    now = [operation_of(each) for each in report.operations]
    yield from _operations(was.operations, now, image_known=image_known)
    stays = _stays(report)
    for name in stays.keys() - was.stays.keys():
        yield f"new on the server: {name}"
    for name in was.stays.keys() - stays.keys():
        yield f"no longer on the server: {name}"
    for name in stays.keys() & was.stays.keys():
        if stays[name] != was.stays[name]:
            yield f"changed on the server: {name}"


def _operations(
    was: Sequence[ReviewedOperation], now: Sequence[ReviewedOperation], *, image_known: bool
) -> Iterator[str]:
    before, after = _keyed(was, image_known=image_known), _keyed(now, image_known=image_known)
    yield from (f"new: {each.words}" for key, each in after.items() if key not in before)
    yield from (
        f"no longer necessary: {each.words}" for key, each in before.items() if key not in after
    )
    for key in before.keys() & after.keys():
        fields = _fields(before[key], after[key], image_known=image_known)
        if fields is not None:
            yield f"different: {after[key].words}{f' ({fields})' if fields else ''}"


def _keyed(
    operations: Iterable[ReviewedOperation], *, image_known: bool
) -> dict[tuple[str, int], ReviewedOperation]:
    """By what they are about; the name of a flow is known only with the image."""
    found: dict[tuple[str, int], ReviewedOperation] = {}
    for each in operations:
        words = each.words
        if not image_known:
            name = "" if each.resource == Resource.FLOW.value else each.name.partition("/")[2]
            words = f"{each.action} {each.resource} {name or ''}"
        number = sum(key == words for key, _ in found)
        found[words, number] = each
    return found


def _fields(was: ReviewedOperation, now: ReviewedOperation, *, image_known: bool) -> str | None:
    """The fields that differ, as words; None if the operations are the same."""
    ignored = frozenset() if image_known else OF_THE_IMAGE
    before, after = _by_name(was.fields, ignored), _by_name(now.fields, ignored)
    differing = sorted(n for n in {*before, *after} if before.get(n) != after.get(n))
    same = was.body == now.body if image_known else was.given == now.given
    return None if same and not differing else ", ".join(differing)


def _by_name(
    fields: Iterable[ReviewedField], ignored: frozenset[str]
) -> dict[str, tuple[str, str]]:
    return {f.field: (f.before, f.after) for f in fields if f.field not in ignored}
