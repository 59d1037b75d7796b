"""The desired state: what it derives from the image's facts and the flags."""

from __future__ import annotations

import pytest

from flowship.deployment.desired import Flags, FlowFacts
from support.deploying import desired, planned, settings

PINNED = "user/de-repo:tag@sha256:" + "0123456789abcdef" * 4


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
