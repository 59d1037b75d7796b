"""What a command that builds nothing is about: which server, and whose deployments.

It works where there is no project, or one that cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowship.config.loading import settings_or_none
from flowship.config.settings import Settings
from flowship.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.profiles.resolution import ApiTarget


@contextmanager
def open_api(settings: Settings | None = None) -> Iterator[PrefectApi]:
    """The Prefect API of `api_target`."""
    from flowship.prefect.client import PrefectApi

    with PrefectApi(api_target(settings)) as api:
        yield api


def api_target(settings: Settings | None) -> ApiTarget:
    """The Prefect API of the profile that the project names for its environment; else the one
    that Prefect's own commands in this folder would use.

    Raises:
        ConfigError: The profile does not exist, or another setting names another server.
    """
    from flowship.prefect.profiles import resolution

    if settings is None or settings.profile is None:
        return resolution.resolve()
    return resolution.resolve(profile=settings.profile, where=settings.place("profile"))


def known_project(folder: Path, environment: str | None = None) -> Settings | None:
    """The project's settings, if they can be read: its server, and which deployments are its own.

    Raises:
        UsageError, ConfigError: They cannot be read, although an environment is chosen: a run
            must not start on another server.
    """
    try:
        return settings_or_none(folder, environment)
    except ConfigError:
        if environment or os.environ.get("FLOWSHIP_ENV"):
            raise
        return None


def only_deployment(settings: Settings) -> str:
    """The deployment that `run` means where none is named.

    Raises:
        UsageError: Several are configured.
    """
    names = settings.deployment_names
    if len(names) > 1:
        raise UsageError(
            f"{len(names)} deployments are configured",
            code="deployment-name-required",
            hint=f"choose one of: {', '.join(names)}",
            where="DEPLOYMENT",
        )
    return names[0]
