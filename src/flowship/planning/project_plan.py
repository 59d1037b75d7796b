"""What `ship` would do with a project: its images, and everything on the server. Plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from flowship.deployment.plan import Resource

if TYPE_CHECKING:
    from flowship.deployment.plan import Operation
    from flowship.deployment.report import DeployReport


@dataclass(frozen=True)
class ImagePlan:
    """What `ship` would do for one image.

    Attributes:
        label: The image's name.
        action: "nothing", "push", "probe" or "build"; see `flowship.image_choice.ImageAction`.
        reasons: Why, such as ``flows/taxi.py changed``.
        inputs: The hash of all inputs; empty where the engine lacks the base image.
        files: The short hash of each input.
        deploy: On the server. Where the image must be built first, its flows' names and
            parameters are taken to be as they were.
    """

    label: str
    action: Literal["nothing", "push", "probe", "build"]
    deploy: DeployReport
    reasons: tuple[str, ...] = ()
    inputs: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The plan of the image as JSON values only."""
        report = self.deploy.to_json()
        shared = ("image", "platform", "operations", "kept", "left", "moved", "warnings")
        deployments = report["deployments"]
        of_deployments = [text for each in deployments for text in each["warnings"]]
        return {
            "name": self.label,
            "action": self.action,
            "reasons": list(self.reasons),
            "inputs": self.inputs,
            **{name: report[name] for name in shared},
            "warnings": [*of_deployments, *report["warnings"]],
        }


@dataclass(frozen=True)
class ProjectPlan:
    """What `ship` would do.

    Attributes:
        project: The project's name.
        environment: Of the configuration; None without one.
        api_url: The server.
        release: The number of the last release; 0 where there is none.
        images: The plan of each image.
        only: The image that the plan is limited to.
        name: The deployment that the plan is limited to.
        repo: Where the image would be pushed, if an option says it.
        prune: Whether deployments that left the configuration are deleted.
    """

    project: str
    environment: str | None
    api_url: str
    release: int
    images: tuple[ImagePlan, ...]
    only: str | None = None
    name: str | None = None
    repo: str | None = None
    prune: bool = False

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What changes on the server."""
        return tuple(o for image in self.images for o in image.deploy.operations)

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.operations) or any(each.action != "nothing" for each in self.images)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values only."""
        return {
            "project": self.project,
            "environment": self.environment,
            "api_url": self.api_url,
            "release": self.release,
            "changes": self.changes,
            "images": [each.to_json() for each in self.images],
        }


SHARED = (Resource.WORK_POOL, Resource.BLOCK_TYPE, Resource.BLOCK_SCHEMA, Resource.FLOW)


def without_repeated(reports: Sequence[DeployReport]) -> list[DeployReport]:
    """The reports of several images; what they share is changed with the first of them."""
    seen: set[tuple[Resource, str]] = set()
    found = []
    for report in reports:
        own = [o for o in report.operations if (o.resource, o.name) not in seen]
        seen |= {(o.resource, o.name) for o in own if o.resource in SHARED}
        found.append(replace(report, operations=tuple(own)))
    return found
