"""The release of a command: recorded once, and only if it says anything new."""

from __future__ import annotations

import pytest

from flowship.errors import ApiError
from flowship.releases import store
from flowship.releases.making import Deployed, Origin
from flowship.releases.recording import Recorder
from support.deploying import desired, settings
from support.server_model import ServerModel

NIGHTLY = {"name": "nightly", "cron": "0 5 * * *", "parameters": {"year": 2022}}
WANTED = desired(settings(deployments=[NIGHTLY]), files={"b": "1", "a": "2"})


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def recorder(server: ServerModel, environment=None) -> Recorder:
    return Recorder(server.api, "de-taxi", Origin("ship", environment))


def deploy(server: ServerModel, wanted=WANTED, environment=None, **options) -> int | None:
    made = recorder(server, environment)
    plan = server.apply(wanted)
    made.add(Deployed(wanted, server.observe(wanted), plan.operations))
    return made.record("ada@laptop", **options)


def test_a_deploy_that_changed_something_is_recorded(server):
    assert deploy(server) == 1
    assert recorder(server).last.applied["deployment taxi/nightly tags"]
    tagged = desired(settings(deployments=[{**NIGHTLY, "tags": ["x"]}]))
    assert deploy(server, tagged) == 2
    assert [r.who for r in store.history(server.api, "de-taxi")] == ["ada@laptop"] * 2


def test_a_deploy_that_changed_nothing_is_not_recorded(server):
    assert deploy(server) == 1
    server.schedules()[0]["active"] = False  # by a person
    next(iter(server.stored.values()))["paused"] = True
    again = desired(settings(deployments=[NIGHTLY]))  # its files are not known
    assert recorder(server).is_recorded([Deployed(again, server.observe(again))])
    assert deploy(server, again) is None


def test_a_deploy_that_was_killed_before_it_was_recorded_is_recorded_by_the_next(server):
    server.apply(WANTED)
    assert not recorder(server).is_recorded([Deployed(WANTED, server.observe(WANTED))])
    assert deploy(server) == 1
    changed = desired(settings(deployments=[{**NIGHTLY, "cron": "0 6 * * *"}]))
    server.apply(changed)
    assert deploy(server, changed) == 2
    [release] = store.history(server.api, "de-taxi", 1)
    assert release.deployments[0].schedules[0].words == "every day at 06:00 UTC"


def test_a_release_of_another_environment_does_not_count(server):
    assert deploy(server, environment="staging") == 1
    assert recorder(server, "production").last.applied == {}
    assert deploy(server, environment="production") == 2


def test_a_failed_deploy_says_so(server):
    assert deploy(server, incomplete="image heavy: refused") == 1
    assert store.history(server.api, "de-taxi")[0].incomplete == "image heavy: refused"


def test_where_the_history_cannot_be_read_a_change_is_not_recorded_and_the_error_says_why(server):
    server.broken = True
    assert recorder(server).is_recorded([])
    with pytest.raises(ApiError, match="does not answer"):
        deploy(server)
    assert deploy(server) is None, "nothing changed, and so there is nothing to record"
