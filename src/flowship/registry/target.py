"""Where to push: the reference given by option or configuration, validated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowship.config.settings import Settings
from flowship.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from flowship.registry import Reference


def further_names(tags: Sequence[str] | None) -> tuple[str, ...]:
    """The names that ``--tag`` gives, judged before anything slow.

    Raises:
        UsageError: One is no name that an image can be given.
    """
    from flowship.registry import Reference

    for tag in tags or ():
        try:
            pinned = Reference.parse(tag).digest
        except UsageError as exc:
            raise UsageError(exc.message, hint=exc.hint, where="--tag") from exc
        if pinned:
            raise UsageError(
                f"{tag} has a digest, which only a registry gives",
                hint="for instance --tag trips:nightly",
                where="--tag",
            )
    return tuple(tags or ())


def push_target(repo: str | None, settings: Settings | None) -> Reference:
    """Where to push: ``--repo``, else the configured repository.

    Raises:
        UsageError: Neither is given, or ``--repo`` is no reference.
        ConfigError: The configured one is none.
    """
    from flowship import registry

    text = repo or (settings.repo if settings else None)
    if not text:
        raise UsageError(
            "no repository is given",
            hint='`--repo user/de-repo:tag`, or repo = "user/de-repo" in the configuration',
            where="--repo",
        )
    try:
        return registry.push_target(text)
    except UsageError as exc:
        if repo or settings is None:
            raise
        place = settings.place("repo")
        raise ConfigError(f"repo: {exc.message}", hint=exc.hint, where=place) from exc
