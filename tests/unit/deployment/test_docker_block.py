"""The Docker Container block's fields: what is refused and how dates are written."""

from __future__ import annotations

import pytest

from flowship.config.loading import load
from flowship.deployment.desired import Flags
from flowship.deployment.docker_block import (
    DEFAULTS,
    DOCKER_ARGUMENTS,
    block_of,
    configured_fields,
    credentials_name,
    env_references,
    invalid_values,
    is_same_image,
    kept,
    open_secrets,
    refers_to,
)
from flowship.deployment.draft import draft
from flowship.errors import ConfigError
from flowship.redaction import MASK
from support.deploying import planned, refused, settings


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"volumes": ["nonsense"]}, "is not a mount"),
        ({"volumes": ["data:/x:rw:z"]}, "is not a mount"),
        ({"volumes": ["data:x"]}, "not an absolute path"),
        ({"volumes": ["./data:/x"]}, "is not an absolute path and not a volume name"),
        ({"volumes": ["data:/x:often"]}, '"often" is not a mount mode'),
        ({"mem-limit": "lots"}, "not an amount of memory"),
        ({"mem-limit": "512"}, "less than 6m"),
        ({"memswap-limit": "1 gig"}, "not an amount of memory"),
    ],
)
def test_a_block_value_that_would_crash_every_run_is_refused(block, message):
    error = refused(ConfigError, settings(block=block))
    assert message in error.message
    assert error.where == f"block.{next(iter(block))}"


def test_a_date_in_the_configuration_reaches_the_block_and_the_worker_as_text(tmp_path):
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flows/taxi.py:taxi"\n'
        "[block]\ncontainer-create-kwargs = { labels = { since = 2024-01-01 } }\n"
        '[[deployments]]\nname = "a"\njob-variables = { labels = { since = 2024-01-01 } }\n'
    )
    project = load(tmp_path, environ={})
    since = {"labels": {"since": "2024-01-01"}}
    assert configured_fields(project.block) == {"container_create_kwargs": since}
    assert planned(project)[0].job_variables == since


def test_block_values_that_an_engine_accepts_pass():
    volumes = ["data:/x", "/srv/data:/x:ro", "data:/x:rw,z", "C:\\\\data:/x", "{{ a.b }}"]
    block = {"volumes": volumes, "mem-limit": "1.5g", "memswap-limit": "-1"}
    for limit in ("512m", "512MB", "2G", str(2**30)):
        assert planned(settings(block={**block, "mem-limit": limit}))


def test_the_known_container_arguments_are_those_of_docker_py():
    from docker.models import containers

    known = {*containers.RUN_CREATE_KWARGS, *containers.RUN_HOST_CONFIG_KWARGS}
    # the worker gives the environment and the network itself, and Python takes nothing twice
    known = (known | {"ports", "volumes", "networking_config"}) - {"environment"}
    assert known == DOCKER_ARGUMENTS


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"foo": 1}, 'docker has no argument "foo"', "docker-py"),
        ({"shm_siz": "1g"}, 'docker has no argument "shm_siz"', '"shm_size"'),
        ({"environment": {}}, 'the block sets "environment" itself', "use env"),
        ({"network": "x"}, 'the block sets "network" itself', "use networks"),
    ],
)
def test_an_argument_that_would_crash_every_run_is_refused(given, message, hint):
    project = settings(block={"container-create-kwargs": given})
    with pytest.raises(ConfigError) as caught:
        draft(project, Flags())
    assert message in caught.value.message
    assert hint in caught.value.hint


# --- what may be shown ---------------------------------------------------------------------------

REFERENCE = "{{ prefect.blocks.secret.token }}"


def test_secrets_written_out_and_references_to_secrets_differ():
    env = {"API_TOKEN": "sk-123", "KEY_TOKEN": REFERENCE, "DB": "http://ada:pw@host", "A": "1"}
    block = settings(block={"env": env}).block
    assert open_secrets(block) == ("env.API_TOKEN", "env.DB")
    assert env_references(block) == {"KEY_TOKEN": REFERENCE}
    assert set(configured_fields(block)["env"]) == {"API_TOKEN", "DB", "A"}


def test_secrets_in_labels_and_container_options_are_found_too():
    block = settings(
        block={
            "labels": {"team": "data", "api_key": "k3y"},
            "container_create_kwargs": {
                "environment": ["A=1", "DB_PASSWORD=hunter2"],
                "log_config": {"config": {"splunk-token": "x", "url": "http://a:b@host"}},
                "hostname": "hf_" + "aB3d" * 8 + "xY",
            },
        }
    ).block
    inside = "container_create_kwargs"
    assert open_secrets(block) == (
        "labels.api_key",
        f"{inside}.environment",
        f"{inside}.log_config.config.splunk-token",
        f"{inside}.log_config.config.url",
        f"{inside}.hostname",
    )


def test_what_is_neither_configured_nor_a_default_is_kept():
    data = {**DEFAULTS, "image": "a:1", "mem_limit": "1g", "privileged": True,
            "env": {"API_TOKEN": "sk-123"}, "registry_credentials": {"password": "hunter2"},
            "type": "docker-container"}  # fmt: skip
    found = kept(data, {"mem_limit": "1g"}, has_credentials=False)
    assert found == {
        "privileged": True, "env": {"API_TOKEN": MASK}, "registry_credentials": MASK,
    }  # fmt: skip
    assert "registry_credentials" not in kept(data, {}, has_credentials=True)


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("Always", {"image_pull_policy": "Always"}),
        ("sometimes", {"image_pull_policy": "sometimes"}),
        ("IfNotPresent", {}),  # the default
        ("Never", {}),  # flowship's own, for an image that was never pushed
        (None, {}),
    ],
)
def test_a_pull_policy_that_a_person_set_is_kept(policy, found):
    data = {**DEFAULTS, "image_pull_policy": policy}
    assert kept(data, {}, has_credentials=False) == found
    assert kept(data, {"image_pull_policy": "Always"}, has_credentials=False) == {}


@pytest.mark.parametrize("policy", ["sometimes", "ALWAYS"])
def test_an_unknown_pull_policy_is_invalid(policy):
    (found,) = invalid_values({"image_pull_policy": policy})
    assert found.field == "image_pull_policy"
    assert found.message == f'"{policy}" is not a pull policy (Always, IfNotPresent, Never)'


@pytest.mark.parametrize("policy", ["Always", "IfNotPresent", "Never", None, "{{ a.b }}"])
def test_a_pull_policy_that_the_worker_accepts_is_valid(policy):
    assert invalid_values({"image_pull_policy": policy}) == ()


# --- references to blocks ------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["hub", "docker-registry-credentials/hub"])
def test_a_credentials_block_may_be_named_with_its_type(given):
    assert credentials_name(settings(block={"registry-credentials": given}).block) == "hub"
    assert credentials_name(settings().block) is None


def test_the_block_that_job_variables_refer_to_is_found():
    variables = {"image": "{{ prefect.blocks.docker-container.de-taxi.image }}"}
    assert block_of(variables) == "de-taxi"
    assert block_of({"image": "a:1"}) == ""
    assert block_of(None) == ""
    assert refers_to(variables, "de-taxi")
    assert not refers_to(variables, "de-tax")
    assert not refers_to({"image": "a:1"}, "de-taxi")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("localhost:5000/a/b:1@sha256:11", "localhost:5000/a/b@sha256:11", True),
        ("a/b@sha256:11", "a/b:1@sha256:11", True),
        ("a/b:1", "a/b:1", True),
        ("a/b:1@sha256:11", "a/b:2@sha256:11", False),
        ("a/b:1@sha256:11", "a/b@sha256:22", False),
        ("a/b:1@sha256:11", "c/b@sha256:11", False),
        ("localhost:5000/b@sha256:11", "localhost/b@sha256:11", False),
        ("a/b:1", "a/b", False),
    ],
)
def test_an_image_is_the_same_with_and_without_its_tag(one, other, same):
    assert is_same_image(one, other) is same
