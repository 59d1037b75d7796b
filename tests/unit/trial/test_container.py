"""What the container of a trial gets."""

from __future__ import annotations

import json
import sys

import pytest
from pydantic import SecretStr

from flowship.prefect.profiles.resolution import ApiTarget
from flowship.prefect.source import Source, SourceKind
from flowship.trial.container import ARGUMENTS, container


def target(url="http://127.0.0.1:4200/api", **more):
    given = {"key": None, "auth_string": None, "ca_file": None, "verify": True, "headers": {}}
    source = Source(SourceKind.ENVIRONMENT, "PREFECT_API_URL")
    return ApiTarget(url=url, profile=None, source=source, **{**given, **more})


def made(variables=None, environment=None, api=None):
    secrets = {name: SecretStr(value) for name, value in (environment or {}).items()}
    return container("flow.py:f", {"n": 1}, variables or {}, secrets, api)


def test_the_script_gets_the_flow_and_its_parameters():
    files = made(api=target()).files
    assert json.loads(files[ARGUMENTS]) == {
        "entrypoint": "flow.py:f",
        "parameters": {"n": 1},
        "offline": False,
    }
    assert json.loads(made().files[ARGUMENTS])["offline"] is True


def test_without_a_server_prefect_may_start_a_temporary_one():
    arguments = made(environment={"A": "b"}).arguments
    assert arguments["environment"]["A"] == "b"
    assert arguments["environment"]["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] == "true"
    assert "PREFECT_API_URL" not in arguments["environment"]
    assert "network_mode" not in arguments


def test_a_server_on_this_machine_is_reached_as_a_worker_reaches_it(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    arguments = made(api=target()).arguments
    assert arguments["network_mode"] == "host"
    assert arguments["environment"]["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    attached = made({"networks": ["one", "two"]}, api=target())
    assert attached.networks == ("one", "two")
    assert "network_mode" not in attached.arguments
    inside = attached.arguments["environment"]["PREFECT_API_URL"]
    assert inside == "http://host.docker.internal:4200/api"
    assert attached.arguments["extra_hosts"] == {"host.docker.internal": "host-gateway"}
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "network_mode" not in made(api=target()).arguments


def test_a_server_elsewhere_keeps_its_address_and_gets_its_credentials():
    api = target(
        "https://prefect.example.com/api",
        key=SecretStr("k"),
        auth_string=SecretStr("a:b"),
        headers={"X": "y"},
    )
    arguments = made(api=api).arguments
    env = arguments["environment"]
    assert env["PREFECT_API_URL"] == "https://prefect.example.com/api"
    assert (env["PREFECT_API_KEY"], env["PREFECT_API_AUTH_STRING"]) == ("k", "a:b")
    assert json.loads(env["PREFECT_CLIENT_CUSTOM_HEADERS"]) == {"X": "y"}
    assert "network_mode" not in arguments


def test_the_fields_of_the_block_are_arguments_of_the_engine():
    variables = {
        "mem_limit": "1g",
        "volumes": ["/a:/b"],
        "labels": {"team": "data"},
        "privileged": False,
        "auto_remove": True,
        "image_pull_policy": "Always",
        "container_create_kwargs": {
            "shm_size": "1g",
            "volumes": ["x"],
            "extra_hosts": ["h:1.2.3.4"],
        },
    }
    arguments = made(variables).arguments
    assert arguments["mem_limit"] == "1g"
    assert arguments["volumes"] == ["/a:/b"]
    assert arguments["shm_size"] == "1g"
    assert arguments["extra_hosts"] == {"h": "1.2.3.4"}
    assert {"auto_remove", "image_pull_policy"}.isdisjoint(arguments)


@pytest.mark.parametrize("mode", ["bridge", "none"])
def test_a_configured_network_mode_counts(mode):
    assert made({"network_mode": mode}, api=target()).arguments["network_mode"] == mode
