"""Checks of the Prefect server: its address, whether it answers, its versions and its clock."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib import metadata

from flowship import scope
from flowship.doctor import up
from flowship.doctor.result import Finding, error, of_error, ok, skipped, warning
from flowship.doctor.world import World
from flowship.errors import FlowshipError
from flowship.local import records
from flowship.prefect.address import is_loopback
from flowship.redaction import mask_addresses

TIMEOUT = 5.0  # seconds for each request
SKEW = timedelta(seconds=30)
"""As long as a deploy lock lasts; a smaller difference has no effect."""

_NOTHING_RUNS = "Nothing can be deployed, and no scheduled run starts while it does not answer."


def address(world: World) -> Finding:
    """Whether the address of a Prefect API is set."""
    from flowship.prefect.address import require_address

    try:
        target = scope.required_target(world.scope.outline)
        assert target.url is not None
        require_address(target.url, target.source)
    except FlowshipError as exc:
        return of_error(exc, "flowship does not know where to deploy.")
    world.target = target
    found = f"{mask_addresses(target.url)} ({target.source})"
    if target.warnings:
        return warning(found, " ".join(target.warnings), "`flowship profile show`")
    return ok(found)


def reachable(world: World) -> Finding:
    """Whether a Prefect 3 API answers, and accepts the credentials."""
    from flowship.prefect import health
    from flowship.prefect.client import PrefectApi

    target = world.target
    assert target is not None
    assert target.url is not None
    try:
        answer = health.ask_server(target, timeout=TIMEOUT)
        if answer.silent and (own := _started_by_up(world, target.url)):
            problem = health.unusable(target.url, answer, target.source).message
            return error(f"{problem}; {own.words}", _NOTHING_RUNS, own.remedy, own.log_end)
        if not answer.usable:
            raise health.unusable(target.url, answer, target.source)
        world.connected_api = PrefectApi(target, timeout=TIMEOUT)
    except FlowshipError as exc:
        return of_error(exc, _NOTHING_RUNS)
    world.server = answer.version or "cloud"
    return ok(f"Prefect {answer.version} answers" if answer.version else "Prefect Cloud answers")


def _started_by_up(world: World, url: str) -> up.UpProcess | None:
    """The server at this address, if it is on this machine and `flowship up` started it."""
    return up.process(world, records.server_key(url)) if is_loopback(url) else None


def versions(world: World) -> Finding:
    """Whether the server, this machine and the deployed images have versions that fit."""
    from flowship.prefect import versions as rules

    server = world.server
    images = {each.flows[0].prefect for each in world.images.values() if each.flows}
    here = _installed()
    known = [f"server {server}", *(f"image {each}" for each in sorted(images))]
    found = ", ".join([*known, *([f"this machine {here}"] if here else [])])
    for image in sorted(images):
        try:
            rules.validate(image, server)
        except FlowshipError as exc:
            return error(found, exc.message[0].upper() + exc.message[1:] + ".", exc.hint)
    texts = [rules.newer_image(image, server) for image in sorted(images)]
    texts.append(rules.worker_warning(here, server) if here else None)
    if problems := [text for text in texts if text]:
        meaning, _, remedy = problems[0].rpartition("; ")
        return warning(found, meaning[0].upper() + meaning[1:] + ".", remedy)
    return ok(found)


def _installed() -> str:
    try:
        return metadata.version("prefect")
    except metadata.PackageNotFoundError:  # a small installation, without the server's packages
        return ""


def clocks(world: World) -> Finding:
    """Whether the clocks of this machine, the server and the engine agree."""
    from flowship.engine import about

    found = {}
    before = datetime.now(timezone.utc)
    theirs = world.api.clock()
    took = datetime.now(timezone.utc) - before
    if theirs is not None:
        found["the server's"] = theirs - (before + took / 2)
    if world.connected_engine is not None and (clock := about.clock(world.connected_engine)):
        found["the engine's"] = clock - datetime.now(timezone.utc)
    if not found:
        return skipped("neither the server nor the engine says what time it is")
    wrong = {name: skew for name, skew in found.items() if abs(skew) > SKEW}
    if wrong:
        return warning(
            "; ".join(f"{name} clock is {_words(skew)}" for name, skew in wrong.items()),
            "Runs start at the server's time. Logs and the ages of runs are confusing, and"
            " TLS certificates and tokens may be refused.",
            "set the clocks with NTP: `timedatectl set-ntp true`",
        )
    return ok("this machine, the server and the engine agree" if len(found) == 2
              else f"this machine's and {next(iter(found))} clock agree")  # fmt: skip


def _words(skew: timedelta) -> str:
    seconds = abs(skew.total_seconds())
    text = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"{text} {'ahead' if skew > timedelta() else 'behind'}"
