"""Records the release of a command while it deploys the images of a project, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowship.errors import ApiError
from flowship.releases import making, store
from flowship.releases.last import last_release
from flowship.releases.making import Deployed, Origin
from flowship.releases.record import Release
from flowship.releases.words import essence

if TYPE_CHECKING:
    from flowship.deployment.drift import LastRelease
    from flowship.prefect.client import PrefectApi


class Recorder:
    """What a command has deployed so far.

    Args:
        api: The server.
        project: The project's name.
        origin: Where the release comes from.
    """

    def __init__(self, api: PrefectApi, project: str, origin: Origin) -> None:
        self._api, self._project, self._origin = api, project, origin
        self._done: list[Deployed] = []
        self._unread: ApiError | None = None
        self._previous = store.Previous()
        try:
            self._previous = store.read_previous(api, project, origin.environment)
        except ApiError as exc:  # a deploy does not fail for that
            self._unread = exc

    @property
    def last(self) -> LastRelease:
        """The last release, as a plan compares with it."""
        return last_release(self._previous.release)

    def add(self, done: Deployed) -> None:
        """An image was deployed, or its deploy failed halfway."""
        self._done.append(done)

    def is_recorded(self, done: Sequence[Deployed]) -> bool:
        """Whether the last release says what the server has. It does not after a deploy that was
        killed before it could record its release."""
        if self._unread:  # then nothing can be recorded either
            return True
        made = self._make(done, who="")
        before = self._previous.release
        if before is None:
            return False
        known = {*map(essence, before.images), *map(essence, before.deployments)}
        return known.issuperset({*map(essence, made.images), *map(essence, made.deployments)})

    def record(self, who: str, incomplete: str = "") -> int | None:
        """Record the release, if it says anything new.

        Args:
            who: Who deployed it.
            incomplete: Why not everything was deployed; empty if it was.

        Returns:
            Its number; None if there is nothing new.

        Raises:
            ApiError: It cannot be recorded.
        """
        changed = any(done.operations for done in self._done)
        if not changed and self.is_recorded(self._done):
            return None
        if self._unread:
            raise self._unread
        return store.add(self._api, self._make(self._done, who, incomplete)).number

    def _make(self, done: Sequence[Deployed], who: str, incomplete: str = "") -> Release:
        before = self._previous
        return making.make(
            self._project,
            self._origin,
            done,
            before.release,
            number=before.number + 1,
            who=who,
            incomplete=incomplete,
        )
