"""Two environments of a project on one server do not take each other's deployments over."""

from __future__ import annotations

import uuid

import pytest

from flowship import scope
from flowship.config.loading import load
from flowship.deploy import preflight
from flowship.deployment import other_environments
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.errors import ConfigError

pytestmark = pytest.mark.server

CONFIGURATION = """\
name = "{tag}"
entrypoint = "flow.py:boom"
base-image = "prefecthq/prefect:3.8.8-python3.11"
require-env = {required}
work-pool = "{tag}"

[[deployments]]
name = "nightly-{tag}"

[[deployments]]
name = "gone-{tag}"

[env.staging]
block.name = "{tag}-staging"
deployments.nightly-{tag}.name = "nightly-staging-{tag}"

[env.production]
block.name = "{tag}-production"
"""


@pytest.fixture
def tag(tmp_path, prefect_server, monkeypatch):
    monkeypatch.delenv("FLOWSHIP_ENV", raising=False)
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    tag = f"t{uuid.uuid4().hex[:8]}"
    write(tmp_path, tag)
    return tag


def write(folder, tag, required="true", more=""):
    text = CONFIGURATION.format(tag=tag, required=required) + more
    (folder / "flowship.toml").write_text(text)
    (folder / "flow.py").write_text("def boom(): ...\n")


def deployed_by_staging(api, tag, block):
    flow = api.create_flow("boom")
    image = f"{{{{ prefect.blocks.docker-container.{block}.image }}}}"
    for name in (f"nightly-staging-{tag}", f"gone-{tag}"):
        body = {
            "name": name,
            "flow_id": flow["id"],
            "entrypoint": "flow.py:boom",
            "job_variables": {"image": image},
        }
        api.create_deployment(body)


def refused(folder, api, environment):
    with pytest.raises(ConfigError) as caught:
        preflight(draft(load(folder, environment=environment), Flags()), api)
    return caught.value


def test_a_name_that_an_environment_forgot_is_refused_before_anything_changes(tmp_path, tag):
    with scope.open_api() as api:
        deployed_by_staging(api, tag, f"{tag}-staging")
        error = refused(tmp_path, api, "production")
        assert (error.code, error.exit_code) == ("deployment-of-other-environment", 3)
        assert error.message == (
            f"boom/gone-{tag} at {api.url} is the deployment of the environment staging: it uses"
            f" the block {tag}-staging"
        )
        assert error.where == f"{tmp_path / 'flowship.toml'}:11:1"
        assert error.hint == (
            "give it another name in one of the environments, such as"
            f' name = "gone-{tag}-production" in [env.production.deployments.gone-{tag}]'
        )
        # Staging's own deploy goes on, and so does production's with the name of the hint.
        preflight(draft(load(tmp_path, environment="staging"), Flags()), api)
        write(tmp_path, tag, more=f'[env.production.deployments.gone-{tag}]\nname = "own-{tag}"\n')
        preflight(draft(load(tmp_path, environment="production"), Flags()), api)


def test_without_an_environment_it_is_the_same(tmp_path, tag):
    write(tmp_path, tag, required="false")
    with scope.open_api() as api:
        deployed_by_staging(api, tag, f"{tag}-docker")
        error = refused(tmp_path, api, "staging")
        assert f"is the deployment of no environment: it uses the block {tag}-docker" in (
            error.message
        )
        preflight(draft(load(tmp_path), Flags()), api)


def test_an_environment_on_another_server_and_another_project_are_not_meant(
    tmp_path, tag, prefect_server, home, monkeypatch
):
    monkeypatch.delenv("PREFECT_API_URL")
    (home / ".prefect").mkdir(exist_ok=True)
    (home / ".prefect" / "profiles.toml").write_text(
        'active = "here"\n'
        f'[profiles.here]\nPREFECT_API_URL = "{prefect_server}"\n'
        '[profiles.there]\nPREFECT_API_URL = "http://192.0.2.1:4200/api"\n'
    )
    text = (tmp_path / "flowship.toml").read_text()
    elsewhere = text.replace("[env.staging]\n", '[env.staging]\nprofile = "there"\n')
    with scope.open_api() as api:
        deployed_by_staging(api, tag, f"{tag}-staging")
        assert refused(tmp_path, api, "production").code == "deployment-of-other-environment"
        (tmp_path / "flowship.toml").write_text(elsewhere)
        preflight(draft(load(tmp_path, environment="production"), Flags()), api)
        (tmp_path / "flowship.toml").write_text(text.replace(f"{tag}-staging", f"{tag}-other"))
        preflight(draft(load(tmp_path, environment="production"), Flags()), api)


def test_only_a_project_with_environments_costs_a_request(tmp_path, tag):
    with scope.open_api() as api:
        names = []
        api.deployments = lambda asked: names.append(asked) or []
        other_environments.validate(draft(load(tmp_path, environment="production"), Flags()), api)
        assert names == [[f"gone-{tag}", f"nightly-{tag}"]]
        (tmp_path / "flowship.toml").write_text(f'name = "{tag}"\nentrypoint = "flow.py:boom"\n')
        other_environments.validate(draft(load(tmp_path), Flags()), api)
        assert len(names) == 1
