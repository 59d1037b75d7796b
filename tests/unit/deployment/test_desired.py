"""The desired state: what it derives from the image's facts and the flags."""

from __future__ import annotations

import pytest

from flowship.deployment.desired import Flags, FlowFacts, image_version
from support.deploying import desired, image, planned, settings

PINNED = "user/de-repo:tag@sha256:" + "0123456789abcdef" * 4


def test_the_version_is_the_digest_or_the_tag():
    assert image_version(PINNED) == "0123456789ab"
    assert image_version("127.0.0.1:5000/de-taxi:4f2a") == "4f2a"
    assert image_version("user/de-repo") == "de-repo"
    assert image(reference=PINNED).version == "0123456789ab"


def test_the_version_is_the_tag_of_the_inputs_in_every_repository():
    inputs = "70e09344db70" + "0" * 52
    for reference in (PINNED, "user/de-repo:latest@sha256:" + "cd" * 32, "de-taxi:70e09344db70"):
        assert image(reference=reference, inputs=inputs).version == "70e09344db70"
    assert image(inputs=inputs, built=False).version == "(new image)"


@pytest.mark.parametrize(
    ("entrypoint", "name"),
    [("a/b.py:my_taxi_flow", "my-taxi-flow"), ("a/b.py:Taxi.load_all", "load-all")],
)
def test_an_image_that_was_not_probed_has_the_flow_name_that_prefect_derives(entrypoint, name):
    assert FlowFacts(entrypoint).deployed_name == name
    assert FlowFacts(entrypoint, "taxi").deployed_name == "taxi"


@pytest.mark.parametrize(
    ("flags", "option"),
    [
        (Flags(), None),
        (Flags(cron="0 5 * * *"), "--cron"),
        (Flags(interval=0), "--interval"),
        (Flags(rrule="FREQ=DAILY"), "--rrule"),
        (Flags(timezone="UTC", no_schedule=True), None),
    ],
)
def test_the_option_that_gave_a_schedule_is_known(flags, option):
    assert flags.schedule_option == option


def test_a_deployment_is_named_with_its_flow():
    (deployment,) = planned(settings(deployments=[{"name": "nightly"}]))
    assert deployment.full_name == "taxi/nightly"


def test_a_pushed_image_replaces_the_local_one_and_nothing_else():
    local = desired(reference="de-taxi:4f2a", pushed=False)
    pushed = local.pushed_as(PINNED)
    assert pushed == desired(reference=PINNED)
    assert local.image.pushed is False
