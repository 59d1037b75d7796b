"""The history of a project on the server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.errors import ApiError, UsageError
from flowship.releases import store
from support.releases import COMMIT, DIGEST, OWN, RELEASE
from support.server_model import ServerModel

KEY = "flowship-release-taxi"


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def record(server: ServerModel, *numbers: int, **values) -> None:
    for number in numbers:
        store.record(server.api, replace(RELEASE, number=number, **values))


def numbers(found) -> list[int]:
    return [release.number for release in found]


def test_what_is_recorded_is_read_back(server):
    recorded = store.record(server.api, RELEASE)
    assert recorded is not None
    assert recorded.id
    assert recorded.created
    assert store.latest(server.api, "taxi") == recorded
    assert replace(recorded, id="", created=None) == RELEASE
    assert store.latest(server.api, "another-project") is None


def test_the_history_is_newest_first_and_read_in_pages(server):
    record(server, *range(1, 50))
    assert numbers(store.history(server.api, "taxi", 3)) == [49, 48, 47]
    server.asked.clear()
    assert numbers(store.history(server.api, "taxi")) == list(range(49, 0, -1))
    assert server.asked == ["artifacts"] * 3
    server.asked.clear()
    store.latest(server.api, "taxi")
    assert server.asked == ["artifacts"]


@pytest.mark.parametrize(
    ("which", "number"),
    [("1", 1), ("#2", 2), (DIGEST, 3), (DIGEST[7:20], 3), ("cdcdcdc", 1), (COMMIT[:7], 3)],
)
def test_a_release_is_found_by_number_digest_or_revision(server, which, number):
    other = replace(OWN, reference="user/taxi:x@sha256:" + "cd" * 32, revision="")
    record(server, 1, images=(other,))
    record(server, 2, 3)
    assert store.find(server.api, "taxi", which).number == number


@pytest.mark.parametrize("which", ["4", "0", "abab", "latest", "", "sha256:" + COMMIT, "-1"])
def test_a_release_that_does_not_exist_is_refused(server, which):
    record(server, 3)
    with pytest.raises(UsageError, match=f"^taxi has no release {which}$") as caught:
        store.find(server.api, "taxi", which)
    assert caught.value.code == "release-not-found"


def test_each_environment_has_its_own_last_release_and_all_share_the_numbers(server):
    record(server, 1, environment=None)
    record(server, 2, environment="staging")
    found = store.previous(server.api, "taxi", None)
    assert found is not None
    assert (found.number, found.release and found.release.number) == (2, 1)
    assert store.previous(server.api, "taxi", "production") == store.Previous(2, None)
    last = store.latest(server.api, "taxi", "staging")
    assert last is not None
    assert last.number == 2


def test_what_is_not_a_release_is_left_out(server):
    record(server, 1)
    for data in (None, "text", [], {}, {"format": 99}, {"format": 1, "applied": {"a": "b"}}):
        server.create_artifact(KEY, {"data": data})
    assert numbers(store.history(server.api, "taxi")) == [0, 1]
    record(server, 2)
    assert numbers(store.history(server.api, "taxi")) == [2, 0, 1]


def test_a_server_that_does_not_answer_makes_no_deploy_fail(server):
    server.broken = True
    with pytest.raises(ApiError) as caught:
        store.add(server.api, RELEASE)
    assert store.previous(server.api, "taxi", None) is None
    warning = store.not_recorded(caught.value)
    assert warning.startswith("the release was not recorded: the server does not answer; ")
    assert "`flowship rollback` cannot return to it" in warning
    assert server.variables == {}, "the lock is given back"


def test_a_new_release_gets_the_next_number_of_all_environments(server):
    assert store.add(server.api, RELEASE).number == 1
    record(server, 7, environment="production")
    assert store.add(server.api, RELEASE).number == 8
    assert store.add(server.api, replace(RELEASE, project="other")).number == 1
    assert server.variables == {}


def test_the_current_releases_are_the_last_ones_of_each_environment(server):
    record(server, 1, environment="staging")
    record(server, 2, 3, environment=None)
    record(server, 4, environment="production")
    assert numbers(store.current(server.api, "taxi")) == [4, 3, 1]
    assert numbers(store.current(server.api, "taxi", "staging")) == [1]
    assert store.current(server.api, "taxi", "other") == []


def test_the_projects_with_a_release_are_listed_by_their_beginning(server):
    store.record(server.api, replace(RELEASE, project="taxi"))
    store.record(server.api, replace(RELEASE, project="bikes"))
    server.api.create_artifact("flowship-block-x", {"data": {}})
    assert store.projects(server.api) == ("bikes", "taxi")
    assert store.projects(server.api, "ta") == ("taxi",)
