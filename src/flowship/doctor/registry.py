"""Checks of the registry that the project pushes to."""

from __future__ import annotations

from flowship.doctor.result import Finding, of_error, ok, skipped
from flowship.doctor.world import World
from flowship.errors import FlowshipError

_MEANING = "`flowship push` and `ship` fail, and workers cannot pull new images."


def asked(world: World) -> str:
    """Its address."""
    from flowship.registry.target import push_target

    return f"the registry {push_target(None, world.settings).registry}" if world.settings else ""


def reachable(world: World) -> Finding:
    """Whether the registry of the project answers."""
    from flowship.registry import REFUSALS, Fault, RegistryFailure, credentials_for, is_loopback
    from flowship.registry.client import RegistryClient
    from flowship.registry.target import push_target

    if world.settings is None or not world.settings.repo:
        configured = "no repo is configured: images stay in the engine"
        return skipped(world.why_no_settings or configured)
    engine = world.connected_engine
    try:
        target = push_target(None, world.settings)
        if engine and engine.is_remote and is_loopback(target.registry):
            return skipped(f"{target.registry} is on the engine's machine")
        login = credentials_for(target)
        with RegistryClient(target.registry, login) as client:
            client.verify_login()
    except RegistryFailure as exc:
        if exc.fault not in {*REFUSALS, Fault.WRONG_PASSWORD}:
            return of_error(exc, _MEANING)
    except FlowshipError as exc:
        return of_error(exc, _MEANING)
    world.repository = target, login
    return ok(f"{target.registry} answers")


def credentials(world: World) -> Finding:
    """Whether the registry would accept a push: an upload is begun and canceled."""
    from flowship.registry.copying import require_push

    if world.repository is None:
        return skipped("no registry to ask")
    target, login = world.repository
    try:
        require_push(target, login)
    except FlowshipError as exc:
        return of_error(exc, _MEANING)
    who = f"{login.username} may" if login and not login.is_token else "you may"
    return ok(f"{who} push to {target.repository}")
