"""A release as JSON and back, also from damaged and from old JSON."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.releases.record import Release
from support.releases import NIGHTLY, OWN, RELEASE, read_back


def test_a_release_is_read_back_as_it_was():
    assert read_back(RELEASE) == RELEASE


def test_the_server_adds_the_id_and_the_time():
    data = json.loads(json.dumps(RELEASE.to_json()))
    found = Release.from_json(data, project="taxi", id="a", created="2026-06-01T00:00:00Z")
    assert found is not None
    assert (found.id, found.created) == ("a", datetime(2026, 6, 1, tzinfo=timezone.utc))


def test_only_what_is_not_the_default_is_written():
    [written] = RELEASE.to_json()["deployments"]["each"][:1]
    assert "on_conflict" not in written
    probed = replace(OWN.flows[0], parameters={})
    image = replace(OWN, flows=(probed,), pushed=False)
    assert read_back(replace(RELEASE, images=(image,))).images == (image,)


def test_a_hundred_deployments_of_one_pool_take_less_than_100_kb():
    variables = {"image": "{{ prefect.blocks.docker-container.taxi-docker.image }}", "env": {}}
    many = [replace(NIGHTLY, name=f"n{n}", job_variables=variables) for n in range(100)]
    applied = {
        f"deployment {each.full_name} job_variables.{field}": "0a1b2c3d"
        for each in many
        for field in "abcdefghijklmn"
    }
    release = replace(RELEASE, deployments=tuple(many), applied=applied)
    assert len(json.dumps(release.to_json())) < 40_000
    assert read_back(release) == release


def test_the_first_format_says_what_it_can():
    data = {
        "format": 1,
        "flowship": "0.1.0",
        "image": "a/b:c@sha256:d",
        "applied": {"block x image": "1"},
    }
    found = Release.from_json(data, project="taxi")
    assert found is not None
    assert (found.number, found.format, found.digests) == (0, 1, ("sha256:d",))
    assert found.applied == {"block x image": "1"}


@pytest.mark.parametrize(
    "data",
    [None, "x", 3, [], {}, {"format": 99}, {"format": 2}, {"format": 2, "number": "1"},
     {"format": 2, "number": True}],
)  # fmt: skip
def test_what_is_not_a_release_gives_nothing(data):
    assert Release.from_json(data, project="taxi") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


def places(value, path=()):
    """The path of every value in a JSON document."""
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*path, key))


DOCUMENT = json.loads(json.dumps(RELEASE.to_json()))
PATHS = [path for path in places(DOCUMENT) if path and path != ("number",)]


@given(st.sampled_from(PATHS), JSON)
def test_damage_at_any_place_raises_nothing_and_gives_a_release_with_sound_types(path, value):
    damaged = copy.deepcopy(DOCUMENT)
    at = damaged
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    found = Release.from_json(damaged, project="taxi", created="yesterday")
    if found is not None:
        assert found.created is None
        json.dumps(found.to_json())
        for each in found.deployments:
            assert isinstance(each.full_name, str)
            assert all(isinstance(s.words, str) for s in each.schedules)
        for image in found.images:
            assert isinstance(image.digest + image.commit + image.name, str)


def test_the_names_of_its_deployments_are_known_of_the_first_format_too():
    assert RELEASE.names == {each.full_name for each in RELEASE.deployments}
    applied = {"deployment a b/c d tags": "1", "deployment x/y parameters.n": "2", "block x": "3"}
    found = Release.from_json({"format": 1, "applied": applied}, project="taxi")
    assert found is not None
    assert found.names == {"a b/c d", "x/y"}
