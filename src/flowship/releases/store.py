"""The history of a project: its releases on the Prefect server, in a keyed artifact.

Each release is a version of the artifact. The server keeps artifacts that belong to no run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from flowship.deployment import lock
from flowship.errors import ApiError, UsageError
from flowship.releases import page
from flowship.releases.record import Release

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Artifact

PAGE = 20
"""Releases that are asked for at once, after the first: one of 100 deployments has 100 kB."""

_NUMBER = re.compile(r"#?(\d{1,6})")
_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{7,64})")


def artifact_key(project: str) -> str:
    """The key of a project's releases."""
    return f"flowship-release-{project}"


def releases(api: PrefectApi, project: str, first: int = 1) -> Iterator[Release]:
    """A project's releases, the newest first, read as far as they are asked for. What cannot be
    read is left out.

    Args:
        api: The server.
        project: The project's name.
        first: How many to ask for at first.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    offset, limit = 0, first
    while True:
        found = api.artifacts(artifact_key(project), limit=limit, offset=offset)
        for artifact in found:
            if release := _release(artifact, project):
                yield release
        if len(found) < limit:
            return
        offset, limit = offset + limit, PAGE


def history(api: PrefectApi, project: str, limit: int | None = None) -> list[Release]:
    """The last releases of a project, the newest first; all of them without a limit.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    return list(islice(releases(api, project, min(limit or PAGE, PAGE)), limit))


def latest(api: PrefectApi, project: str, environment: str | None = None) -> Release | None:
    """The last release of a project, or of one of its environments; None if there is none.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    found = releases(api, project)
    return next((r for r in found if environment in (None, r.environment)), None)


def current(api: PrefectApi, project: str, environment: str | None = None) -> list[Release]:
    """The last release of each environment, the newest first; only that of `environment`, if it is
    given.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    if environment is not None:
        found = latest(api, project, environment)
        return [found] if found else []
    newest: dict[str | None, Release] = {}
    for release in history(api, project, PAGE):
        newest.setdefault(release.environment, release)
    return list(newest.values())


def projects(api: PrefectApi, like: str = "") -> tuple[str, ...]:
    """The names of the projects with a release that begin with `like`; at most 200."""
    head = artifact_key("")
    keys = [str(each["key"]) for each in api.latest_artifacts_like(head + like)]
    return tuple(sorted(key.removeprefix(head) for key in keys if key.startswith(head)))


def find(api: PrefectApi, project: str, which: str) -> Release:
    """A release by its number, or the newest one by an image's digest or git revision.

    Args:
        api: The server.
        project: The project's name.
        which: ``3``, ``sha256:…``, or at least 7 digits of a digest or a git revision.

    Raises:
        UsageError: There is no such release.
        ApiError: The API does not answer or refuses.
    """
    for release in releases(api, project):
        if is_meant(release, which):
            return release
    raise not_found(project, which)


def is_meant(release: Release, which: str) -> bool:
    """Whether `which` names this release; see `find`."""
    if number := _NUMBER.fullmatch(which):
        return release.number == int(number[1])
    digits = _HASH.fullmatch(which.lower())
    if digits is None:
        return False
    named = [image.digest.removeprefix("sha256:") for image in release.images]
    if not which.startswith("sha256:"):
        named += [image.revision for image in release.images]
    return any(each.startswith(digits[1]) for each in named)


def not_found(project: str, which: str) -> UsageError:
    """The error for a release that does not exist."""
    return UsageError(
        f"{project} has no release {which}",
        code="release-not-found",
        hint="`flowship history` lists the releases; name one by its number, a digest, or a git"
        " revision, with at least 7 digits",
    )


# --- recording -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Previous:
    """What a new release comes after.

    Attributes:
        number: Of the last release; 0 if there is none.
        release: The last one of the environment.
    """

    number: int = 0
    release: Release | None = None


def previous(api: PrefectApi, project: str, environment: str | None) -> Previous | None:
    """What a release of this environment comes after; None where the server does not say.

    A release that cannot be read or recorded does not make a deploy fail: the next plan then does
    not know whose edit it replaces.
    """
    with suppress(ApiError):
        return read_previous(api, project, environment)
    return None


def read_previous(api: PrefectApi, project: str, environment: str | None) -> Previous:
    """What a release of this environment comes after.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    number = 0
    for release in releases(api, project):
        number = max(number, release.number)
        if release.environment == environment:
            return Previous(number, release)
    return Previous(number)


def add(api: PrefectApi, release: Release) -> Release:
    """Record a release under the project's next number, which no other release has: also if
    another environment of the project records one at this moment.

    Returns:
        It, with its number, its id and its time.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    with lock.recording(api, release.project):
        newest = next(releases(api, release.project), None)
        return record(api, replace(release, number=newest.number + 1 if newest else 1))


def not_recorded(exc: ApiError) -> str:
    """The warning about a change that is in no release."""
    return (
        f"the release was not recorded: {exc.message}; `flowship history` does not show it and"
        " `flowship rollback` cannot return to it; the next deploy records what is deployed then"
    )


def record(api: PrefectApi, release: Release) -> Release:
    """Record a release as it is, with its number; `add` gives it one.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    body = {
        "type": "markdown",
        "description": f"Release {release.number} of {release.project}: {release.made_by}",
        "data": page.write(release),
    }
    made = api.create_artifact(artifact_key(release.project), body)
    stored = _release(made, release.project)
    return stored or replace(release, id=made["id"])


def _release(artifact: Artifact, project: str) -> Release | None:
    data = page.read(artifact.get("data"))
    return Release.from_json(
        data, project=project, id=artifact["id"], created=artifact.get("created")
    )
