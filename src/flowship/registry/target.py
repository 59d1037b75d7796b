"""Where to push: the reference from the option or the configuration, validated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flowship.config.settings import Settings
from flowship.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from flowship.registry import Reference


def further_names(tags: Sequence[str] | None) -> tuple[str, ...]:
    """The names from ``--tag``, validated before anything slow.

    Raises:
        UsageError: An image cannot have one of them as its name.
    """
    from flowship.registry import Reference

    for tag in tags or ():
        try:
            pinned = Reference.parse(tag).digest
        except UsageError as exc:
            raise UsageError(exc.message, code=exc.code, hint=exc.hint, where="--tag") from exc
        if pinned:
            raise UsageError(
                f"{tag} has a digest, which only a registry assigns",
                code="invalid-image-reference",
                hint="for example --tag trips:nightly",
                where="--tag",
            )
    return tuple(tags or ())


def push_target(repo: str | None, settings: Settings | None) -> Reference:
    """Where to push: ``--repo``, else the configured repository.

    Returns:
        The reference; its `place` says whether only a file of the project names it.

    Raises:
        UsageError: Neither is given, or ``--repo`` is not a reference.
        ConfigError: The configured one is not a reference.
    """
    from flowship import registry

    text = repo or (settings.repo if settings else None)
    if not text:
        raise UsageError(
            "no repository to push to",
            code="no-repository",
            hint='use `--repo user/de-repo:tag`, or set repo = "user/de-repo" in the configuration',
            where="--repo",
        )
    if repo or settings is None:
        return registry.push_target(text)
    place = settings.place("repo")
    try:
        target = registry.push_target(text)
    except UsageError as exc:
        raise ConfigError(
            f"repo: {exc.message}", code=exc.code, hint=exc.hint, where=place
        ) from exc
    by_user = isinstance(settings.origins.get("repo"), str)  # a variable or an option
    return replace(target, place="" if by_user else place)
