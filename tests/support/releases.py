"""A release of a project with two images, and releases that are read back."""

from __future__ import annotations

import json

from flowship.releases.record import (
    Release,
    ReleasedDeployment,
    ReleasedFlow,
    ReleasedImage,
    ReleasedSchedule,
)
from support.deploying import SCHEMA

DIGEST = "sha256:" + "ab" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"

OWN = ReleasedImage(
    label="taxi",
    reference=f"user/taxi:1a2b@{DIGEST}",
    platform="linux/amd64",
    prefect="3.8.8",
    inputs="1a2b" * 16,
    revision=f"{COMMIT}-dirty",
    flows=(ReleasedFlow("flows/taxi.py:taxi", "taxi", "Loads rides.", SCHEMA),),
    files={"flows/taxi.py": "0123456789ab"},
    block="taxi-docker",
    fields={"mem_limit": "1g", "env": {"A": "1"}},
    blocks=("taxi-docker", "taxi-docker-heavy"),
    configured={"nightly": "flows/taxi.py:taxi"},
)
HEAVY = ReleasedImage(label="heavy", reference="taxi-heavy:3c4d", pushed=False, probed=False)
NIGHTLY = ReleasedDeployment(
    flow="taxi",
    name="nightly",
    image="taxi",
    entrypoint="flows/taxi.py:taxi",
    path="/opt/prefect/flows",
    tags=("a",),
    parameters={"year": 2022},
    schedules=(
        ReleasedSchedule(
            "flowship-daily-0500",
            {"cron": "0 5 * * *", "timezone": "Pacific/Auckland", "day_or": True},
            {"year": 2021},
        ),
    ),
    work_pool="flowship",
)
BIG = ReleasedDeployment("big", "weekly", "heavy", "big.py:big", paused=True, work_pool="flowship")
RELEASE = Release(
    number=7,
    project="taxi",
    made_by="ship",
    who="ada@laptop",
    environment="staging",
    flowship="0.1.0",
    images=(OWN, HEAVY),
    deployments=(NIGHTLY, BIG),
    operations=(
        {
            "action": "update",
            "resource": "block",
            "name": "taxi-docker",
            "reason": "new image",
            "changes": [],
        },
    ),
    applied={"block taxi-docker image": "0a0a0a0a", "deployment taxi/nightly tags": "1b1b1b1b"},
)


def read_back(release: Release) -> Release:
    """What is read from the JSON of a release."""
    data = json.loads(json.dumps(release.to_json()))
    found = Release.from_json(data, project=release.project)
    assert found is not None
    return found
