"""The deploy lock: one deploy of a project at a time, on any machine and by any user.

It is a variable on the Prefect server. Creating one is atomic: of several at one time, one
succeeds and the others get a conflict. The holder renews it while it works; one that is not
renewed any more (its holder was killed, or lost its network) expires, by the server's own clock.
On the machine of a holder that was killed, this is known at once. A waiting deploy deletes it
**by its id**, so that a lock that another deploy took in the meantime is never broken.

Prefect's concurrency limits are not an alternative: their leases are held in memory, last at
least a minute, and one whose holder was killed was still held 100 s later.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from flowship.deployment.stored import parse_moment
from flowship.errors import ApiError, FlowshipError
from flowship.events import Phase, Report, silent
from flowship.prefect.errors import ConflictError
from flowship.project import owner

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import Variable

LEASE = timedelta(seconds=30)
"""A lock that was not renewed for this long has expired."""
RENEWAL = 7.0  # seconds between renewals: four may fail
FRESH = 1.0  # seconds for which a renewal counts as proof that the lock is held
POLL = 0.5  # seconds between two attempts while another deploy holds the lock
RECORDING_POLL = 0.05  # likewise while a release of another environment is recorded


@dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
        who: ``ada@laptop``.
        since: When it was taken, ISO 8601.
        pid: The process.
    """

    who: str
    since: str
    pid: int

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid}, since {self.since})"


@dataclass(frozen=True)
class LockState:
    """A deploy lock on the server, as someone who does not hold it sees it.

    Attributes:
        id: The variable's, which no later lock has.
        name: The variable's name.
        holder: Who holds it.
        renewed: When its holder renewed it last, by the server's clock; ISO 8601.
        silent: Seconds since then, by the server's clock.
        expired: Whether it was not renewed for too long: the next deploy breaks it.
        abandoned: Whether its holder was a process of this machine, and is gone: likewise.
    """

    id: str
    name: str
    holder: Holder
    renewed: str
    silent: float
    expired: bool
    abandoned: bool = False

    @property
    def at_work(self) -> bool:
        """Whether its deploy may still go on; else the next deploy breaks the lock."""
        return not (self.expired or self.abandoned)

    @property
    def state(self) -> str:
        """Whether its deploy goes on, in words."""
        if self.abandoned:
            return "its process on this machine has ended"
        return "expired" if self.expired else "its deploy is at work"


def current(api: PrefectApi, block: str) -> LockState | None:
    """The deploy lock of a project, which is named after its block; None if no deploy holds it.

    Raises:
        ApiError: The API does not answer.
    """
    return _read(api, lock_name(block))


def was_killed(api: PrefectApi, block: str) -> bool:
    """Whether the last deploy of a project was killed: its lock is there without a process.

    Raises:
        ApiError: The API does not answer.
    """
    found = current(api, block)
    return found is not None and not found.at_work


def of_history(api: PrefectApi, project: str) -> LockState | None:
    """The lock of a project's history; None if no deploy is recording a release.

    Raises:
        ApiError: The API does not answer.
    """
    return _read(api, history_lock_name(project))


def _read(api: PrefectApi, name: str) -> LockState | None:
    found = api.variable(name)
    if found is None:
        return None
    variable, now = found
    silent = now - parse_moment(variable["updated"])
    return LockState(
        id=variable["id"],
        name=variable["name"],
        holder=_holder(variable),
        renewed=variable["updated"],
        silent=max(0.0, silent.total_seconds()),
        expired=silent > LEASE,
        abandoned=_is_abandoned(variable),
    )


def remove(api: PrefectApi, lock: LockState) -> bool:
    """Break a lock; the deploy that holds it stops before its next change.

    The deploy notices it at its next `DeployLock.check`, except in the `FRESH` second after a
    renewal. It is deleted by its id: a lock that another deploy took in the meantime stays.

    Returns:
        False if it was gone already.
    """
    return api.delete_variable(lock.id)


def lock_name(block: str) -> str:
    """The variable's name.

    Servers from 3.2 to at least 3.4.0 reject a dash in it. A block's name has dashes, but no
    underscores, so two blocks never share a lock.
    """
    return f"flowship_deploy_lock_{block.replace('-', '_')}"


class DeployLock:
    """A lock that is held. `held` makes one.

    Args:
        api: The server.
        variable: The lock on the server.
        value: The variable's value.
        taken: When the request that created it was sent, by `_clock`.
        after_dead: Whether it replaces the lock of a deploy that was killed.
    """

    def __init__(
        self,
        api: PrefectApi,
        variable: Variable,
        value: dict[str, Any],
        taken: float,
        *,
        after_dead: bool = False,
    ) -> None:
        self.after_dead = after_dead
        self._api = api
        self._id = variable["id"]
        self._value = value
        self._renewed = taken
        self._renewing = threading.Lock()
        self._broken = threading.Event()
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="deploy-lock")
        self._thread.start()

    @property
    def who(self) -> str:
        """Who holds it: ``ada@laptop``."""
        return str(self._value["who"])

    def check(self) -> None:
        """Make sure that the lock is still held, also if `remove` broke it a moment ago.

        Raises:
            ApiError: It was broken, or it expired, and another deploy may have taken it.
        """
        if not self._expired:
            self._renew(FRESH)
        # The time counts as well: after a suspension, this can be called before the thread runs.
        if self._broken.is_set() or self._expired:
            raise ApiError(
                "the deploy lock was lost: `flowship unlock` broke it, or this machine was"
                f" suspended or could not reach the server for {LEASE.seconds} s; another deploy"
                " may have started",
                code="deploy-lock-lost",
                hint="run the command again: it checks the server first, then completes the deploy",
            )

    def release(self) -> None:
        """Give the lock back."""
        self._released.set()
        with suppress(FlowshipError):  # it expires by itself
            self._api.delete_variable(self._id)

    @property
    def _expired(self) -> bool:
        return _clock() - self._renewed > LEASE.total_seconds()

    def _keep(self) -> None:
        while not (self._released.wait(RENEWAL) or self._broken.is_set()):
            self._renew()

    def _renew(self, older_than: float = 0) -> None:
        """Renew the lock if its last renewal is so many seconds old, and note if it is gone."""
        with self._renewing:
            sent = _clock()
            if sent - self._renewed <= older_than or self._broken.is_set():
                return
            self._value["renewals"] += 1
            with suppress(FlowshipError):  # it may succeed the next time
                if self._api.update_variable(self._id, self._value):
                    self._renewed = sent
                else:
                    self._broken.set()


@contextmanager
def held(
    api: PrefectApi,
    block: str,
    *,
    wait: bool = True,
    report: Report = silent,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[DeployLock]:
    """Hold the deploy lock of a project, which is named after its block.

    Args:
        api: The server.
        block: The block that the deployments share.
        wait: Wait for another deploy to end; else it is an error.
        report: Receives who holds the lock.
        sleep: How to wait.

    Raises:
        ApiError: Another deploy is in progress, and `wait` is False; or the API does not answer.
    """
    lock = _take(api, lock_name(block), wait=wait, report=report, sleep=sleep)
    try:
        yield lock
    finally:
        lock.release()


def history_lock_name(project: str) -> str:
    """The variable's name, as `lock_name` makes it."""
    return f"flowship_release_lock_{project.replace('-', '_')}"


@contextmanager
def recording(api: PrefectApi, project: str) -> Iterator[None]:
    """Hold the lock of a project's history, while a release gets its number.

    The deploy lock is not enough: a project's environments on one server have blocks and deploy
    locks of their own, and one row of numbers.

    Raises:
        ApiError: The API does not answer or refuses.
    """
    name = history_lock_name(project)
    lock = _take(api, name, wait=True, report=silent, sleep=lambda _: time.sleep(RECORDING_POLL))
    try:
        yield
    finally:
        lock.release()


def _take(
    api: PrefectApi,
    name: str,
    *,
    wait: bool,
    report: Report,
    sleep: Callable[[float], None],
) -> DeployLock:
    waiting_for, broke = "", False
    while True:
        value = _value()
        sent = _clock()
        with suppress(ConflictError):
            made = api.create_variable(name, value)
            return DeployLock(api, made, value, sent, after_dead=broke)
        found = _read(api, name)
        if found is None:
            continue  # released in the meantime
        if not found.at_work:
            report(Phase(f"breaking the deploy lock of {found.holder}: {found.state}"))
            broke = remove(api, found)
            continue
        holder = str(found.holder)
        if not wait:
            raise ApiError(
                f"another deploy of this project is in progress: {holder}",
                code="deploy-in-progress",
                hint="run the command again later, or omit --no-wait; `flowship unlock` breaks a"
                " lock whose deploy hangs",
            )
        if holder != waiting_for:
            report(Phase(f"waiting for another deploy of this project: {holder}"))
            waiting_for = holder
        sleep(POLL)


def _clock() -> float:
    """Seconds that also pass while the machine is suspended, where the system counts them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux
    return time.monotonic() if boot is None else time.clock_gettime(boot)


def _value() -> dict[str, Any]:
    return {
        "who": f"{_user()}@{socket.gethostname()}",
        "pid": os.getpid(),
        "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "process": owner.own(),
        "token": uuid4().hex,
        "renewals": 0,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _is_abandoned(variable: Variable) -> bool:
    value = variable["value"] if isinstance(variable["value"], dict) else {}
    return owner.has_ended(str(value.get("process", "")))


def _holder(variable: Variable) -> Holder:
    value = variable["value"] if isinstance(variable["value"], dict) else {}
    pid = value.get("pid")
    return Holder(
        str(value.get("who", "another user")),
        str(value.get("since", "an unknown time")),
        pid if isinstance(pid, int) else 0,
    )
