"""The steps of a command, each for one image or for all images of a project.

`flowship.pipeline` has their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from flowship import image_choice
from flowship.build_request import BuildRequest
from flowship.config.settings import Settings
from flowship.errors import FlowshipError
from flowship.events import Report

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from flowship.check import Checked
    from flowship.deployment.desired import DesiredState, Flags, FlowFacts, ImageFacts
    from flowship.deployment.draft import Draft
    from flowship.deployment.drift import LastRelease
    from flowship.deployment.observed import Ground
    from flowship.deployment.report import DeployReport
    from flowship.engine.builder import BuildOptions
    from flowship.engine.client import Engine
    from flowship.image import BuiltImage
    from flowship.planning.project_plan import ProjectPlan
    from flowship.planning.review import Review
    from flowship.prefect.client import PrefectApi
    from flowship.push import PushedImage
    from flowship.registry import Credentials, Reference

Result = TypeVar("Result")


class Labelled(Protocol):
    """One of several images."""

    @property
    def label(self) -> str:
        """What messages call it."""


class Listener(Protocol):
    """Receives each step's progress and result."""

    def progress(self) -> AbstractContextManager[Report]:
        """Open a report for slow work."""

    def checked(self, checked: Checked) -> None:
        """The check found something."""

    def built(self, image: BuiltImage, engine_platform: str) -> None:
        """The image is there, built or found."""

    def warned(self, text: str) -> None:
        """Runs of the image that was just built lose something."""

    def pushed(self, image: PushedImage) -> None:
        """The registry has the image."""

    def copied(self, reference: str) -> None:
        """Another repository has the image now."""


def each(
    images: Sequence[Labelled], work: Callable[..., Result], *columns: Sequence[Any]
) -> list[Result]:
    """Call `work` for each image, with the image's item of each column.

    Where there are several, an error says of which image it is.
    """
    done = []
    for image, *items in zip(images, *columns, strict=True):
        try:
            done.append(work(*items))
        except FlowshipError as exc:
            if len(images) > 1:
                exc.message = f"image {image.label}: {exc.message}"
            raise
    return done


def settings_of(requests: Sequence[BuildRequest]) -> list[Settings]:
    """The settings of each image."""
    return [request.settings for request in requests]


def check_image(request: BuildRequest, listener: Listener) -> None:
    """Check what is to be built.

    Raises:
        ConfigError: The scheduled run would fail.
    """
    from flowship import check

    check.refuse_missing_flow(request)
    checked = check.check_build(request)
    if checked.findings:
        listener.checked(checked)
    check.refuse_errors(checked)


def build_image(
    engine: Engine,
    request: BuildRequest,
    options: BuildOptions,
    listener: Listener,
    elsewhere: Callable[[str], BuiltImage | None] = lambda inputs: None,
) -> BuiltImage:
    """Build and probe; `elsewhere` as for `flowship.image.build`."""
    from flowship import image
    from flowship.engine import containers
    from flowship.probe import losses

    containers.sweep(engine)
    with listener.progress() as report:
        built = image.build(engine, request, options, report, elsewhere)
    listener.built(built, engine.platform)
    if lost := losses.of_runs(built.flows, request.settings):
        listener.warned(lost)
    return built


def push_image(
    engine: Engine,
    retry_for: float,
    listener: Listener,
    built: BuiltImage,
    target: Reference,
    account: Credentials | None,
) -> PushedImage:
    """Push an image, and verify its digest there; see `flowship.push.push`."""
    from flowship import push as step

    with listener.progress() as report:
        pushed = step.push(
            engine, built, target, credentials=account, report=report, retry_for=retry_for
        )
    listener.pushed(pushed)
    return pushed


def bind(wanted: Draft, settings: Settings, facts: ImageFacts) -> DesiredState:
    """The desired state of this image, with warnings: its output is lost with its container, or a
    name is a guess until the build."""
    from flowship.probe import losses

    desired = wanted.bind(facts)
    given = [name for d in desired.deployments for name in d.parameters]
    lost = losses.of_parameter(given, settings)
    guessed = () if facts.built else (_guessed(f) for f in facts.flows if f.name is None)
    more = (*([lost] if lost else []), *guessed)
    return replace(desired, warnings=(*desired.warnings, *more)) if more else desired


def _guessed(flow: FlowFacts) -> str:
    return (
        f"the name of the flow {flow.entrypoint} is not known before the build; this plan takes it"
        f' to be "{flow.deployed_name}"'
    )


def together(drafts: Sequence[Draft]) -> Draft:
    """All deployments of several images, which the server is asked about once."""
    return replace(drafts[0], deployments=tuple(d for each in drafts for d in each.deployments))


def plan_images(
    images: Sequence[Settings], desired: Sequence[DesiredState], api: PrefectApi, ground: Ground
) -> list[DeployReport]:
    """What the deploys would change."""
    from flowship import deploy as step
    from flowship.planning.project_plan import without_repeated

    project, environment = images[0].project.name, images[0].environment
    plans = each(
        images,
        lambda wanted: step.plan(wanted, api, project, ground, environment),
        sweeping(images, desired),
    )
    first, *others = without_repeated(plans)
    return [first, *map(_pool_is_there, others)]


def _pool_is_there(plan: DeployReport) -> DeployReport:
    """The plan of a further image: the first one creates the project's work pool."""
    created = plan.pool.outcome == "created"
    return replace(plan, pool=replace(plan.pool, outcome="found")) if created else plan


def sweeping(images: Sequence[Settings], desired: Sequence[DesiredState]) -> list[DesiredState]:
    """The same, the first of them with what earlier images have left, if these are all images."""
    complete = len(images) == len(images[0].project.per_image())
    return [
        replace(wanted, sweeps=complete and number == 0) for number, wanted in enumerate(desired)
    ]


def _last_release(settings: Settings, api: PrefectApi) -> LastRelease:
    from flowship.releases import last, store

    before = store.previous(api, settings.project.name, settings.environment)
    return last.last_release(before.release if before else None)


def plan_project(
    images: Sequence[Settings],
    found: Sequence[image_choice.Planned],
    desired: Sequence[DesiredState],
    api: PrefectApi,
    ground: Ground,
    flags: Flags,
    only: str | None,
) -> ProjectPlan:
    """What `ship` would do with a project, and why.

    Args:
        images: The settings of each image.
        found: What would be done for each.
        desired: What would be deployed of each.
        api: The server.
        ground: From `preflight`.
        flags: What the command line gave over the configuration.
        only: The image that it names.
    """
    from flowship.planning.project_plan import ImagePlan, ProjectPlan

    settings = images[0].project
    last = _last_release(settings, api)
    reports = plan_images(images, desired, api, ground)
    plans = (
        ImagePlan(
            label=image.label,
            action=what.action.value,
            deploy=report,
            reasons=what.reasons(last.files.get(image.label, {})),
            inputs=what.inputs,
            files=what.files,
        )
        for image, what, report in zip(images, found, reports, strict=True)
    )
    return ProjectPlan(
        project=settings.name,
        environment=settings.environment,
        api_url=api.url,
        release=last.number,
        images=tuple(plans),
        only=only,
        name=flags.name,
        prune=flags.prune,
    )


def require_reviewed(
    images: Sequence[Settings],
    desired: Sequence[DesiredState],
    api: PrefectApi,
    ground: Ground,
    review: Review,
) -> None:
    """Refuse to go on if something else would be done than the plan that was reviewed says.

    Raises:
        ApiError: The server is not as it was.
    """
    require_same_changes(images, api, review, plan_images(images, desired, api, ground))


def require_same_changes(
    images: Sequence[Settings], api: PrefectApi, review: Review, reports: Sequence[DeployReport]
) -> None:
    """The same for what was found already."""
    last = _last_release(images[0], api)
    labels = [image.label for image in images]
    review.require_same_changes(labels, reports, last.number, last.who)


def deploy_images(
    images: Sequence[Settings],
    desired: Sequence[DesiredState],
    api: PrefectApi,
    listener: Listener,
    ground: Ground,
    made_by: str,
    *,
    new: Sequence[bool] = (),
    wait: bool = True,
    review: Review | None = None,
) -> list[DeployReport]:
    """Deploy one image after the other, and record one release.

    Args:
        images: The settings of each.
        desired: What is to be deployed of each.
        api: The server.
        listener: Is handed the progress.
        ground: From `preflight`.
        made_by: What the release says made it: the command.
        new: Which images were pushed a moment ago.
        wait: Wait for another deploy of this project; else it is an error.
        review: The plan that is carried out; else it is an error.
    """
    from flowship import deploy as step
    from flowship.releases.making import Origin

    settings = images[0]
    labels = tuple(image.label for image in images)
    with listener.progress() as report:
        return step.deploy_all(
            sweeping(images, desired),
            api,
            settings.project.name,
            Origin(made_by, settings.environment, labels),
            ground=ground,
            new=new,
            wait=wait,
            report=report,
            each=partial(each, images),
            review=partial(require_same_changes, images, api, review) if review else None,
        )


def preflight(requests: Sequence[BuildRequest], drafts: Sequence[Draft], api: PrefectApi) -> Ground:
    """Validate against the server, in as many requests as for one image."""
    from flowship import deploy as step
    from flowship.prefect import versions

    planned = [image_choice.planned_prefect(request) for request in requests]
    ground = step.preflight(together(drafts), api, planned[0])
    each(settings_of(requests), lambda version: versions.validate(version, ground.server), planned)
    return ground
