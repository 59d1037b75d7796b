"""Which Secret block a run's variable comes from, and what cannot be a secret."""

from __future__ import annotations

import pytest

from flowship.config.loading import load
from flowship.deployment import secrets
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.deployment.secrets import Secret
from flowship.errors import ConfigError
from support.deploying import planned, settings
from support.server_model import ServerModel

TWO = [{"name": "a", "secrets": ["B"]}, {"name": "b", "secrets": {"API_TOKEN": "other"}}]


def blocks_of(**values) -> list[dict[str, str]]:
    return [dict(d.secrets) for d in planned(settings(**values))]


def error(**values) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        draft(settings(**values), Flags())
    return caught.value


def test_the_secrets_of_the_block_are_those_of_every_deployment_which_may_have_more():
    found = blocks_of(block={"secrets": ["API_TOKEN"]}, deployments=TWO)
    assert found == [
        {"API_TOKEN": "de-taxi-api-token", "B": "de-taxi-b"},
        {"API_TOKEN": "other"},
    ]


def test_a_project_without_deployments_has_those_of_the_block():
    assert blocks_of(block={"secrets": ["API_TOKEN"]}) == [{"API_TOKEN": "de-taxi-api-token"}]
    assert secrets.of_project(settings(block={"secrets": ["API_TOKEN"]})) == (
        Secret("API_TOKEN", "de-taxi-api-token", ("de-taxi",)),
    )


def test_a_name_with_a_value_in_env_is_an_error_in_its_place(tmp_path):
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flows/taxi.py:taxi"\n'
        "[block]\n"
        'env = { TZ = "UTC", API_TOKEN = "x" }\n'
        'secrets = ["API_TOKEN"]\n'
    )
    with pytest.raises(ConfigError) as caught:
        draft(load(tmp_path, environ={}), Flags())
    assert caught.value.code == "secret-in-env"
    assert caught.value.message == '"API_TOKEN" is both in env and in secrets'
    assert "flowship.toml:3:" in caught.value.where


@pytest.mark.parametrize(
    "values",
    [
        {"block": {"env": {"T": "x"}}, "deployments": [{"name": "a", "secrets": ["T"]}]},
        {
            "block": {"secrets": ["T"]},
            "deployments": [{"name": "a", "job-variables": {"env": {"T": "x"}}}],
        },
    ],
    ids=["block and deployment", "job variables"],
)
def test_env_and_secrets_are_compared_across_the_tables(values):
    assert error(**values).code == "secret-in-env"


def test_two_names_do_not_get_the_same_block_by_default():
    wrong = error(block={"secrets": ["API_TOKEN", "api_token"]})
    assert wrong.code == "secret-block-shared"
    assert "de-taxi-api-token" in wrong.message
    both = {"A": "one", "B": "one"}
    assert blocks_of(block={"secrets": both}) == [both]  # on purpose


def test_a_deployment_gets_references_and_never_the_block():
    model = ServerModel()
    model.documents["secret/de-taxi-api-token"] = {"name": "de-taxi-api-token", "data": {}}
    state = draft(settings(block={"secrets": ["API_TOKEN"], "env": {"TZ": "UTC"}}), Flags())
    from support.deploying import image

    model.apply(state.bind(image()))
    (deployment,) = model.stored.values()
    assert deployment["job_variables"]["env"] == {
        "TZ": "{{ prefect.blocks.docker-container.de-taxi-docker.env.TZ }}",
        "API_TOKEN": "{{ prefect.blocks.secret.de-taxi-api-token }}",
    }
    assert model.documents["docker-container/de-taxi-docker"]["data"]["env"] == {"TZ": "UTC"}


def validate(project, model) -> None:
    secrets.validate(draft(project, Flags()).deployments, model.api, project, None)


def test_what_is_missing_is_named_all_at_once_with_the_commands():
    model = ServerModel()
    configured = settings(block={"secrets": ["API_TOKEN", "C"]}, deployments=TWO)
    with pytest.raises(ConfigError) as caught:
        validate(configured, model)
    assert caught.value.code == "secret-not-found"
    assert caught.value.hint == (
        "run `flowship secret set --block de-taxi-api-token` and `flowship secret set C` and"
        " `flowship secret set B` and `flowship secret set --block other`"
    )
    assert "4 secrets:" in caught.value.message
    assert model.asked == ["block_documents"]


def test_without_a_configuration_that_knows_the_block_it_is_set_by_its_block():
    model, released = ServerModel(), draft(settings(block={"secrets": ["API_TOKEN"]}), Flags())
    elsewhere = settings(block={"secrets": {"API_TOKEN": "other"}})
    for project, environment, options in (
        (None, None, ""),
        (elsewhere, "staging", " --env staging"),
    ):
        with pytest.raises(ConfigError) as caught:
            secrets.validate(released.deployments, model.api, project, environment)
        command = f"flowship secret set --block de-taxi-api-token{options}"
        assert caught.value.hint == f"run `{command}`"


def test_the_command_names_the_environment_whose_server_it_is():
    assert secrets.set_command("T", "b", None) == "flowship secret set T"
    assert secrets.set_command("T", "b", "staging") == "flowship secret set T --env staging"
    assert secrets.set_command("", "b", "staging") == "flowship secret set --block b --env staging"


def test_nothing_is_asked_where_there_are_no_secrets():
    model = ServerModel()
    validate(settings(), model)
    assert model.asked == []


def test_a_block_that_holds_a_table_is_refused():
    model = ServerModel()
    name = "de-taxi-api-token"
    model.documents[f"secret/{name}"] = {"name": name, "data": {"value": {"user": "ada"}}}
    with pytest.raises(ConfigError) as caught:
        validate(settings(block={"secrets": ["API_TOKEN"]}), model)
    assert caught.value.code == "secret-not-text"
    assert "ada" not in caught.value.message
