"""Runs the checks at the same time, each with a time limit, so that none makes it hang."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, TimeoutError
from contextlib import suppress
from functools import partial
from threading import Thread

from flowship.doctor.catalog import CHECKS, Check
from flowship.doctor.result import Examination, Finding, Result, Severity, error, of_error, skipped
from flowship.doctor.world import World
from flowship.errors import FlowshipError
from flowship.redaction import mask_addresses

Findings = Mapping[str, "Future[Finding]"]


def examine(world: World, checks: Sequence[Check] = CHECKS) -> Examination:
    """Run all checks.

    Args:
        world: What they look at.
        checks: Which ones.

    Raises:
        Exception: A check has a bug.
    """
    findings: dict[str, Future[Finding]] = {check.code: Future() for check in checks}
    for check in checks:
        # The threads end with the process, so that no check that hangs keeps it alive.
        Thread(target=_in_turn, args=(check, world, findings), daemon=True, name=check.code).start()
    results = tuple(Result(check.code, findings[check.code].result()) for check in checks)
    if world.connected_api is not None:
        world.connected_api.close()
    url = world.target.url if world.target else None
    return Examination(world.scope.project, mask_addresses(url) if url else None, results)


def _in_turn(check: Check, world: World, findings: Findings) -> None:
    """Wait for the checks before this one, run it, and store its finding or its exception."""
    mine = findings[check.code]
    try:
        for code in (*check.needs, *check.after):
            before = findings[code].result()
            if code in check.needs and before.severity in (Severity.ERROR, Severity.SKIPPED):
                mine.set_result(skipped(_because(code, before)))
                return
        mine.set_result(_within(check, world))
    except BaseException as exc:  # noqa: BLE001 raised again by `examine`
        mine.set_exception(exc)


def _because(code: str, before: Finding) -> str:
    """Why a check was skipped: the first one that failed, not the one in between."""
    if before.severity is Severity.SKIPPED:
        return before.found
    return f"{code} failed"


def _within(check: Check, world: World) -> Finding:
    """The finding of a check, or that it did not end within its time."""
    done: Future[Finding] = Future()
    Thread(target=partial(_run, check, world, done), daemon=True, name=f"{check.code} runs").start()
    with suppress(TimeoutError):
        return done.result(check.limit)
    asked = _asked(check, world)
    return error(
        f"no answer{asked and f' from {asked}'} within {check.limit:.0f} s",
        "What it asks hangs, or is very slow.",
        f"run `flowship doctor` again; if it stays, restart {asked or 'what the check is about'}",
    )


def _asked(check: Check, world: World) -> str:
    with suppress(FlowshipError, OSError):
        return check.asks(world)
    return ""


def _run(check: Check, world: World, done: Future[Finding]) -> None:
    try:
        done.set_result(check.run(world))
    except FlowshipError as exc:  # what it asks failed in another way than it expects
        done.set_result(of_error(exc, "The check could not be completed."))
    except BaseException as exc:  # noqa: BLE001 raised again by `examine`
        done.set_exception(exc)
