"""Docker work pools: which fields of the block a deployment's job variables can follow."""

from __future__ import annotations

from typing import Any

import pytest

from flowship.deployment.docker_block import DEFAULTS, FIELDS
from flowship.deployment.pools.docker import DockerPool, is_widened

POOL = DockerPool()
BLOCK = {**DEFAULTS, "image": "user/de-repo:tag"}
PREFIX = "prefect.blocks.docker-container.de-taxi-docker"


def placeholder(path: str) -> str:
    return f"{{{{ {PREFIX}.{path} }}}}"


def narrow() -> dict[str, Any]:
    """The template that Prefect itself gives a Docker pool: only text may be a placeholder."""
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    table = {"type": "object", "additionalProperties": {"type": "string"}}
    properties = {
        "image": text,
        "image_pull_policy": {"enum": ["IfNotPresent", "Always", "Never"], "type": "string"},
        "auto_remove": {"type": "boolean"},
        "env": table,
        "labels": table,
        "networks": texts,
        "volumes": texts,
        "mem_limit": text,
        "registry_credentials": {"type": "object"},
    }
    return {"variables": {"properties": properties}}


def variables(template, **block):
    return POOL.job_variables("de-taxi-docker", {**BLOCK, **block}, template)


def test_in_a_pool_of_flowship_every_field_follows_the_block():
    made = variables(POOL.template())
    assert is_widened(POOL.template())
    assert set(made.live) == set(FIELDS) - {"env"}
    assert made.copied == ()
    assert made.values["mem_limit"] == placeholder("mem_limit")


def test_a_pool_that_flowship_did_not_create_takes_placeholders_only_as_text():
    assert not is_widened(narrow())
    made = variables(narrow(), auto_remove=False, mem_limit="1g")
    assert made.values["image"] == placeholder("image")
    assert made.values["mem_limit"] == placeholder("mem_limit")
    assert made.values["auto_remove"] is False
    assert made.values["image_pull_policy"] == "IfNotPresent"
    assert {"image", "mem_limit"} <= set(made.live)
    assert {"auto_remove", "image_pull_policy"} <= set(made.copied)


def test_the_texts_in_a_list_or_a_table_follow_one_by_one():
    made = variables(narrow(), volumes=["data:/x", "/srv:/y"], labels={"team": "de", "a.b": "c"})
    assert made.values["volumes"] == [placeholder("volumes[0]"), placeholder("volumes[1]")]
    # Prefect reads a dot as the next level down, so this one is copied.
    assert made.values["labels"] == {"team": placeholder("labels.team"), "a.b": "c"}
    assert "labels.a.b" in made.copied


@pytest.mark.parametrize("template", [narrow(), POOL.template()])
def test_environment_variables_follow_one_by_one_in_every_pool(template):
    made = variables(template, env={"A": "1"})
    assert made.values["env"] == {"A": placeholder("env.A")}


def test_the_content_of_credentials_is_never_copied():
    made = variables(narrow(), registry_credentials={})
    assert made.values["registry_credentials"] == {
        key: placeholder(f"registry_credentials.{key}")
        for key in ("username", "password", "registry_url")
    }
    assert variables(narrow()).values["registry_credentials"] is None


def test_a_variable_that_the_pool_does_not_have_is_left_out():
    assert "privileged" not in variables(narrow()).values
