"""Work pools: the one that the server has, or the one that flowship will create."""

from __future__ import annotations

import pytest

from flowship.deployment.pools import DEFAULT, TYPES, creation, pool_of
from flowship.errors import ConfigError


def found(kind: str, template: dict | None) -> dict:
    return {"id": "pool-1", "name": "ours", "type": kind, "is_paused": False,
            "base_job_template": template}  # fmt: skip


def test_a_pool_that_does_not_exist_is_the_one_that_flowship_creates():
    pool = pool_of("flowship", None)
    assert (pool.name, pool.type) == ("flowship", DEFAULT)
    assert creation(pool) == {
        "name": "flowship",
        "type": "docker",
        "description": "Containers started from Docker Container blocks. Created by flowship.",
        "base_job_template": DEFAULT.template(),
    }


def test_a_pool_on_the_server_keeps_its_own_template():
    template = {"variables": {"properties": {"image": {"type": "string"}}}}
    assert pool_of("ours", found("docker", template)).template == template


def test_a_pool_of_another_type_is_refused_with_the_types_that_are_known():
    with pytest.raises(ConfigError) as caught:
        pool_of("ours", found("kubernetes", {}))
    assert caught.value.code == "work-pool-type-unsupported"
    assert "of type kubernetes; flowship needs docker" in caught.value.message
    assert caught.value.where == "work-pool"


@pytest.mark.parametrize("template", [None, {}, {"variables": {"properties": {"command": {}}}}])
def test_a_pool_that_fixes_the_image_is_refused(template):
    with pytest.raises(ConfigError) as caught:
        pool_of("ours", found("docker", template))
    assert caught.value.code == "work-pool-fixes-image"


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_passes_its_own_validation(kind):
    pool = TYPES[kind]
    assert pool.type == kind
    pool.validate("flowship", pool.template())
