"""The environment of a trial."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.trial.environment import environment
from support.configuring import load

TEXT = """\
name = "p"
entrypoint = "a.py:f"
[block]
env = { PLAIN = "1", URL = "https://{{ prefect.variables.host }}/x", OVER = "block" }
secrets = ["TOKEN"]
[[deployments]]
name = "d"
job-variables = { env = { OVER = "own", KEY = "{{ prefect.blocks.aws.mine.keys.id }}" } }
"""


class Api:
    url = "http://api"

    def variable(self, name):
        return ({"value": "example.com"}, None) if name == "host" else None

    def block_document(self, slug, name, *, include_secrets):
        assert include_secrets
        known = {"secret/p-token": {"value": 'a"b'}, "aws/mine": {"keys": {"id": 5}}}
        found = known.get(f"{slug}/{name}")
        return {"data": found} if found else None


def values(folder, api, environ=None, text=TEXT):
    settings = load(folder, text)
    found = environment(settings, settings.deployments[0], api, environ or {})
    return {name: value.get_secret_value() for name, value in found.items()}


def test_references_get_the_values_of_the_server(tmp_path):
    assert values(tmp_path, Api()) == {
        "PLAIN": "1",
        "URL": "https://example.com/x",
        "OVER": "own",
        "KEY": "5",
        "TOKEN": 'a"b',
    }


def test_a_value_cannot_be_printed(tmp_path):
    settings = load(tmp_path, TEXT)
    assert 'a"b' not in repr(environment(settings, settings.deployments[0], Api(), {}))


def test_what_the_server_does_not_have_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"prefect\.variables\.gone") as caught:
        values(tmp_path, Api(), text=TEXT.replace("variables.host", "variables.gone"))
    assert caught.value.code == "reference-not-found"
    assert caught.value.where == "env.URL"


def test_offline_the_values_come_from_the_environment_of_the_command(tmp_path):
    here = {"TOKEN": "t", "URL": "u", "KEY": "k"}
    assert values(tmp_path, None, here) == {"PLAIN": "1", "OVER": "own", **here}
    with pytest.raises(ConfigError, match="TOKEN comes from the server") as caught:
        values(tmp_path, None, {"URL": "u", "KEY": "k"})
    assert "export TOKEN=" in caught.value.hint
