"""What `flowship init --from` and `ship` register, compared with ``prefect deploy --all``.

Ten files, each deployed by Prefect itself and then by flowship to the same real server. Every field
must be equal, except those that a file lists with the reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from support.commands import ask, flowship, world
from support.projects import remove_images
from support.server import start_server, stop

pytestmark = [pytest.mark.engine, pytest.mark.server]

FLOWS = {
    "flows/etl.py": '''\
from prefect import flow
from prefect.events import Event


@flow
def nightly(n: int = 1, when: str = "now", deep: dict | None = None, none: int | None = 3):
    """Load the trips of a night."""


@flow(name="The Weekly Load", version="7")
def weekly(stage: str = "dev", text: str = ""):
    pass
''',
    "other.py": "from prefect import flow\n\n\n@flow\ndef load(): ...\n",
    "Dockerfile": "FROM {base}\nCOPY . /opt/prefect/flows/\n",
}

# By design, in every file: the run starts in the image, which has the flow's file.
ALWAYS = {
    "version": "a hash of the flow's file, unless the file sets one; flowship writes none",
    "path": "the folder in the image",
    "pull_steps": "the folder in the image",
}

BLOCK_AT_DEPLOY = "Prefect writes the secret itself into the deployment; flowship a reference"


class Case(NamedTuple):
    """A file, and which fields of which deployment differ, with the reason."""

    text: str
    differs: Mapping[str, str] = MappingProxyType({})
    not_deployed: tuple[str, ...] = ()


CASES = {
    "minimal": Case(
        """\
name: null
prefect-version: null
build: null
push: null
pull: null
deployments:
- name: minimal
  version: null
  tags: []
  description: null
  schedule: {}
  flow_name: null
  entrypoint: other.py:load
  parameters: {}
  work_pool: {name: docker-pool, work_queue_name: null, job_variables: {}}
"""
    ),
    "anchors": Case(
        """\
name: anchors
definitions:
  work_pools:
    docker: &docker
      name: docker-pool
      work_queue_name: default
      job_variables: {env: {STAGE: dev}}
  schedules:
    daily: &daily {cron: "0 5 * * *", timezone: Europe/Berlin}
pull:
- prefect.deployments.steps.git_clone: {repository: "https://example.com/a/b.git", branch: main}
deployments:
- name: anchors-one
  entrypoint: flows/etl.py:nightly
  schedule: *daily
  work_pool: *docker
  tags: [prod, "5"]
- name: anchors-two
  entrypoint: ./flows/etl.py:weekly
  schedules: [*daily]
  work_pool: {<<: *docker, job_variables: {env: {STAGE: prod}}}
""",
        {"anchors-two.entrypoint": "without the ./, which says nothing"},
    ),
    "schedules": Case(
        """\
name: schedules
deployments:
- name: schedules-all
  entrypoint: flows/etl.py:nightly
  schedules:
  - {cron: "0 5 13 * 5", day_or: false, timezone: Pacific/Auckland}
  - {interval: "PT1H30M", parameters: {n: 5}}
  - {interval: 3600, anchor_date: 2026-01-05T06:17:00+01:00, timezone: Europe/Berlin}
  - {interval: 7200, anchor_date: "2026-01-05T06:29", timezone: Europe/Berlin}
  - {interval: 86400, anchor_date: 2026-01-05, timezone: Europe/Berlin}
  - {rrule: "FREQ=WEEKLY;BYDAY=MO", timezone: UTC}
  - {rrule: '{"rrule": "FREQ=MONTHLY;BYMONTHDAY=1", "timezone": "Europe/Paris"}'}
  work_pool: {name: docker-pool}
- name: schedules-off
  entrypoint: flows/etl.py:nightly
  schedules: [{cron: "0 6 * * *", active: false, slug: early}]
  work_pool: {name: docker-pool}
""",
        {"schedules-off.schedules": "active: a deploy does not pause a schedule"},
    ),
    "limits": Case(
        """\
name: limits
deployments:
- name: limits-number
  entrypoint: flows/etl.py:nightly
  concurrency_limit: 3
  paused: true
  version: "2.1"
  work_pool: {name: docker-pool, work_queue_name: high}
- name: limits-table
  entrypoint: flows/etl.py:nightly
  concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
  enforce_parameter_schema: false
  work_pool: {name: docker-pool}
""",
        {"limits-number.version": ""},
    ),
    "parameters": Case(
        """\
name: parameters
deployments:
- name: parameters-values
  entrypoint: flows/etl.py:nightly
  description: "two lines: \\u20ac\\nand \\"quotes\\""
  parameters: {n: 4, when: 2024-01-02, deep: {a: [1, 2.5, true], "b c": {d: x}}}
  work_pool: {name: docker-pool}
- name: parameters-environment
  entrypoint: flows/etl.py:weekly
  parameters: {stage: "{{ $TEST_STAGE }}", text: "costs $5 {literal} ${TEST_STAGE}"}
  work_pool: {name: docker-pool}
- name: parameters-null
  entrypoint: flows/etl.py:nightly
  parameters: {none: null, n: 2}
  work_pool: {name: docker-pool}
""",
        {"parameters-null.parameters": "none: TOML has no null"},
    ),
    "variables": Case(
        """\
name: variables
deployments:
- name: variables-all
  entrypoint: flows/etl.py:nightly
  work_pool:
    name: docker-pool
    job_variables:
      env: {PLAIN: "1", TOKEN: "{{ prefect.blocks.secret.test-token }}"}
      mem_limit: 1g
      networks: [bridge]
      labels: {team: data}
      auto_remove: true
""",
        {"variables-all.job_variables.env": BLOCK_AT_DEPLOY},
    ),
    "same-names": Case(
        """\
name: same-names
deployments:
- {name: same, entrypoint: "flows/etl.py:nightly", work_pool: {name: docker-pool}}
- {name: same, entrypoint: "other.py:load", work_pool: {name: docker-pool}}
""",
        not_deployed=("load/same",),
    ),
    "triggers": Case(
        """\
name: triggers
unknown: 1
deployments:
- name: triggers-event
  entrypoint: other.py:load
  tags: a-tag
  triggers:
  - {type: event, enabled: true, expect: [some.event], parameters: {}}
  work_pool: {name: docker-pool}
""",
        {"triggers-event.tags": "Prefect reads a text as the list of its letters"},
    ),
    "pools": Case(
        """\
name: pools
deployments:
- {name: pools-docker, entrypoint: "other.py:load", work_pool: {name: docker-pool}}
- {name: pools-docker-too, entrypoint: "other.py:load", work_pool: {name: docker-pool}}
- {name: pools-other, entrypoint: "other.py:load", work_pool: {name: other-pool}}
""",
        not_deployed=("load/pools-other",),
    ),
    "docker": Case(
        """\
name: docker
build:
- prefect_docker.deployments.steps.build_docker_image:
    id: build-image
    image_name: "{{ $TEST_REGISTRY }}/from-prefect"
    tag: v1
    dockerfile: Dockerfile
    pull: false
push:
- prefect_docker.deployments.steps.push_docker_image:
    image_name: "{{ build-image.image_name }}"
    tag: "{{ build-image.tag }}"
pull:
- prefect.deployments.steps.set_working_directory: {directory: /opt/prefect/flows}
deployments:
- name: docker-built
  entrypoint: flows/etl.py:nightly
  version: "{{ build-image.tag }}"
  schedule: {interval: 3600}
  work_pool:
    name: docker-pool
    job_variables: {image: "{{ build-image.image }}", env: {A: b}}
""",
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    process, url = start_server(tmp_path_factory.mktemp("prefect"))
    template = json.loads(
        resources.files("flowship").joinpath("data", "docker-pool.json").read_text("utf-8")
    )
    for name in ("docker-pool", "other-pool"):
        pool = {"name": name, "type": "docker", "base_job_template": template}
        ask(url, "/work_pools/", pool)
    ask(url, "/work_pools/docker-pool/queues", {"name": "high"})
    kind = ask(url, "/block_types/slug/secret")
    [schema, *_] = ask(
        url, "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    )
    body = {"name": "test-token", "block_type_id": kind["id"], "block_schema_id": schema["id"]}
    ask(url, "/block_documents/", {**body, "data": {"value": "in clear text"}})
    yield url
    stop(process)


def project(folder: Path, base: str, case: Case) -> Path:
    for name, text in FLOWS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{base}", base))
    (folder / "prefect.yaml").write_text(case.text)
    return folder


def deployed(url: str) -> dict[str, dict[str, Any]]:
    """All deployments of the server, by their full name; read and deleted."""
    flows = {flow["id"]: flow["name"] for flow in ask(url, "/flows/filter", {})}
    found = {}
    for each in ask(url, "/deployments/filter", {}):
        found[f"{flows[each['flow_id']]}/{each['name']}"] = each
        ask(url, f"/deployments/{each['id']}", method="DELETE")
    return found


def by_prefect(folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CASES)
def test_every_field_is_what_prefect_deploy_registers(
    name, tmp_path, server, base_image, engine, registry
):
    case = CASES[name]
    folder = project(tmp_path / f"from-{name}", base_image, case)
    env = world(
        tmp_path / "home",
        PREFECT_API_URL=server,
        TEST_STAGE="production",
        TEST_REGISTRY=registry.address,
        FLOWSHIP_BASE_IMAGE=base_image,
    )
    try:
        by_prefect(folder, env)
        theirs = deployed(server)
        flowship("init", "--from", "prefect.yaml", cwd=folder, env=env, ok=True)
        flowship("ship", "--repo", f"{registry.address}/{name}", cwd=folder, env=env, ok=True)
        ours = deployed(server)
    finally:
        remove_images(engine, name)
        remove_images(engine, f"from-{name}")
    assert {each for each in theirs if each not in ours} == set(case.not_deployed)
    expected = {
        f"{each}.{field}" for each in theirs if each in ours
        for field in differences(theirs[each], ours[each])
    }  # fmt: skip
    allowed = {place for place, reason in case.differs.items() if reason}
    kept = {place for place, reason in case.differs.items() if not reason}
    found = {place.partition("/")[2] for place in expected}
    by_design = {place for place in found if place.partition(".")[2] in ALWAYS} - kept
    assert found - by_design == allowed


FIELDS = (
    *("entrypoint", "parameters", "tags", "description", "version", "paused", "path"),
    *("concurrency_options", "enforce_parameter_schema", "work_pool_name"),
    *("work_queue_name", "pull_steps", "parameter_openapi_schema", "schedules"),
)


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> set[str]:
    left, right = comparable(theirs), comparable(ours)
    found = {field for field in left if left[field] != right[field]}
    for key, value in theirs["job_variables"].items():
        if key != "image" and not covers(ours["job_variables"].get(key), value):
            found.add(f"job_variables.{key}")
    return found


def covers(ours: Any, theirs: Any) -> bool:
    """Whether a value is there; a table may have more, since the block adds its own."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs.items() <= ours.items()
    return bool(ours == theirs)


def comparable(deployment: dict[str, Any]) -> dict[str, Any]:
    values = {field: deployment.get(field) for field in FIELDS}
    values["tags"] = sorted(deployment["tags"])
    limit = deployment.get("global_concurrency_limit") or {}
    values["concurrency_limit"] = limit.get("limit")
    # flowship adds a line about the image to the description; Prefect writes a missing one as None.
    lines = (deployment["description"] or "").removesuffix("None").split("\n\n")
    values["description"] = "\n\n".join(x for x in lines if not re.match("image:? ", x, re.I))
    schema = deployment["parameter_openapi_schema"]
    values["parameter_openapi_schema"] = {
        k: v for k, v in schema.items() if v != {} or k == "properties"
    }
    values["schedules"] = sorted(map(schedule, deployment["schedules"]))
    return values


def schedule(stored: dict[str, Any]) -> str:
    """One schedule as text; without an anchor that is the moment of the deploy."""
    kept = {
        k: v for k, v in stored["schedule"].items()
        if k != "anchor_date" or v < "2026-02"
    }  # fmt: skip
    if anchor := kept.get("anchor_date"):
        kept["anchor_date"] = datetime.fromisoformat(anchor.replace("Z", "+00:00")).timestamp()
    kept["timezone"] = kept.get("timezone") or "UTC"
    return json.dumps([kept, stored["active"], stored["parameters"]], sort_keys=True)
