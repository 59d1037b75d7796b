"""What identifies an image, from the answers of docker's two image stores."""

from __future__ import annotations

import json

import pytest

from flowship.engine.images import read_image
from support.paths import STREAMS


def inspected(name):
    [document] = json.loads((STREAMS / "images" / f"{name}.json").read_text("utf-8"))
    return document


@pytest.mark.parametrize("image", ["rich", "bare"])
def test_both_image_stores_give_an_image_the_same_fingerprint(image):
    classic, containerd = (
        read_image(inspected(f"{store}-{image}")) for store in ("classic", "containerd")
    )
    assert classic.fingerprint == containerd.fingerprint
    assert classic.id != containerd.id, "which is why the id is not part of the inputs hash"


def test_different_images_have_different_fingerprints():
    assert (
        read_image(inspected("classic-rich")).fingerprint
        != read_image(inspected("classic-bare")).fingerprint
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Env", ["A=2"]),
        ("WorkingDir", "/other"),
        ("Entrypoint", ["/y"]),
        ("Cmd", None),
        ("User", ""),
        ("Labels", {"org.example": "y"}),
        ("OnBuild", None),
        ("Shell", None),
    ],
)
def test_what_a_child_image_inherits_is_part_of_the_fingerprint(key, value):
    document = inspected("classic-rich")
    before = read_image(document).fingerprint
    document["Config"][key] = value
    assert read_image(document).fingerprint != before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Hostname", "a1b2c3"),
        ("Image", "sha256:" + "0" * 64),
        ("AttachStdout", True),
    ],
)
def test_what_belongs_to_the_container_of_a_build_is_not(key, value):
    document = inspected("classic-rich")
    before = read_image(document).fingerprint
    document["Config"][key] = value
    assert read_image(document).fingerprint == before


def test_layers_and_platform_are_part_of_the_fingerprint():
    document = inspected("classic-rich")
    before = read_image(document).fingerprint
    other = {**document, "RootFS": {"Layers": ["sha256:" + "0" * 64]}}
    assert read_image(other).fingerprint != before
    assert read_image({**document, "Architecture": "arm64"}).fingerprint != before


def test_the_variant_v8_of_arm64_does_not_count_since_containerd_drops_it():
    document = {**inspected("classic-rich"), "Architecture": "arm64"}
    assert read_image({**document, "Variant": "v8"}).fingerprint == read_image(document).fingerprint
    arm = {**document, "Architecture": "arm"}
    assert read_image({**arm, "Variant": "v7"}).fingerprint != read_image(arm).fingerprint


def test_only_the_containerd_store_lists_a_digest_for_an_image_that_was_never_pushed():
    assert read_image(inspected("classic-rich")).digests == ()
    containerd = read_image(inspected("containerd-rich"))
    assert containerd.digests == (f"flowship-test/rich@{containerd.id}",)


def test_the_parts_of_an_image_are_read():
    image = read_image(inspected("classic-rich"))
    assert image.platform == "linux/amd64"
    assert image.labels == {"org.example": "x"}
    assert image.tags == ("flowship-test/rich:1",)
    assert image.working_directory == "/srv"
    assert image.entrypoint == ("/x",)
    assert read_image(inspected("classic-bare")).working_directory == "/"
