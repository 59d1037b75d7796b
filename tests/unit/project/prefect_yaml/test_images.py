"""Images that deployments build for themselves."""

from __future__ import annotations

from flowship.project.prefect_yaml.deployments import Translated
from flowship.project.prefect_yaml.images import Images

PROJECT = {"work-pool": "docker", "repo": "acme/all"}


def deployment(name, own, reason=""):
    return Translated(f"deployments.{name}", {"name": name}, "docker", 1, reason, own=own)


def test_the_projects_image_needs_no_name():
    each = deployment("a", {"repo": "acme/all"})
    images = Images(PROJECT, reserved="p")
    assert images.assigned(each) == each
    assert images.used == {}


def test_two_deployments_with_the_same_build_share_an_image():
    images = Images(PROJECT, reserved="p")
    made = [images.assigned(deployment(name, {"repo": "acme/own"})) for name in ("a", "b")]
    assert [each.table["image"] for each in made] == ["a", "a"]
    assert images.used == {"a": {"repo": "acme/own"}}


def test_each_other_image_has_a_name_of_its_own_which_is_not_the_projects():
    images = Images(PROJECT, reserved="p")
    names = ["A b", "a-b", "p", "日本", "x" * 200]
    made = [
        images.assigned(deployment(name, {"repo": f"acme/{number}"}))
        for number, name in enumerate(names)
    ]
    assert [each.table["image"] for each in made] == ["a-b", "a-b-2", "p-2", "own", "x" * 60]
    assert [image["repo"] for image in images.used.values()] == [f"acme/{n}" for n in range(5)]


def test_the_image_of_a_refused_deployment_is_not_among_those_that_are_used():
    images = Images(PROJECT, reserved="p")
    refused = images.assigned(deployment("bad", {"repo": "acme/own"}, "it is bad"))
    assert refused.table["image"] == "bad"
    assert images.used == {}
    assert images.only_of(refused) == {"bad": {"repo": "acme/own"}}
    used = images.assigned(deployment("good", {"repo": "acme/own"}))
    assert used.table["image"] == "bad"
    assert images.used == {"bad": {"repo": "acme/own"}}
    assert images.only_of(refused) == {}


def test_a_build_that_lacks_a_setting_of_the_projects_is_refused():
    images = Images({**PROJECT, "dockerfile": "D", "platform": "linux/amd64"}, reserved="p")
    refused = images.assigned(deployment("a", {"repo": "acme/own"}, "it is bad"))
    assert refused.reason == (
        "it is bad; its own build has no dockerfile and no platform, unlike the project's"
    )
    assert images.only_of(refused) == {"a": {"repo": "acme/own"}}
