"""Which server and whose deployments a command is about, when there may be no readable project."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowship import scope
from flowship.errors import ApiError, ConfigError, UsageError
from support.configuring import load

ENTRYPOINT = 'entrypoint = "flow.py:main"\n'
TWO = '[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\n'


def test_the_only_deployment_is_meant_where_none_is_named(tmp_path: Path) -> None:
    assert scope.only_deployment(load(tmp_path, f'name = "trips"\n{ENTRYPOINT}')) == "trips"
    with pytest.raises(UsageError) as caught:
        scope.only_deployment(load(tmp_path, ENTRYPOINT + TWO))
    assert caught.value.code == "deployment-name-required"
    assert caught.value.hint == "choose one of: a, b"


def test_an_unreadable_project_is_an_error_only_where_an_environment_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLOWSHIP_ENV", raising=False)
    (tmp_path / "flowship.toml").write_text("name = \n")
    assert scope.known_project(tmp_path) is None
    with pytest.raises(ConfigError):
        scope.known_project(tmp_path, "production")


def test_a_half_edited_project_keeps_its_server_for_a_run_of_a_named_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLOWSHIP_ENV", raising=False)
    text = 'name = "trips"\nprofile = "work"\ncolour = "red"\n[env.production]\nprofile = "prod"\n'
    (tmp_path / "flowship.toml").write_text(text)
    for environment, profile in ((None, "work"), ("production", "prod")):
        found = scope.known_project(tmp_path, environment)
        assert found is not None
        assert found.profile == profile


# --- the project and the deployment of a command of the second day -------------------------------

HALF_EDITED = 'name = "trips"\nprofile = "work"\ncolour = "red"\n'


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWSHIP_ENV", raising=False)


def choose(folder: Path, text: str | None, *args: str | None) -> scope.Scope:
    if text is not None:
        (folder / "flowship.toml").write_text(text)
    return scope.choose(folder, *args)


def test_a_valid_project_is_known_with_all_of_its_settings(tmp_path: Path) -> None:
    found = choose(tmp_path, f'name = "trips"\n{ENTRYPOINT}')
    assert (found.project, found.deployment, found.elsewhere) == ("trips", None, False)
    assert found.settings is found.outline
    assert found.problem is None


def test_a_half_edited_project_keeps_its_name_and_its_server(tmp_path: Path) -> None:
    found = choose(tmp_path, HALF_EDITED, "nightly")
    assert (found.project, found.deployment) == ("trips", "nightly")
    assert found.outline
    assert found.outline.profile == "work"
    assert found.settings is None
    assert found.problem
    assert found.problem.where.endswith("flowship.toml:3:1")


def test_project_names_one_in_any_folder(tmp_path: Path) -> None:
    for text in (None, HALF_EDITED, "name = "):
        found = choose(tmp_path, text, None, "rides")
        assert (found.project, found.outline, found.elsewhere) == ("rides", None, True)
    assert choose(tmp_path, HALF_EDITED, None, "trips").outline  # the folder's own


def test_a_deployment_is_enough_in_any_folder(tmp_path: Path) -> None:
    found = choose(tmp_path, None, "taxi/nightly")
    assert (found.project, found.deployment, found.problem) == (None, "taxi/nightly", None)
    found = choose(tmp_path, "name = ", "taxi/nightly")
    assert found.project is None
    assert found.problem
    assert found.problem.code == "invalid-toml"


def test_a_file_that_is_not_toml_is_an_error_that_says_how_to_do_without_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(tmp_path, 'name = "trips"\nprofile = ')
    assert caught.value.code == "invalid-toml"
    assert caught.value.hint.endswith("add --project NAME")
    with pytest.raises(ConfigError):  # the environment may be on another server
        scope.choose(tmp_path, "nightly", None, "production")


def test_a_folder_of_python_files_without_a_configuration_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text("")
    with pytest.raises(ConfigError) as caught:
        scope.choose(tmp_path)
    assert caught.value.code == "no-configuration"
    assert caught.value.hint.endswith("add --project NAME")


def test_an_empty_folder_is_the_built_in_project_as_for_ship(tmp_path: Path) -> None:
    found = scope.choose(tmp_path)
    assert (found.project, found.unconfigured) == ("prefect-de", tmp_path)
    assert choose(tmp_path, HALF_EDITED).unconfigured is None


def test_an_environment_is_of_the_folders_project_alone(tmp_path: Path) -> None:
    text = f'{HALF_EDITED}[env.production]\nprofile = "prod"\n'
    found = choose(tmp_path, text, None, None, "production")
    assert found.outline
    assert found.outline.profile == "prod"
    for arguments in (("rides", "production"), (None, "prodction"), ("trips", "other")):
        with pytest.raises(UsageError) as caught:
            scope.choose(tmp_path, None, *arguments)
        assert caught.value.code == "environment-unknown"
    with pytest.raises(UsageError):
        scope.choose(tmp_path / "none", "taxi/nightly", None, "production")


def test_a_change_needs_an_environment_where_the_project_demands_one(tmp_path: Path) -> None:
    text = f"require-env = true\n{HALF_EDITED}[env.production]\n"
    with pytest.raises(UsageError) as caught:
        choose(tmp_path, text).require_environment()
    assert caught.value.code == "environment-required"
    choose(tmp_path, text, None, None, "production").require_environment()
    choose(tmp_path, text, None, "rides").require_environment()


# --- the profile of an environment, and the active one -------------------------------------------

PROFILES = """\
active = "production"
[profiles.production]
PREFECT_API_URL = "http://production:4200/api"
[profiles.staging]
PREFECT_API_URL = "http://staging:4200/api"
[profiles.same]
PREFECT_API_URL = "http://production:4200/api"
[profiles.login]
PREFECT_API_URL = "http://production:4200/api"
PREFECT_API_AUTH_STRING = "user:word"
"""
WITH_ENVIRONMENTS = "".join(
    f'[env.{name}]\nprofile = "{name}"\n' for name in ("staging", "same", "login", "production")
)


@pytest.fixture
def profiles(home: Path) -> Path:
    path = home / ".prefect" / "profiles.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(PROFILES)
    return path


@pytest.mark.parametrize(
    ("environment", "prefix"),
    [
        ("staging", "PREFECT_PROFILE=staging "),
        ("login", "PREFECT_PROFILE=login "),
        ("same", ""),
        ("production", ""),
        (None, ""),
    ],
)
def test_commands_of_prefect_in_hints_reach_the_server_of_the_environment(
    tmp_path: Path, profiles: Path, environment: str | None, prefix: str
) -> None:
    from flowship.deployment.pools import paused_pool, worker_command
    from flowship.prefect import command

    chosen = choose(
        tmp_path, f'name = "t"\n{ENTRYPOINT}{WITH_ENVIRONMENTS}', None, None, environment
    )
    try:
        scope.api_target(chosen.outline)
        worker = worker_command("etl", None, local=True)
        assert worker.startswith(prefix)
        assert worker.removeprefix(prefix).endswith(
            'prefect worker start --pool "etl" --type docker'
        )
        assert f"`{prefix}" in paused_pool("etl")
        assert worker_command("flowship", None, local=True) == f"{prefix}flowship up"
        scope.api_target(None)  # what the next command is about counts
        assert not worker_command("etl", None, local=True).startswith("PREFECT_PROFILE")
    finally:
        command.choose_profile("")


def test_a_shell_that_has_the_profile_needs_no_name(
    tmp_path: Path, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowship.prefect.command import prefect_command

    monkeypatch.setenv("PREFECT_PROFILE", "staging")
    text = f'name = "t"\n{ENTRYPOINT}{WITH_ENVIRONMENTS}'
    scope.api_target(choose(tmp_path, text, None, None, "staging").outline)
    assert not prefect_command("version").startswith("PREFECT_PROFILE")


@pytest.mark.parametrize("required", ["", "require-env = true\n"])
def test_without_a_server_the_hint_names_the_environments(
    tmp_path: Path, home: Path, required: str
) -> None:
    text = f'name = "t"\n{ENTRYPOINT}{required}{WITH_ENVIRONMENTS}'
    with pytest.raises(ApiError) as caught, choose(tmp_path, text).open_api():
        pass
    assert caught.value.code == "api-not-configured"
    assert caught.value.hint == (
        "use --env NAME or FLOWSHIP_ENV; environments: staging, same, login, production; or without"
        " one: `flowship up` starts a local server; `flowship profile set-api URL` uses yours"
    )


def test_without_a_server_or_environments_the_hint_starts_one(tmp_path: Path, home: Path) -> None:
    with (
        pytest.raises(ApiError) as caught,
        choose(tmp_path, f'name = "t"\n{ENTRYPOINT}').open_api(),
    ):
        pass
    assert caught.value.hint.startswith("`flowship up` starts a local server")
