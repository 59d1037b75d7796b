"""Loading: where the configuration is found, what overrides what, and which folder is a project."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.config.settings import default_base_image
from flowship.errors import ConfigError, UsageError
from support.configuring import failure, load

FULL = """\
name = "de-taxi"
entrypoint = "flows/taxi.py:etl_parent_flow"
requirements = "docker-requirements.txt"
apt = ["libpq5"]
base-image = "prefecthq/prefect:3.8.8-python3.11"
repo = "user/de-repo"
copy = { "data" = "/opt/prefect/data" }
platform = "linux/amd64"
work-pool = "flowship"

[packages]
trusted-hosts = ["index.example.com"]
index-url = "https://index.example.com/simple"
constraints = "constraints.txt"
ca-bundle = "ca.pem"

[probe]
network = true
env = { A = "1" }

[block]
name = "taxi-docker"
registry-credentials = "my-registry"
image-pull-policy = "always"
auto-remove = true
env = { TZ = "Pacific/Auckland" }
networks = ["etl"]
volumes = ["/data:/data"]
mem-limit = "2g"

[[deployments]]
name = "prefect-docker-flow"
cron = "0 5 * * *"
timezone = "Pacific/Auckland"
parameters = { months = [1, 2, 3] }
tags = ["taxi"]
concurrency-limit = 1

[[deployments]]
name = "several"
[[deployments.schedules]]
interval = "15m"
[[deployments.schedules]]
rrule = "FREQ=DAILY"
"""


def test_every_documented_key_is_read(tmp_path):
    settings = load(tmp_path, FULL)
    assert settings.copy_ == {"data": "/opt/prefect/data"}
    assert settings.block.image_pull_policy == "Always"
    assert settings.packages.trusted_hosts == ("index.example.com",)
    assert settings.deployments[0].all_schedules()[0].timezone == "Pacific/Auckland"
    assert [s.interval for s in settings.deployments[1].all_schedules()] == ["15m", None]
    assert settings.block_name == "taxi-docker"


def test_the_same_keys_are_read_from_pyproject(tmp_path):
    body = '[project]\nname = "My_Project"\n[tool.flowship]\nentrypoint = "a.py:f"\n'
    (tmp_path / "pyproject.toml").write_text(body)
    settings = load(tmp_path)
    assert settings.name == "my-project"
    assert settings.entrypoint == "a.py:f"


def test_configuration_in_both_files_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.flowship]\nentrypoint = "a.py:f"\n')
    error = failure(tmp_path, 'entrypoint = "a.py:f"\n')
    assert "both" in error.message


def test_options_override_the_environment_and_the_environment_overrides_the_file(tmp_path):
    text = 'entrypoint = "a.py:f"\nrepo = "file/x"\nwork-pool = "file"\nplatform = "linux/arm64"\n'
    environ = {"FLOWSHIP_REPO": "env/x", "FLOWSHIP_WORK_POOL": "env"}
    settings = load(tmp_path, text, environ, repo="flag/x")
    assert (settings.repo, settings.work_pool, settings.platform) == (
        "flag/x",
        "env",
        "linux/arm64",
    )


def test_the_environment_overrides_a_key_in_either_spelling(tmp_path):
    text = 'entrypoint = "a.py:f"\nwork_pool = "file"\nbase_image = ""\n[block]\nmem_limit = "1g"\n'
    environ = {"FLOWSHIP_WORK_POOL": "env", "FLOWSHIP_BLOCK__MEM_LIMIT": "2g"}
    settings = load(tmp_path, text, environ)
    assert (settings.work_pool, settings.block.mem_limit) == ("env", "2g")
    assert settings.base_image == default_base_image()


def test_one_key_in_two_spellings_is_an_error(tmp_path):
    error = failure(tmp_path, 'entrypoint = "a.py:f"\nwork_pool = "a"\nwork-pool = "b"\n')
    assert '"work-pool" is set twice' in error.message


def test_an_invalid_option_is_a_usage_error_not_a_configuration_error(tmp_path):
    with pytest.raises(UsageError, match="linux/amd64") as caught:
        load(tmp_path, 'entrypoint = "a.py:f"\n', platform="x")
    assert caught.value.where == "--platform"


def test_a_name_that_flowship_invents_is_a_warning(tmp_path):
    folder = tmp_path / "\u6570\u636e"
    folder.mkdir()
    settings = load(folder, 'entrypoint = "a.py:f"\n')
    assert (settings.name, len(settings.warnings)) == ("flow", 1)
    assert 'name = "' in settings.warnings[0]
    assert load(folder, 'entrypoint = "a.py:f"\nname = "flow"\n').warnings == ()


def test_a_byte_order_mark_is_ignored_and_accents_are_removed_from_the_name(tmp_path):
    folder = tmp_path / "\u00dcn\u00ef c\u00f6d\u00e9"
    folder.mkdir()
    assert load(folder, '\ufeffentrypoint = "a.py:f"\n').name == "uni-code"


@pytest.mark.parametrize("key", ["root", "source", "notes", "warnings", "origins"])
def test_internal_fields_are_not_keys(tmp_path, key):
    error = failure(tmp_path, f'entrypoint = "a.py:f"\n{key} = "x"\n')
    assert error.message == f'unknown key "{key}"'
    assert "flowship.toml:2:1" in error.where


def test_without_an_entrypoint_the_error_suggests_the_flows(tmp_path):
    (tmp_path / "a.py").write_text("from prefect import flow\n@flow\ndef hello():\n    pass\n")
    error = failure(tmp_path, 'name = "x"\n')
    assert 'entrypoint = "a.py:hello"' in error.hint


def test_python_files_without_configuration_list_their_flows_and_suggest_init(tmp_path):
    (tmp_path / "a.py").write_text("import prefect\n@prefect.flow(name='x')\nasync def go(): ...\n")
    error = failure(tmp_path)
    assert "a.py:go" in error.details
    assert "flowship init" in error.hint


def test_a_folder_without_a_project_uses_the_shipped_etl_flow(tmp_path):
    settings = load(tmp_path)
    assert settings.root == loading.DEFAULT_PROJECT
    assert settings.notes == (loading.DEFAULT_PROJECT_NOTE,)
    assert settings.block_name == "prefect-de-docker"
    assert settings.deployment_names == ("prefect-docker-flow",)
    assert settings.project_dir == "/opt/prefect/flows/flowship/etl"
    assert settings.warnings == ()
    assert (settings.root / "flow.py").is_file()
    assert (settings.root / str(settings.requirements)).is_file()


# --- inside a project ---------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    """A configured project with a folder deep inside it."""
    folder = tmp_path / "project"
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "flowship.toml").write_text('entrypoint = "flow.py:f"\n')
    return folder


def is_default(folder):
    """Whether flowship uses the shipped flow in `folder`."""
    return load(folder).root == loading.DEFAULT_PROJECT


@pytest.mark.parametrize(("inside", "way"), [("data", ".."), ("data/raw", "../..")])
def test_a_folder_inside_a_project_does_not_use_the_shipped_flow(project, inside, way):
    error = failure(project / inside)
    assert str(project) in error.message
    assert f"flowship -C {way}" in error.hint


def test_inside_a_project_the_error_does_not_suggest_init(project):
    (project / "data" / "a.py").write_text("@flow\ndef f(): ...\n")
    assert "flowship init" not in failure(project / "data").hint


def test_a_parent_project_may_be_configured_in_pyproject(project):
    (project / "flowship.toml").unlink()
    (project / "pyproject.toml").write_text('[tool.flowship]\nentrypoint = "flow.py:f"\n')
    assert str(project) in failure(project / "data").message


def test_a_project_inside_a_project_uses_its_own_configuration(project):
    (project / "data" / "flowship.toml").write_text('entrypoint = "own.py:f"\n')
    assert load(project / "data").entrypoint == "own.py:f"


def test_a_repository_is_not_part_of_a_parent_project(project):
    (project / "data" / ".git").mkdir()
    assert is_default(project / "data")
    assert is_default(project / "data" / "raw")


def test_the_parent_project_may_be_the_root_of_the_repository(project):
    (project / ".git").mkdir()
    assert str(project) in failure(project / "data" / "raw").message


def test_the_home_folder_is_not_a_parent_project(project, monkeypatch):
    monkeypatch.setenv("HOME", str(project))
    assert is_default(project / "data")
    monkeypatch.setenv("HOME", str(project / "data"))
    assert is_default(project / "data")
    assert is_default(project / "data" / "raw")


def test_a_folder_that_everybody_can_write_to_is_not_a_parent_project(project):
    project.chmod(0o1777)
    assert is_default(project / "data")


def test_the_second_of_two_deployments_with_one_name_is_the_wrong_one(tmp_path):
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "a.py:f"\n[[deployments]]\nname = "a"\n[[deployments]]\ntags = ["x"]\n'
        'name = "a"\n'
    )
    with pytest.raises(ConfigError, match='two deployments are named "a"') as caught:
        loading.load(tmp_path, environ={})
    assert caught.value.where.endswith("flowship.toml:6:1")


@pytest.mark.parametrize(("name", "hint"), [("nighly", 'did you mean "nightly"?'), ("weekly", "")])
def test_a_deployment_that_an_environment_adds_without_an_entrypoint_has_its_place(
    tmp_path, name, hint
):
    file = tmp_path / "flowship.toml"
    file.write_text(
        '[[deployments]]\nname = "nightly"\nentrypoint = "f.py:f"\n\n'
        f"[env.staging.deployments.{name}]\npaused = true\n"
    )
    with pytest.raises(ConfigError) as caught:
        loading.load(tmp_path, environ={}, environment="staging")
    assert caught.value.code == "no-entrypoint"
    assert caught.value.where == f"{file}:5:2"
    assert caught.value.hint == hint or (not hint and "add entrypoint" in caught.value.hint)


@pytest.mark.parametrize(
    ("content", "message", "place"),
    [
        (b'name = "x"\n# caf\xc3\xa9 \xff\n', "the byte 0xff is not valid there", "2:8"),
        ('name = "x"\n'.encode("utf-16"), "it is UTF-16", "1:1"),
    ],
)
def test_a_configuration_that_is_not_utf_8_names_the_line(tmp_path, content, message, place):
    file = tmp_path / "flowship.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        loading.load(tmp_path, environ={})
    assert caught.value.message == f"flowship.toml is not UTF-8: {message}"
    assert (caught.value.code, caught.value.hint) == ("not-utf8", "save it as UTF-8")
    assert caught.value.where == f"{file}:{place}"
