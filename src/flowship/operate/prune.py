"""Removes images of a project from the engine, but none that a rollback or a container needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from flowship.engine import images as engine_images
from flowship.engine.client import LABEL
from flowship.releases import store
from flowship.releases.record import Release

if TYPE_CHECKING:
    from flowship.engine.client import Engine
    from flowship.engine.images import EngineImage
    from flowship.prefect.client import PrefectApi


@dataclass(frozen=True)
class PrunedImage:
    """An image of the project in the engine.

    Attributes:
        id: The engine's id.
        names: Its names in the engine.
        size: Bytes, with layers that it shares with other images.
        kept: Why it is kept; empty if it is removed.
    """

    id: str
    names: tuple[str, ...]
    size: int
    kept: str


def plan(
    engine: Engine, api: PrefectApi, project: str, labels: Iterable[str], keep: int
) -> list[PrunedImage]:
    """What would be removed and what would be kept.

    Args:
        engine: The engine.
        api: The server that has the releases.
        project: The project's name.
        labels: The names of its images in the configuration, as far as it can be read.
        keep: Releases of each environment whose images are kept.

    Raises:
        ApiError: The API does not answer: then nothing says what a rollback needs.
        EngineError: The engine failed.
    """
    releases = store.history(api, project)
    used = engine_images.used_by_containers(engine)
    needed = _kept_releases(releases, keep)
    named = {image.label for release in releases for image in release.images} | {*labels}
    found = []
    for name in sorted({project, *(f"{project}-{label}" for label in named)}):
        for number, image in enumerate(engine_images.with_label(engine, f"{LABEL}.project", name)):
            kept = _reason(image, needed, used) or ("built last" if number == 0 else "")
            found.append(PrunedImage(image.id, image.tags or image.digests, image.size, kept))
    return found


def _kept_releases(releases: Sequence[Release], keep: int) -> list[Release]:
    """The last releases of each environment, the newest first."""
    environments = dict.fromkeys(release.environment for release in releases)
    return [
        release
        for environment in environments
        for release in islice((r for r in releases if r.environment == environment), keep)
    ]


def _reason(image: EngineImage, releases: Sequence[Release], used: frozenset[str]) -> str:
    if image.id in used:
        return "a container uses it"
    inputs = image.labels.get(f"{LABEL}.inputs")
    digests = {name.partition("@")[2] for name in image.digests}
    for release in releases:
        for released in release.images:
            same = bool(inputs) and released.inputs == inputs
            if same or released.digest in digests - {""}:
                return f"release {release.number}"
    return ""


def remove(engine: Engine, images: Sequence[PrunedImage]) -> int:
    """Remove images; the bytes that this frees.

    Raises:
        EngineError: The engine refuses, such as for an image that a container began to use.
    """
    before = engine_images.layers_size(engine)
    for image in images:
        engine_images.remove(engine, image.id, image.names)
    return max(0, before - engine_images.layers_size(engine))
