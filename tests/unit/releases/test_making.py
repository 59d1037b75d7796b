"""The release of a deploy, made from what was desired, carried out and read back."""

from __future__ import annotations

import json
from dataclasses import replace

from flowship import __version__
from flowship.deployment.plan import Action, Operation, Resource, fingerprint
from flowship.redaction import MASK
from flowship.releases.making import Deployed, Origin, make
from flowship.releases.record import Release
from support.deploying import SCHEMA, desired, settings
from support.releases import read_back
from support.server_model import ServerModel

NIGHTLY = {"name": "nightly", "schedules": [{"cron": "0 5 * * *", "parameters": {"year": 2022}}]}
HOURLY = {"name": "hourly", "cron": "0 * * * *"}


def released(wanted, before=None, operations=(), origin=None, server=None, **options) -> Release:
    server = server or ServerModel()
    server.apply(wanted)
    done = [Deployed(wanted, server.observe(wanted), operations)]
    options = {"number": 1, "who": "ada@laptop", **options}
    return make("de-taxi", origin or Origin("ship"), done, before, **options)


def test_a_release_says_what_was_deployed():
    wanted = desired(
        settings(deployments=[NIGHTLY], block={"mem-limit": "1g"}),
        files={"flows/taxi.py": "00"},
        inputs="12" * 32,
        revision="abc-dirty",
    )
    release = released(wanted, origin=Origin("promote from staging", "production", ("own",)))
    [image], [nightly] = release.images, release.deployments
    assert (release.flowship, release.environment) == (__version__, "production")
    assert (image.label, image.reference, image.block) == (
        "own", wanted.image.reference, "de-taxi-docker",
    )  # fmt: skip
    assert (image.files, image.dirty, image.fields) == (
        {"flows/taxi.py": "00"}, True, {"mem_limit": "1g"},
    )  # fmt: skip
    assert [flow.parameters for flow in image.flows] == [SCHEMA]
    assert (nightly.full_name, nightly.image, nightly.work_pool) == (
        "taxi/nightly", "own", "flowship",
    )  # fmt: skip
    [schedule] = nightly.schedules
    assert (schedule.words, schedule.parameters) == ("every day at 05:00 UTC", {"year": 2022})
    assert read_back(release) == release


def test_a_schedule_of_a_person_is_in_no_release():
    server = ServerModel()
    wanted = desired(settings(deployments=[NIGHTLY]))
    server.apply(wanted)
    server.add_schedule()
    [nightly] = released(wanted, server=server).deployments
    assert [schedule.slug for schedule in nightly.schedules] == ["flowship-daily-0500"]


def test_secrets_are_recorded_as_fingerprints():
    schema = {
        "type": "object",
        "properties": {"pin": {"type": "string", "format": "password", "writeOnly": True}},
    }
    login = "postgresql://ada:hunter2@db/x"
    block = {
        "env": {"API_TOKEN": "sk-123", "DB": login, "A": "1"},
        "container-create-kwargs": {"mem_limit": "1g", "command": ["PASSWORD=hunter3"]},
    }
    deployment = {**NIGHTLY, "parameters": {"pin": "hunter4"},
                  "job-variables": {"env": {"X_TOKEN": "hunter5"}}}  # fmt: skip
    deployment["schedules"] = [{"cron": "0 5 * * *", "parameters": {"pin": "hunter6"}}]
    wanted = desired(settings(deployments=[deployment], block=block), parameters=schema)
    release = released(wanted)
    text = json.dumps(release.to_json())
    assert [secret for secret in ("sk-123", "hunter") if secret in text] == []
    [image], [nightly] = release.images, release.deployments
    assert image.fields["env"] == {"API_TOKEN": MASK, "DB": MASK, "A": "1"}
    assert image.fields["container_create_kwargs"] == {"mem_limit": "1g", "command": MASK}
    assert image.hidden["env.DB"] == fingerprint(login)
    assert sorted(nightly.hidden) == [
        "job_variables.env.X_TOKEN", "parameters.pin", "schedules.flowship-daily-0500.pin",
    ]  # fmt: skip


def test_what_a_deploy_leaves_alone_is_as_the_last_release_says():
    both = released(desired(settings(deployments=[NIGHTLY, HOURLY])))
    changed = desired(settings(deployments=[{**NIGHTLY, "tags": ["x"]}]))
    release = released(changed, both, number=2)
    assert {d.name: d.tags for d in release.deployments} == {"nightly": ("x",), "hourly": ()}
    assert both.applied.keys() <= release.applied.keys() | {"": ""}
    gone = Operation(Action.DELETE, Resource.DEPLOYMENT, "taxi/hourly", "deleted")
    release = released(changed, both, (gone,), number=2)
    assert [d.name for d in release.deployments] == ["nightly"]
    assert release.operations == (gone.to_json(),)


def test_the_images_that_a_command_leaves_alone_stay_in_the_release():
    own = released(desired(settings(deployments=[NIGHTLY])), origin=Origin("ship", None, ("own",)))
    other = desired(settings(name="de-heavy", deployments=[HOURLY]))
    release = released(other, own, origin=Origin("ship", None, ("heavy",)))
    assert [image.label for image in release.images] == ["heavy", "own"]
    assert {d.name: d.image for d in release.deployments} == {"hourly": "heavy", "nightly": "own"}


def test_the_files_of_an_image_that_is_deployed_again_are_known():
    wanted = desired(settings(deployments=[NIGHTLY]), files={"a.py": "1"}, inputs="ab" * 32)
    first = released(wanted)
    again = replace(wanted, image=replace(wanted.image, files={}))
    assert released(again, first).images[0].files == {"a.py": "1"}
    other = replace(again, image=replace(again.image, inputs="cd" * 32))
    assert released(other, first).images[0].files == {}


def test_a_deployment_that_was_not_created_is_not_in_the_release():
    wanted = desired(settings(deployments=[NIGHTLY]))
    done = [Deployed(wanted, ServerModel().observe(wanted))]
    release = make("de-taxi", Origin("ship"), done, None, number=1, who="", incomplete="it failed")
    assert (release.deployments, release.incomplete) == ((), "it failed")
