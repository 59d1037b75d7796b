"""What a plan reads of the last release."""

from __future__ import annotations

from flowship.deployment.drift import NO_RELEASE
from flowship.releases.last import last_release
from flowship.releases.record import (
    Release,
    ReleasedDeployment,
    ReleasedImage,
    ReleasedSchedule,
)

FIELDS = {"deployment a flow/nightly tags": "1", "block b-docker image": "2", "schedule x y": "3"}


def test_a_release_has_its_deployments_blocks_schedules_and_files():
    deployment = ReleasedDeployment(
        "taxi", "nightly", "de-taxi", "a.py:a", schedules=(ReleasedSchedule("flowship-x", {}),)
    )
    image = ReleasedImage("de-taxi", "r", files={"flow.py": "1"}, block="c-docker")
    last = last_release(
        Release(
            number=3,
            project="p",
            made_by="ship",
            who="ada@laptop",
            images=(image,),
            deployments=(deployment,),
            applied=FIELDS,
        )
    )
    assert (last.number, last.who) == (3, "ada@laptop")
    assert last.deployments == {"taxi/nightly"}
    assert last.before["taxi/nightly"].slugs == {"flowship-x"}
    assert last.blocks == {"b-docker", "c-docker"}
    assert last.files == {"de-taxi": {"flow.py": "1"}}


def test_the_fields_of_a_release_of_the_first_format_say_which_deployments_it_had():
    last = last_release(Release(number=0, project="p", made_by="deploy", who="", applied=FIELDS))
    assert last.deployments == {"a flow/nightly"}


def test_without_a_release_nothing_is_known():
    assert last_release(None) is NO_RELEASE
