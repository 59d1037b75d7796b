"""Whether the project's files are still those of its last release; no engine is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowship import dockerfile
from flowship.build_request import prepare_build
from flowship.errors import FlowshipError
from flowship.status.record import Compared, Source

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.releases.record import Release


def compare(settings: Settings, release: Release) -> dict[str, Compared]:
    """Each image of a project, by its name, compared with a release.

    Args:
        settings: The project's; valid.
        release: The last one.
    """
    return {each.label: _image(each, release) for each in settings.per_image()}


def _image(settings: Settings, release: Release) -> Compared:
    released = release.image(settings.label)
    if released is None or not released.files:
        return Compared(Source.UNKNOWN)
    try:
        request = prepare_build(settings)
    except FlowshipError:  # `flowship check` explains it
        return Compared(Source.UNKNOWN)
    now = request.input_hashes({})
    if not now:
        return Compared(Source.UNKNOWN)
    # A release also has the fingerprints of the base images, which only an engine knows.
    bases = dockerfile.base_images(request.dockerfile, request.settings.build_args)
    names = (now.keys() | released.files.keys()) - set(bases)
    changed = tuple(sorted(name for name in names if now.get(name) != released.files.get(name)))
    return Compared(Source.EDITED if changed else Source.SAME, changed)
