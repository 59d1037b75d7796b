"""What killed commands left: found, and with --fix removed, but nothing of anyone else."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from flowship.deployment import lock
from flowship.local import scheduler
from flowship.prefect.client import PrefectApi
from support.deploying import Target

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_expired_locks_are_found_and_removed(healthy):
    api = PrefectApi(Target(healthy.url))
    names = [lock.lock_name(f"{healthy.name}-docker"), lock.history_lock_name(healthy.name)]
    for name in names:
        api.create_variable(name, {"who": "ada@laptop", "pid": 1})
    time.sleep(32)  # until it expires
    assert healthy.problems() == {"deploy-lock": "warning"}
    assert "ada@laptop" in healthy.says("deploy-lock")
    done = healthy.run("doctor", "--fix")
    assert done.code == 0, done.stdout
    assert (
        "removed the lock of ada@laptop (process 1, since an unknown time): expired" in done.stdout
    )
    assert [api.variable(name) for name in names] == [None, None]
    assert healthy.problems() == {}


def test_containers_of_killed_commands_are_removed_and_no_others(healthy, engine):
    image = engine.images.get(healthy.block()["data"]["image"].partition("@")[0]).id
    killed = {"io.flowship.owner": "x 1-1", "io.flowship.until": "1"}
    theirs = engine.containers.create(image, "true")
    try:
        for _ in range(5):  # a build of another test may remove it first
            engine.containers.create(image, "true", labels=killed)
            if healthy.doctor()["engine-leftovers"]["severity"] == "warning":
                break
        else:
            raise AssertionError("it was not found")
        ours = engine.containers.create(image, "true", labels=killed)
        healthy.doctor("--fix")
        left = {each.id for each in engine.containers.list(all=True, ignore_removed=True)}
        assert (ours.id in left, theirs.id in left) == (False, True)
    finally:
        theirs.remove(force=True)


def test_a_lock_of_a_deploy_that_is_at_work_is_ok_and_stays(healthy):
    api = PrefectApi(Target(healthy.url))
    with lock.held(api, f"{healthy.name}-docker") as held:
        assert healthy.problems("--fix") == {}
        assert "a deploy is in progress" in healthy.says("deploy-lock")
        held.check()


def test_an_image_that_lost_its_name_is_removed_when_it_is_old(healthy, engine, monkeypatch):
    from flowship.engine import images
    from flowship.engine.client import connect

    name = f"{healthy.name}:again"
    built = []
    for number in range(2):
        text = f"FROM scratch\nLABEL io.flowship.project={healthy.name} number={number}\n"
        import io

        built.append(engine.images.build(fileobj=io.BytesIO(text.encode()), tag=name)[0].id)
    try:
        assert built[0] not in images.unnamed(connect())  # it may still get its name
        assert built[0] in images.unnamed(connect(), older_than=-60)
        assert built[1] not in images.unnamed(connect(), older_than=-60)
        assert images.remove_if_unused(connect(), built[0]) is True
        assert images.remove_if_unused(connect(), built[0]) is False
    finally:
        engine.images.remove(name, force=True)


def test_flows_of_a_check_that_was_killed_are_removed_with_their_deployments(healthy):
    api = PrefectApi(Target(healthy.url))
    name = f"{scheduler.CHECK_FLOW}-test"
    flow = api.create_flow(name)
    api.create_deployment({"name": name, "flow_id": flow["id"]})
    other = api.create_flow("of-someone-else")
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    (found,) = scheduler.leftovers(api, later)
    assert found["name"] == name
    scheduler.remove(api, name)
    assert scheduler.leftovers(api, later) == []
    assert api.flows_named(["of-someone-else"])[0]["id"] == other["id"]
    api.delete_flow(other["id"])
