"""Which of the configured deployments a command is about."""

from __future__ import annotations

from collections.abc import Sequence

from flowship.config.settings import Settings
from flowship.config.tables import Deployment
from flowship.deployment.desired import Flags
from flowship.errors import UsageError, did_you_mean


def chosen(settings: Settings, flags: Flags) -> tuple[Deployment, ...]:
    """The deployments that this call is about: all configured, the named one, or a first one."""
    configured = settings.deployments
    known = {d.name: d for d in configured}
    if flags.name in known:
        return (known[flags.name],)
    if flags.name is not None and configured:
        raise UsageError(
            f'no deployment is named "{flags.name}"',
            code="deployment-unknown",
            hint=did_you_mean(flags.name, known, f"configured: {', '.join(known)}"),
            where="--name",
        )
    if flags.name is not None:
        return (_named(flags.name),)
    _require_name(configured, flags)
    return configured or (Deployment(name=settings.deployment_names[0]),)


def _named(name: str) -> Deployment:
    try:
        return Deployment(name=name)
    except ValueError as exc:
        raise UsageError(
            f'"{name}" is not a valid deployment name',
            code="deployment-name-invalid",
            hint="remove these characters: / % & > <",
            where="--name",
        ) from exc


def _require_name(configured: Sequence[Deployment], flags: Flags) -> None:
    option = flags.schedule_option or ("--no-schedule" if flags.no_schedule else None)
    option = option or ("--param" if flags.parameters else None)
    if len(configured) > 1 and option:
        raise UsageError(
            f"{len(configured)} deployments are configured: {option} needs --name",
            code="deployment-name-required",
            hint=f"one of: {', '.join(d.name for d in configured)}",
            where=option,
        )
