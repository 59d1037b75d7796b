"""The description of a deployment: a person's text, and the image."""

from __future__ import annotations

import pytest

from flowship.deployment.description import Description, image_note, names_image, split

REFERENCE = "user/de-repo:70e09344db70@sha256:" + "ab" * 32
NOTE = f"{REFERENCE} (git revision 5f2c-dirty)"


@pytest.mark.parametrize(
    "text",
    [None, "Loads.", "Loads.\n", "One.\n\nTwo.", "Image: `x`", "Runs.\n\nImage: `old/one:1`", "`"],
)
@pytest.mark.parametrize("image", [REFERENCE, NOTE])
def test_a_description_is_taken_apart_as_it_was_put_together(text, image):
    described = Description(text, image)
    assert split(str(described)) == described


def test_a_description_without_an_image_is_a_text():
    assert split("Loads.") == Description("Loads.", None)
    assert split("Image: `x`, which a person wrote") == Description(
        "Image: `x`, which a person wrote", None
    )
    assert split(None) == Description(None, None)
    assert split("").image is None
    assert str(Description(None, None)) == ""


def test_the_note_names_the_image_and_the_revision():
    assert image_note(REFERENCE, "5f2c-dirty") == NOTE
    assert image_note(REFERENCE, "") == REFERENCE


def test_the_image_of_a_deployment_is_known_by_its_description():
    deployment = {"description": f"Loads.\n\nImage: `{NOTE}`", "version": "70e09344db70"}
    assert names_image(deployment, REFERENCE)
    assert not names_image(deployment, "user/de-repo:70e09344db70@sha256:" + "cd" * 32)


def test_deployments_of_earlier_versions_have_the_digest_as_their_version():
    assert names_image({"description": "Loads.", "version": "ab" * 6}, REFERENCE)
    assert not names_image({"description": None, "version": "cd" * 6}, REFERENCE)
