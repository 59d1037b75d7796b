"""The deploy lock on a real server: one at a time, and a dead holder blocks no one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta

import pytest

from flowship.deployment import lock
from flowship.errors import ApiError
from flowship.prefect.client import PrefectApi
from support.deploying import Target

pytestmark = pytest.mark.server

HOLD = """
import sys, time
from flowship.deployment import lock
from flowship.prefect.client import PrefectApi
from support.deploying import Target
with lock.held(PrefectApi(Target(sys.argv[1])), sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


DEPLOY = """
import os, signal, sys
from flowship.deployment import lock
from flowship.errors import ApiError
from flowship.prefect.client import PrefectApi
from support.deploying import Target
with lock.held(PrefectApi(Target(sys.argv[1])), sys.argv[2]) as held:
    held.check()
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        held.check()
    except ApiError as exc:
        print(exc.code)
    else:
        print("changed")
"""


@pytest.fixture
def api(prefect_server: str) -> PrefectApi:
    return PrefectApi(Target(prefect_server))


@pytest.fixture
def name() -> str:
    return f"taxi-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def short_lease(monkeypatch) -> None:
    monkeypatch.setattr(lock, "LEASE", timedelta(seconds=2))
    monkeypatch.setattr(lock, "RENEWAL", 0.3)


def test_a_lock_is_a_variable_that_is_gone_when_it_is_released(api, name):
    with lock.held(api, name) as held:
        held.check()
        variable, _ = api.variable(lock.lock_name(name))
        assert variable["value"]["pid"] == os.getpid()
    assert api.variable(lock.lock_name(name)) is None


def test_the_name_of_a_lock_is_one_that_each_supported_server_accepts():
    # "must only contain lowercase letters, numbers, and underscores": Prefect 3.2 to 3.4.
    assert lock.lock_name("de-taxi-2-docker") == "flowship_deploy_lock_de_taxi_2_docker"


def test_a_lock_is_released_when_the_deploy_fails(api, name):
    with pytest.raises(RuntimeError), lock.held(api, name):
        raise RuntimeError
    assert api.variable(lock.lock_name(name)) is None


def test_the_second_waits_and_says_for_whom(api, name):
    seen, order = [], []
    release = threading.Event()

    def first() -> None:
        with lock.held(api, name):
            order.append("first begins")
            release.wait(30)
            order.append("first ends")

    thread = threading.Thread(target=first)
    thread.start()
    while not order:
        time.sleep(0.05)

    def said(event) -> None:
        seen.append(event.text)
        release.set()

    with lock.held(api, name, report=said):
        order.append("second")
    thread.join()
    assert order == ["first begins", "first ends", "second"]
    (text,) = seen
    assert "waiting for another deploy of this project" in text
    assert f"process {os.getpid()}" in text


def test_without_waiting_it_is_an_error_that_names_the_holder(api, name):
    with lock.held(api, name), pytest.raises(ApiError) as caught, lock.held(api, name, wait=False):
        pass
    assert caught.value.code == "deploy-in-progress"
    assert f"process {os.getpid()}" in caught.value.message


def test_a_lock_that_is_renewed_does_not_expire(api, name, short_lease):
    with lock.held(api, name) as held:
        time.sleep(4)
        held.check()
        with pytest.raises(ApiError, match="in progress"), lock.held(api, name, wait=False):
            pass


def test_a_holder_that_was_killed_on_this_machine_blocks_no_deploy(api, name, prefect_server):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, prefect_server, name],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    found = lock.current(api, name)
    assert found is not None
    assert (found.at_work, found.state) == (True, "its deploy is at work")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    found = lock.current(api, name)
    assert found is not None
    assert (found.expired, found.abandoned) == (False, True)
    seen = []
    with lock.held(api, name, wait=False, report=lambda event: seen.append(event.text)):
        pass
    (text,) = seen
    assert f"process {holder.pid}" in text
    assert text.endswith(": its process on this machine has ended")


def test_a_holder_that_was_killed_elsewhere_does_not_block_beyond_the_expiry(
    api, name, short_lease
):
    theirs = {"who": "ada@laptop", "pid": 4711, "process": "another-boot-1 4711-1"}
    api.create_variable(lock.lock_name(name), theirs)
    seen = []
    began = time.monotonic()
    with lock.held(api, name, report=lambda event: seen.append(event.text)):
        assert 1 < time.monotonic() - began < 30
    assert "waiting for another deploy" in seen[0]
    assert seen[-1].endswith("(process 4711, since an unknown time): expired")


def test_a_broken_lock_stops_the_deploy(api, name, short_lease):
    with lock.held(api, name) as held:
        variable, _ = api.variable(lock.lock_name(name))
        api.delete_variable(variable["id"])
        time.sleep(1)
        with pytest.raises(ApiError) as caught:
            held.check()
    assert caught.value.code == "deploy-lock-lost"


def test_a_break_is_noticed_before_the_next_change_and_not_only_at_the_next_renewal(api, name):
    with lock.held(api, name) as held:
        time.sleep(lock.FRESH + 0.1)
        held.check()  # renews
        found = lock.current(api, name)
        assert found is not None
        assert api.variable(found.name)[0]["value"]["renewals"] == 1
        held.check()  # the renewal is fresh: no request
        assert api.variable(found.name)[0]["value"]["renewals"] == 1
        assert lock.remove(api, found)
        time.sleep(lock.FRESH + 0.1)  # far less than lock.RENEWAL
        for _ in range(2):
            with pytest.raises(ApiError) as caught:
                held.check()
            assert caught.value.code == "deploy-lock-lost"


def test_a_deploy_that_was_stopped_while_its_lock_was_broken_changes_nothing(
    api, name, prefect_server
):
    deploy = subprocess.Popen(
        [sys.executable, "-c", DEPLOY, prefect_server, name],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert deploy.stdout is not None
    assert deploy.stdout.readline() == "held\n"
    os.waitid(os.P_PID, deploy.pid, os.WSTOPPED)
    found = lock.current(api, name)
    assert found is not None
    assert lock.remove(api, found)
    time.sleep(lock.FRESH + 0.1)
    deploy.send_signal(signal.SIGCONT)
    said, _ = deploy.communicate(timeout=30)
    assert said == "deploy-lock-lost\n"


def test_a_lock_that_was_broken_while_its_holder_was_stopped_in_the_request_is_lost(
    api, name, monkeypatch
):
    create = api.create_variable

    def stopped_before_the_answer(*args):
        variable = create(*args)
        api.delete_variable(variable["id"])
        time.sleep(lock.FRESH + 0.1)
        return variable

    monkeypatch.setattr(api, "create_variable", stopped_before_the_answer)
    with lock.held(api, name) as held, pytest.raises(ApiError) as caught:
        held.check()
    assert caught.value.code == "deploy-lock-lost"


def test_a_deploy_that_was_suspended_for_longer_than_the_lease_stops_at_once(
    api, name, short_lease, monkeypatch
):
    monkeypatch.setattr(lock, "RENEWAL", 100)  # as if the thread had not run since
    with lock.held(api, name) as held:
        held.check()
        time.sleep(2.1)
        with pytest.raises(ApiError) as caught:
            held.check()
    assert caught.value.code == "deploy-lock-lost"


def test_releasing_a_lost_lock_leaves_the_one_of_the_next_holder(api, name, short_lease):
    with lock.held(api, name):
        variable, _ = api.variable(lock.lock_name(name))
        api.delete_variable(variable["id"])
        theirs = api.create_variable(lock.lock_name(name), {"who": "ada@laptop"})
    variable, _ = api.variable(lock.lock_name(name))
    assert variable["id"] == theirs["id"]
    api.delete_variable(theirs["id"])


# --- as someone else sees it ---------------------------------------------------------------------


def test_without_a_lock_there_is_no_state(api, name):
    assert lock.current(api, name) is None


def test_a_held_lock_says_who_holds_it_since_when_and_that_it_is_renewed(api, name):
    with lock.held(api, name):
        found = lock.current(api, name)
        assert found is not None
        assert (found.holder.pid, found.expired) == (os.getpid(), False)
        assert found.holder.since.startswith("20")
        assert found.silent < 5


def test_a_lock_that_is_not_renewed_is_expired_by_the_servers_clock(api, name, monkeypatch):
    monkeypatch.setattr(lock, "LEASE", timedelta(seconds=1))
    api.create_variable(lock.lock_name(name), {"who": "ada@laptop", "pid": 1})
    time.sleep(2.5)  # the Date header has no fractions of a second
    found = lock.current(api, name)
    assert found is not None
    assert found.expired
    assert lock.remove(api, found)
    assert lock.current(api, name) is None


def test_a_lock_that_was_taken_in_the_meantime_is_not_broken(api, name):
    with lock.held(api, name):
        seen = lock.current(api, name)
    assert seen is not None
    with lock.held(api, name) as theirs:
        assert not lock.remove(api, seen)
        theirs.check()
        assert lock.current(api, name) is not None
