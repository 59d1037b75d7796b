"""What `resolve` returns besides the values, which are compared with Prefect elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flowship.errors import ConfigError
from flowship.prefect.profiles.resolution import resolve
from flowship.prefect.source import Source, SourceKind
from support.profiles import COMMENTED, written


def test_resolving_imports_nothing_heavy(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    code = (
        "import sys; from flowship.prefect.profiles.resolution import resolve; resolve();"
        "heavy = ('prefect', 'pandas', 'docker', 'typer', 'rich', 'httpx', 'toml', 'dotenv');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environ, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_the_source_names_the_place_of_the_address(machine):
    folder, environ, path = machine

    def source():
        return resolve(folder, environ).source

    assert source() == Source(SourceKind.NONE, "ephemeral")
    written(path, COMMENTED)
    assert source() == Source(SourceKind.PROFILE, "staging")
    (folder / "pyproject.toml").write_text('[tool.prefect.api]\nurl = "http://py/api"\n')
    assert source() == Source(SourceKind.FILE, "pyproject.toml [tool.prefect.api] url")
    (folder / "prefect.toml").write_text('[api]\nurl = "http://toml/api"\n')
    assert source() == Source(SourceKind.FILE, "prefect.toml [api] url")
    (folder / ".env").write_text("PREFECT_API_URL=http://dotenv/api\n")
    assert source() == Source(SourceKind.DOTENV, "PREFECT_API_URL")
    environ["PREFECT_API_URL"] = "http://env/api"
    assert source() == Source(SourceKind.ENVIRONMENT, "PREFECT_API_URL")
    environ["PREFECT_API_URL"] = ""
    assert source() == Source(SourceKind.ENVIRONMENT, "PREFECT_API_URL", empty=True)
    environ["PREFECT_API"] = '{"url": "http://section/api"}'
    assert source() == Source(SourceKind.SECTION, "PREFECT_API")


def test_a_missing_profile_is_a_warning(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    target = resolve(folder, {**environ, "PREFECT_PROFILE": "gone"})
    assert target.profile == "ephemeral"
    assert '"gone" (from the environment variable PREFECT_PROFILE) is not in' in target.warnings[0]


def test_secrets_do_not_show_in_the_target(machine):
    folder, environ, _ = machine
    environ |= {
        "PREFECT_API_KEY": "pnu_hidden",
        "PREFECT_API_AUTH_STRING": "admin:hidden",
        "PREFECT_CLIENT_CUSTOM_HEADERS": '{"Authorization": "hidden"}',
    }
    assert "hidden" not in repr(resolve(folder, environ))


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("PREFECT_API", "[]", "must be a JSON object"),
        ("PREFECT_API", "{", "must be JSON"),
        ("PREFECT_API", '{"url": 5}', "must be a string"),
        ("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "perhaps", "must be true or false"),
        ("PREFECT_CLIENT_CUSTOM_HEADERS", '{"a": 1}', "must be a JSON object of strings"),
    ],
)
def test_an_invalid_setting_is_an_error_with_its_name(machine, variable, value, problem):
    folder, environ, _ = machine
    environ[variable] = value
    with pytest.raises(ConfigError, match=problem) as error:
        resolve(folder, environ)
    assert error.value.code == "prefect-setting-invalid"
    assert variable in (error.value.where or error.value.message)


PROFILE = """active = "team"
[profiles.team]
PREFECT_API_URL = "https://prefect.example.com/api"
PREFECT_API_KEY = "pnu_1"
"""


@pytest.mark.parametrize(
    ("address", "misdirected"),
    [
        ("https://elsewhere.example.com/api", ("PREFECT_API_KEY",)),
        ("http://prefect.example.com/api", ("PREFECT_API_KEY",)),  # no longer encrypted
        ("https://prefect.example.com:8443/api", ("PREFECT_API_KEY",)),
        ("https://prefect.example.com/other/api", ()),
        ("https://127.example.com/api", ("PREFECT_API_KEY",)),
        ("http://127.0.0.1:4200/api", ()),
        ("https://api.prefect.cloud/api/accounts/1/workspaces/2", ()),
        ("http://api.prefect.cloud/api/accounts/1/workspaces/2", ("PREFECT_API_KEY",)),
    ],
)
@pytest.mark.parametrize("file", [".env", "section", "prefect.toml", "pyproject.toml"])
def test_the_profiles_key_is_not_for_another_address_of_the_project(
    machine, file, address, misdirected
):
    folder, environ, path = machine
    written(path, PROFILE)
    name, text = {
        ".env": (".env", f"PREFECT_API_URL={address}"),
        "section": (".env", f'PREFECT_API=\'{{"url": "{address}"}}\''),
        "prefect.toml": ("prefect.toml", f'[api]\nurl = "{address}"'),
        "pyproject.toml": ("pyproject.toml", f'[tool.prefect.api]\nurl = "{address}"'),
    }[file]
    (folder / name).write_text(text + "\n")
    target = resolve(folder, environ)
    assert (target.url, target.misdirected) == (address, misdirected)


def test_credentials_of_the_place_of_the_address_or_of_the_shell_are_meant_for_it(machine):
    folder, environ, path = machine
    written(path, PROFILE)
    (folder / ".env").write_text("PREFECT_API_URL=https://elsewhere.example.com/api\n")
    assert resolve(folder, environ).misdirected
    assert not resolve(folder, {**environ, "PREFECT_API_KEY": "pnu_2"}).misdirected
    url = {"PREFECT_API_URL": "https://typed.example.com/api"}
    assert not resolve(folder, {**environ, **url}).misdirected


def test_passwords_and_headers_of_the_profile_are_kept_too(machine):
    folder, environ, path = machine
    secrets = 'PREFECT_API_AUTH_STRING = "a:b"\nPREFECT_CLIENT_CUSTOM_HEADERS = \'{"X": "1"}\'\n'
    written(path, PROFILE.replace("PREFECT_API_KEY", "#") + secrets)
    (folder / ".env").write_text("PREFECT_API_URL=https://api.prefect.cloud/api/accounts/1\n")
    assert resolve(folder, environ).misdirected == (
        "PREFECT_API_AUTH_STRING", "PREFECT_CLIENT_CUSTOM_HEADERS",
    )  # fmt: skip


# --- the profile that a project names ------------------------------------------------------------


def named(machine, profile, **variables):
    folder, environ, path = machine
    written(path, COMMENTED)
    return resolve(folder, {**environ, **variables}, profile, "flowship.toml:1:1")


def test_a_named_profile_counts_instead_of_the_active_one(machine):
    folder, environ, path = machine
    written(path, COMMENTED.replace('active = "staging"', 'active = "other"'))
    target = resolve(folder, environ, "staging")
    assert (target.url, target.profile) == ("http://old:4200/api", "staging")
    assert target.key is not None
    assert target.source == Source(SourceKind.PROFILE, "staging")
    assert resolve(folder, {**environ, "PREFECT_PROFILE": "other"}, "staging").url == target.url


def test_a_profile_that_comes_with_prefect_can_be_named(machine):
    folder, environ, _ = machine
    assert resolve(folder, environ, "local").url == "http://127.0.0.1:4200/api"


def test_a_named_profile_that_does_not_exist_names_the_nearest_and_the_command(machine):
    with pytest.raises(ConfigError) as caught:
        named(machine, "stagin")
    assert (caught.value.code, caught.value.where) == ("profile-not-found", "flowship.toml:1:1")
    assert 'did you mean "staging"?' in caught.value.hint
    assert "`flowship profile set-api URL --profile stagin`" in caught.value.hint


def test_a_variable_serves_a_machine_without_the_profile_with_a_warning(machine):
    target = named(machine, "production", PREFECT_API_URL="http://ci/api")
    assert target.url == "http://ci/api"
    assert target.warnings == (
        'the profile "production" does not exist here: using PREFECT_API_URL',
    )


def test_a_file_of_the_project_does_not_stand_in_for_a_missing_profile(machine):
    (machine.folder / ".env").write_text("PREFECT_API_URL=http://dotenv/api\n")
    with pytest.raises(ConfigError, match='"production" does not exist'):
        named(machine, "production")


@pytest.mark.parametrize("where", ["variable", ".env", "prefect.toml"])
def test_another_server_than_that_of_the_named_profile_is_refused(machine, where):
    variables = {"PREFECT_API_URL": "http://ada:pw@new/api"} if where == "variable" else {}
    if where == ".env":
        (machine.folder / ".env").write_text("PREFECT_API_URL=http://new/api\n")
    if where == "prefect.toml":
        (machine.folder / "prefect.toml").write_text('[api]\nurl = "http://new/api"\n')
    with pytest.raises(ConfigError) as caught:
        named(machine, "staging", **variables)
    assert caught.value.code == "api-contradicts-profile"
    assert "http://old:4200/api" in caught.value.message
    assert "pw" not in caught.value.message


def test_the_same_server_in_both_places_is_accepted(machine):
    target = named(machine, "staging", PREFECT_API_URL="http://old:4200/api/")
    assert target.url == "http://old:4200/api/"
