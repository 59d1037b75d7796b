"""References to blocks and variables: where they are written, and whether they exist."""

from __future__ import annotations

import pytest

from flowship.config.loading import load
from flowship.deploy import preflight
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.deployment.references import Reference, find, of_draft, validate
from flowship.errors import ConfigError
from support.deploying import settings
from support.server_model import ServerModel

SECRET = "prefect.blocks.secret.gcp-key"
MEMORY = "prefect.variables.memory"


@pytest.fixture
def server() -> ServerModel:
    model = ServerModel()
    model.documents["secret/gcp-key"] = {"id": "1"}
    model.variables["memory"] = {"id": "2"}
    return model


def written(text: str) -> str:
    return f"{{{{ {text} }}}}"


def validated(server: ServerModel, *texts: str) -> None:
    found = [Reference(text, f"place {number}") for number, text in enumerate(texts)]
    validate(found, "de-taxi-docker", server.api)


def refused(server: ServerModel, *texts: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        validated(server, *texts)
    return caught.value


def test_references_are_found_at_every_depth_with_their_place():
    value = {"env": {"A": f"x {written(SECRET)} {written(MEMORY)}", "B": 1}, "volumes": ["a:/b",
             "{{prefect.variables.data}}:/x"], "labels": {"since": "{{ flow.name }}"}}  # fmt: skip
    found = list(find(value, lambda *key: "/".join(map(str, key))))
    assert found == [
        Reference(SECRET, "env/A"),
        Reference(MEMORY, "env/A"),
        Reference("prefect.variables.data", "volumes/1"),
    ]


def test_the_references_of_the_block_and_of_the_job_variables_have_their_place_in_the_file(
    tmp_path,
):
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flows/taxi.py:taxi"\n'
        "[block]\n"
        f'mem-limit = "{written(MEMORY)}"\n'
        f'env = {{ PLAIN = "1", KEY = "{written(SECRET)}" }}\n'
        "[[deployments]]\n"
        'name = "a"\n'
        f'job-variables = {{ env = {{ TOKEN = "{written(SECRET)}" }} }}\n'
    )
    found = list(of_draft(draft(load(tmp_path, environ={}), Flags())))
    places = sorted((*r.where.split("/")[-1].split(":")[:2], r.text) for r in found)
    assert places == [
        ("flowship.toml", "3", MEMORY),
        ("flowship.toml", "4", SECRET),
        ("flowship.toml", "7", SECRET),
    ]


def test_references_to_what_exists_pass_and_each_is_asked_for_once(server):
    validated(server, SECRET, f"{SECRET}.value", MEMORY, SECRET, MEMORY)
    assert server.asked == ["block_document", "variable"]


def test_the_projects_own_block_is_not_asked_for(server):
    validated(server, "prefect.blocks.docker-container.de-taxi-docker.image")
    assert server.asked == []
    error = refused(server, "prefect.blocks.docker-container.other.image")
    assert error.code == "reference-not-found"


@pytest.mark.parametrize(
    ("text", "missing", "create"),
    [
        (
            "prefect.blocks.secret.gone",
            'block "gone" of type "secret"',
            "`flowship secret set --block gone`",
        ),
        (
            "prefect.blocks.json.gcp-key.value.a",
            'block "gcp-key" of type "json"',
            "/blocks/catalog",
        ),
        ("prefect.variables.gone", 'variable "gone"', "prefect variable set gone VALUE`"),
    ],
)
def test_a_reference_to_what_does_not_exist_is_an_error(server, text, missing, create):
    error = refused(server, SECRET, text)
    assert error.code == "reference-not-found"
    assert error.message == f"{written(text)}: the server has no {missing}"
    assert error.where == "place 1"
    assert create in error.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("prefect.block.secret.gcp-key", f'did you mean "{written(SECRET)}"?'),
        ("prefect.Blocks.secret.gcp-key", f'did you mean "{written(SECRET)}"?'),
        ("prefect.variable.memory", f'did you mean "{written(MEMORY)}"?'),
        ("prefect.blocks.secret", "prefect.blocks.TYPE.NAME"),
        ("prefect.block.secret", "prefect.blocks.TYPE.NAME"),
        ("prefect.blocks.secret.my key", "prefect.blocks.TYPE.NAME"),
        ("prefect.variables.a.b", "prefect.variables.NAME"),
        ("prefect.runtime.flow", "prefect.variables.NAME"),
    ],
)
def test_a_placeholder_of_prefect_that_is_neither_a_block_nor_a_variable_is_an_error(
    server, text, hint
):
    error = refused(server, text)
    assert (error.code, error.where) == ("reference-invalid", "place 0")
    assert hint in error.hint
    assert server.asked == []


def test_before_a_build_every_reference_is_validated(server):
    good = {"env": {"KEY": written(SECRET)}}
    deployment = {"name": "a", "job-variables": {"mem_limit": written(MEMORY)}}
    preflight(draft(settings(block=good, deployments=[deployment]), Flags()), server.api)
    for values in (
        {"block": {"env": {"KEY": written("prefect.blocks.secret.gone")}}},
        {"deployments": [{**deployment, "job-variables": {"env": {"A": written(MEMORY + "x")}}}]},
    ):
        with pytest.raises(ConfigError) as caught:
            preflight(draft(settings(**values), Flags()), server.api)
        assert caught.value.code == "reference-not-found"


def test_without_references_nothing_more_is_asked_for(server):
    preflight(draft(settings(block={"env": {"A": "1"}}), Flags()), server.api)
    assert server.asked == ["work_pool"]
