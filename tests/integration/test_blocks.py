"""The Docker Container block, and the shipped JSON that describes its classes."""

from __future__ import annotations

import asyncio
import enum
import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from flowship.config.tables import Block as BlockSettings
from flowship.deployment import docker_block
from flowship.deployment.pools.docker import DockerPool, is_widened
from support.server import server_environment

REGENERATE = "run: python -c 'from flowship import blocks; blocks.write_reference_data()'"


@pytest.mark.parametrize("name", ["docker-container.json", "docker-pool.json"])
def test_the_shipped_json_matches_the_classes(name):
    from flowship import blocks

    made = blocks.reference_data()[name]
    assert json.loads((blocks.DATA / name).read_text(encoding="utf-8")) == made, REGENERATE


def test_the_class_the_configuration_and_the_data_have_the_same_fields():
    from flowship.blocks import DockerContainer

    assert tuple(DockerContainer.model_fields) == docker_block.FIELDS
    configured = set(BlockSettings.model_fields) - {"name", "secrets"}
    assert configured | {"image"} == set(docker_block.FIELDS)
    DockerContainer(image="a", **docker_block.DEFAULTS)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("always", "Always"),
        ("ALWAYS", "Always"),
        ("IF_NOT_PRESENT", "IfNotPresent"),
        ("if-not-present", "IfNotPresent"),
        ("Never", "Never"),
        (enum.Enum("Policy", {"ALWAYS": "ALWAYS"})("ALWAYS"), "Always"),
    ],
)
def test_older_spellings_of_the_pull_policies_are_accepted(written, stored):
    from flowship.blocks import DockerContainer

    assert DockerContainer(image="a", image_pull_policy=written).image_pull_policy == stored


def test_an_unknown_pull_policy_is_refused():
    from flowship.blocks import DockerContainer

    with pytest.raises(ValueError, match="image_pull_policy"):
        DockerContainer(image="a", image_pull_policy="sometimes")


def test_a_widened_pool_accepts_a_placeholder_or_a_value_and_nothing_else():
    from flowship.deployment.json_schema import problem

    variables = DockerPool().template()["variables"]
    known = variables["properties"]
    for name, value in docker_block.DEFAULTS.items():
        assert problem(value, known[name], variables) is None
        if name != "env":
            assert problem("{{ prefect.blocks.a.b.c }}", known[name], variables) is None
    assert problem("sometimes", known["image_pull_policy"], variables)
    assert problem("yes", known["privileged"], variables)


def test_a_default_pool_is_not_recognized_as_widened():
    from prefect_docker.worker import DockerWorker

    assert is_widened(DockerPool().template())
    assert not is_widened(DockerWorker.get_default_base_job_template())


@pytest.mark.server
def test_a_block_saved_in_python_has_the_schema_that_deploy_registers(prefect_server, tmp_path):
    script = """
from flowship.blocks import DockerContainer
saved = DockerContainer(image="a/b:c", image_pull_policy="always", auto_remove=True)
saved.save("prefect-de-docker", overwrite=True)
loaded = DockerContainer.load("prefect-de-docker")
print(loaded.image, loaded.image_pull_policy, loaded.auto_remove)
print(DockerContainer._calculate_schema_checksum())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=server_environment(tmp_path, PREFECT_API_URL=prefect_server),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded, checksum = done.stdout.splitlines()[-2:]
    assert loaded == "a/b:c Always True"
    assert checksum == docker_block.registration()["checksum"]


@pytest.mark.server
def test_a_deployed_block_loads_in_python(prefect_server, tmp_path):
    from support.deploying import Project

    project = Project(prefect_server)
    project.values["block"] = {"env": {"A": "1"}}
    project.deploy()
    script = f"""
from flowship.blocks import DockerContainer
block = DockerContainer.load("taxi-{project.tag}-docker")
print(block.image.partition("@")[0], block.env, block.auto_remove)
block.save("taxi-{project.tag}-docker", overwrite=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=server_environment(tmp_path, PREFECT_API_URL=prefect_server),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "user/de-repo:tag {'A': '1'} True"
    assert project.deploy().block.outcome == "unchanged"


def test_a_worker_passes_none_of_its_own_paths_and_server_secrets_on(tmp_path):
    from prefect.client.schemas.objects import FlowRun
    from prefect.settings import get_current_settings, temporary_settings
    from prefect_docker.worker import DockerWorkerJobConfiguration

    from flowship.blocks import OF_THE_WORKER

    def given(**env: str) -> dict:
        template = dict(DockerPool().template())
        made = asyncio.run(
            DockerWorkerJobConfiguration.from_template_and_values(template, {"env": env})
        )
        made.prepare_for_flow_run(flow_run=FlowRun(flow_id=uuid.uuid4(), name="zippy"))
        return made.env

    settings = {name: str(tmp_path / name) for name in OF_THE_WORKER}
    url = "http://127.0.0.1:4200/api"
    with temporary_settings({**settings, "PREFECT_API_URL": url}):
        everything = get_current_settings().to_environment_variables(exclude_unset=True)
        assert {*OF_THE_WORKER} <= everything.keys()
        assert given()["PREFECT_API_URL"] == url
        assert given().keys() & {*OF_THE_WORKER} == set()
        assert given(PREFECT_HOME="/data")["PREFECT_HOME"] == "/data"


def test_every_path_that_prefect_has_a_setting_for_stays_on_the_workers_machine():
    from prefect.settings import get_current_settings

    from flowship.blocks import OF_THE_WORKER

    def paths(model) -> set[str]:
        found = set()
        for name in type(model).model_fields:
            value = getattr(model, name)
            if hasattr(type(value), "model_fields"):
                found |= paths(value)
            elif isinstance(value, Path):
                found.add(f"{model.model_config['env_prefix']}{name}".upper())
        return found

    assert paths(get_current_settings()) <= {*OF_THE_WORKER}
