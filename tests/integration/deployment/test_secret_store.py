"""Secrets on a real server, and as a run gets them from a real worker."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid

import httpx
import pytest
from hypothesis import given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from parts.ports import free_port
from prefect.client.orchestration import PrefectClient
from prefect_docker.worker import DockerWorkerJobConfiguration
from pydantic import SecretStr

from flowship.deployment import secret_store, secrets
from flowship.deployment.pools import DEFAULT
from flowship.deployment.secret_store import State
from flowship.deployment.secrets import Secret
from flowship.errors import ApiError, ConfigError, UsageError
from flowship.prefect.client import PrefectApi
from support.commands import flowship, world
from support.deploying import Project, Target, settings
from support.projects import remove_images, write

pytestmark = pytest.mark.server

VALUE = "hunter2-correct horse"


@pytest.fixture
def project(prefect_server: str) -> Project:
    return Project(prefect_server)


def put(project: Project, block: str, value: str = VALUE) -> str:
    secret = Secret("API_TOKEN", block, ())
    return secret_store.store(project.api, secret, SecretStr(value)).outcome


def held(project: Project, block: str):
    """The value, as a worker reads it."""
    path = f"/block_types/slug/secret/block_documents/name/{block}?include_secrets=true"
    return project.raw("GET", path)["data"]["value"]


def test_a_secret_is_created_then_updated_and_stays_the_text_that_it_is(project):
    block = f"s-{project.tag}"
    assert put(project, block) == "created"
    for value in ("123", "true", '{"a": 1}', "null", ' "q" \n', "é😀"):
        assert put(project, block, value) == "updated"
        assert held(project, block) == value


def test_a_block_that_a_person_filled_with_json_holds_the_text_afterwards(project):
    block = f"s-{project.tag}"
    project.create_block("secret", block, {"value": {"user": "ada", "password": "x"}})
    configured = settings(**project.values, block={"secrets": {"API_TOKEN": block}})
    assert [s.state for s in secret_store.states(project.api, configured)] == [State.NOT_TEXT]
    put(project, block)
    assert held(project, block) == VALUE
    assert [s.state for s in secret_store.states(project.api, configured)] == [State.PRESENT]


def test_all_states_are_read_with_one_request(project):
    names = [f"TOKEN_{i}" for i in range(30)]
    configured = settings(**project.values, block={"secrets": names})
    put(project, configured.secret_block("TOKEN_7"))
    project.network.requests.clear()
    found = secret_store.states(project.api, configured)
    assert {s.name for s in found if s.state is State.PRESENT} == {"TOKEN_7"}
    assert project.network.requests == ["POST /block_documents/filter"]


def test_a_refusal_that_repeats_the_request_does_not_repeat_the_value(project):
    """The server puts the body of a request that it refuses into its answer."""
    answer = httpx.post(
        f"{project.api.url}/block_documents/", json={"name": "Bad Name", "data": {"value": VALUE}}
    )
    assert VALUE in answer.text
    with pytest.raises(ApiError) as caught:
        put(project, "Bad Name")
    assert VALUE not in f"{caught.value.message}{caught.value.details}{caught.value.args}"
    assert "lowercase letters" in caught.value.message


def test_a_deploy_is_refused_until_the_secret_is_there_and_stores_only_a_reference(project):
    project.values["block"] = {"secrets": ["API_TOKEN"]}
    with pytest.raises(ConfigError) as caught:
        project.deploy()
    assert caught.value.code == "secret-not-found"
    assert caught.value.hint == "run `flowship secret set API_TOKEN`"
    assert project.network.writes == []
    block = f"taxi-{project.tag}-api-token"
    put(project, block)
    report = project.deploy()
    reference = f"{{{{ prefect.blocks.secret.{block} }}}}"
    assert project.stored()["job_variables"]["env"]["API_TOKEN"] == reference
    assert "API_TOKEN" not in project.block()["data"]["env"]
    assert VALUE not in json.dumps([project.stored(), project.block(), report.to_json()])
    project.deploy()
    assert project.network.writes == []


def test_a_value_that_was_in_clear_text_leaves_the_block_when_it_becomes_a_secret(project):
    project.values["block"] = {"env": {"API_TOKEN": VALUE, "TZ": "UTC"}}
    project.deploy()
    assert project.block()["data"]["env"]["API_TOKEN"] == VALUE
    put(project, f"taxi-{project.tag}-api-token")
    project.values["block"] = {"secrets": ["API_TOKEN"]}
    project.deploy()
    assert project.block()["data"]["env"] == {"TZ": "UTC"}
    project.deploy()
    assert project.network.writes == []


def test_a_secret_that_a_deployment_on_the_server_gets_is_not_removed_unless_forced(project):
    block = f"taxi-{project.tag}-api-token"
    put(project, block)
    project.values["block"] = {"secrets": ["API_TOKEN"]}
    project.deploy()
    forgotten = Secret("API_TOKEN", block, ())  # no longer configured, and still deployed
    with pytest.raises(UsageError) as caught:
        secret_store.remove(project.api, forgotten, force=False)
    assert caught.value.code == "secret-in-use"
    configured = Secret("API_TOKEN", block, ("new", "nightly"))
    with pytest.raises(UsageError) as both:
        secret_store.remove(project.api, configured, force=False)
    assert f"is used by new, flow-{project.tag}/nightly: " in both.value.message
    assert f"flow-{project.tag}/nightly" in caught.value.message
    assert secret_store.remove(project.api, forgotten, force=True).outcome == "removed"
    assert secret_store.remove(project.api, forgotten, force=True).outcome == "absent"


def test_a_worker_replaces_variables_in_a_value_and_nothing_else(project):
    """The reason why a value with `{{ prefect.variables.… }}` is refused."""
    block = f"s-{project.tag}"
    put(project, block, "{{ prefect.variables.gone }}|{{ x }}|{{ $HOME }}|{{ prefect.blocks.a.b }}")

    async def resolved() -> str | None:
        async with PrefectClient(project.api.url) as client:
            configuration = await DockerWorkerJobConfiguration.from_template_and_values(
                dict(DEFAULT.template()),
                {"env": secrets.references({"T": block}), "image": "x"},
                client=client,
            )
        return configuration.env["T"]

    assert asyncio.run(resolved()) == "|{{ x }}|{{ $HOME }}|{{ prefect.blocks.a.b }}"


# --- through a real worker -----------------------------------------------------------------------

FLOW = """\
import hashlib, json, os
from prefect import flow


@flow(log_prints=True)
def report() -> None:
    got = {n.decode(): v for n, v in os.environb.items() if n.startswith(b"S_")}
    print("got " + json.dumps({n: hashlib.sha256(v).hexdigest() for n, v in got.items()}))
"""
PLAIN = [
    "123", "1e5", "true", "null", '{"a": 1}', '"quoted"', "it's", "a\\b\\n", "$HOME", "${HOME}",
    "$(id)", "`id`", "%41%s%%", "a&b=c?d#e", "{{ name }}", "{{ $HOME }}", "{{name}}", "{% x %}",
    "{{ prefect.blocks.secret.other }}", "{{ prefect.flow_run.id }}", " before", "after ", "\t",
    "two\nlines", "crlf\r\n", "-----BEGIN KEY-----\nMIIE+/==\n-----END KEY-----\n", "=", "a=b=c",
    " ", "é", "日本語", "😀", "\u202e\u200b\ufeff", "\x01\x1b[31m\x7f", "x" * 100_000,
    "@:/", "*~!;|<>",
]  # fmt: skip


def hundred() -> list[str]:
    """A hundred texts that JSON, shells and URLs mistreat."""
    found = dict.fromkeys(PLAIN)
    special = st.text("\"'\\$`{}%&#@:/?=+ \n\t;|<>!*~^()[]é😀", min_size=1, max_size=40)
    anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)

    @seed(1)
    @hypothesis_settings(max_examples=300, database=None, deadline=None)
    @given(special | anything)
    def collect(text: str) -> None:
        found[text] = None

    collect()
    valid = []
    for text in found:
        try:
            secret_store.validated(text, "S_00")
        except UsageError:
            continue
        valid.append(text)
    assert len(valid) >= 100
    return valid[:100]


@pytest.mark.engine
def test_a_hundred_passwords_arrive_in_a_run_as_they_are(tmp_path, base_image, engine):
    name = f"t{uuid.uuid4().hex[:10]}"
    home, folder, texts = tmp_path, tmp_path / name, hundred()
    names = [f"S_{number:02}" for number in range(len(texts))]
    folder.mkdir()
    more = f'[block]\nsecrets = {json.dumps(names)}\n[[deployments]]\nname = "{name}"\n'
    write(folder, base_image, {"flow.py": FLOW.replace("report", "hello")}, more)
    port = free_port()
    env = world(home)
    try:
        flowship("up", "--port", str(port), cwd=folder, env=env, ok=True)
        refused = flowship("deploy", "--local", "--json", cwd=folder, env=env)
        assert refused.json["error"]["code"] in ("secret-not-found", "image-not-found")
        api = PrefectApi(Target(f"http://127.0.0.1:{port}/api"))
        for variable, text in zip(names, texts, strict=True):
            block = f"{name}-{variable.lower().replace('_', '-')}"
            secret_store.store(api, Secret(variable, block, ()), SecretStr(text))
        flowship("build", cwd=folder, env=env, ok=True)
        flowship("deploy", "--local", cwd=folder, env=env, ok=True)
        run = flowship("run", "--watch", "--json", cwd=folder, env=env, ok=True)
        (line,) = (text for text in run.stderr.splitlines() if "got {" in text)
        got = json.loads("{" + line.partition("got {")[2])
        wanted = {
            v: hashlib.sha256(t.encode()).hexdigest() for v, t in zip(names, texts, strict=True)
        }
        assert {texts[names.index(v)] for v in names if got.get(v) != wanted[v]} == set()
    finally:
        flowship("down", cwd=folder, env=env)
        remove_images(engine, name)
