"""Switching profiles and setting the API's address."""

from __future__ import annotations

import sys

import pytest

from flowship.errors import ApiError, ConfigError, UsageError
from flowship.prefect.health import AnswerKind
from flowship.prefect.profiles import editing, resolution, showing
from support.profiles import COMMENTED, set_api, written

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_the_ephemeral_profile_never_gets_an_address(machine):
    with pytest.raises(UsageError, match="ephemeral"):
        set_api(machine, profile="ephemeral")
    *_, path = machine
    written(path, 'active = "ephemeral"\n\n[profiles.ephemeral]\nPREFECT_X = "1"\n')
    assert set_api(machine).profile == "local"
    assert tomllib.loads(path.read_text())["profiles"]["ephemeral"] == {"PREFECT_X": "1"}


def test_a_profile_given_by_name_is_created_and_not_activated(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    done = set_api(machine, "http://prod:4200/api", profile="prod")
    assert resolution.resolve(folder, environ).profile == "staging"
    assert "`flowship profile use prod`" in done.warnings[0]
    assert showing.show("prod", folder, environ).url == "http://prod:4200/api"


def test_the_profile_in_the_environment_is_the_one_written(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    environ["PREFECT_PROFILE"] = "mine"
    assert set_api(machine, "http://mine:4200/api").profile == "mine"
    assert resolution.resolve(folder, environ).url == "http://mine:4200/api"
    assert tomllib.loads(path.read_text())["active"] == "staging"


@pytest.mark.parametrize(
    ("place", "named"),
    [("environment", "PREFECT_API_URL"), (".env", ".env"), ("prefect.toml", "prefect.toml")],
)
def test_a_setting_that_takes_precedence_is_a_warning(machine, place, named):
    folder, environ, _ = machine
    if place == "environment":
        environ["PREFECT_API_URL"] = "http://over:4200/api"
    elif place == ".env":
        (folder / ".env").write_text("PREFECT_API_URL=http://over:4200/api\n")
    else:
        (folder / "prefect.toml").write_text('[api]\nurl = "http://over:4200/api"\n')
    done = set_api(machine, "http://new:4200/api")
    assert len(done.warnings) == 1
    assert named in done.warnings[0]
    assert "http://over:4200/api" in done.warnings[0]


def test_without_a_check_a_missing_api_path_is_an_error(machine):
    with pytest.raises(UsageError) as error:
        set_api(machine, "http://server:4200")
    assert error.value.hint == "run `flowship profile set-api http://server:4200/api`"


@pytest.mark.parametrize(
    "url",
    [
        *("ada:hunter2@host:4200", "ada:hunter2@host:port", "ada:hun ter2@host"),
        *("http://ada:hunter2@host:4200", "http://ada:hunter2@host:port/api", "hunter2@host"),
        *("http://ada:hun ter2@host/api", "http://ada:hun/ter2@host/api", "ftp://ada:hunter2@host"),
        *("http://ada:p@hunter2@host/dashboard", "https://ada:hunter2@api.prefect.cloud/api"),
        "http://hunter2@host:4200/api?x",
    ],
)
def test_the_error_about_an_address_does_not_show_its_login(machine, url):
    with pytest.raises(UsageError) as error:
        set_api(machine, url)
    shown = f"{error.value.message} {error.value.hint} {error.value.where}"
    assert not any(part in shown for part in ("hunter2", "hun", "ter2"))


def test_a_login_is_stored_and_not_shown(machine):
    folder, environ, path = machine
    done = set_api(machine, "http://ada:p@ssw0rd@localhost:4200/api")
    assert "ada:p@ssw0rd@localhost" in path.read_text()
    environ["DOCKER_HOST"] = "tcp://ada:p@ssw0rd@10.0.0.9:2376"
    done = (done, set_api(machine, "http://ada:p@ssw0rd@localhost:4201/api"))
    assert "http://ada:********@localhost:4200/api" in str(done)
    assert "tcp://ada:********@10.0.0.9" in str(done)
    assert "ssw0rd" not in str(done)
    assert "ssw0rd" not in str(showing.list_profiles(folder, environ))


def test_a_prefect_3_server_is_accepted_and_a_missing_api_path_added(machine, server):
    root = server({"/api/admin/version": (200, "3.8.8")})
    done = set_api(machine, root, check=True)
    assert (done.url, done.corrected_from) == (f"{root}/api", root)
    assert (done.server.kind, done.server.version) == (AnswerKind.PREFECT, "3.8.8")
    assert not set_api(machine, f"{root}/api", check=True).corrected_from


@pytest.mark.parametrize("below", ["api/v2", "api/health"])
def test_a_page_below_the_api_leads_to_the_api(machine, server, below):
    root = server({"/api/admin/version": (200, "3.8.8")})
    assert set_api(machine, f"{root}/{below}", check=True).url == f"{root}/api"


def test_the_error_shows_the_address_that_was_typed(machine, server):
    root = server({"/": (404, {})})
    with pytest.raises(ApiError) as error:
        set_api(machine, f"{root}/team", check=True)
    assert f"{root}/team is not" in error.value.message
    with pytest.raises(ApiError) as error:
        set_api(machine, root.replace("http:", "https:") + "/api", check=True)
    assert error.value.hint == f"if you trust it, run `flowship profile set-api {root}/api`"


def test_an_api_behind_a_proxy_may_have_another_path(machine, server):
    root = server({"/admin/version": (200, "3.8.8")})
    assert set_api(machine, root, check=True).url == root


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, "2.20.1"), "Prefect 2.20.1"),
        ((401, {}), "rejected the credentials"),
        ((200, {"hello": 1}), "not a Prefect API"),
        ((404, {}), "not a Prefect API"),
        ((307, "https://elsewhere/api"), "redirects to https://elsewhere/api"),
    ],
)
def test_an_unusable_server_is_an_error_and_nothing_is_written(machine, server, answer, message):
    *_, path = machine
    url = server({"/api/admin/version": answer}) + "/api"
    with pytest.raises(ApiError, match=message):
        set_api(machine, url, check=True)
    assert not path.exists()


def test_a_silent_address_is_an_error_unless_it_is_not_checked(machine, server):
    with pytest.raises(ApiError, match="connection refused"):
        set_api(machine, "http://127.0.0.1:9/api", check=True)
    assert set_api(machine, "http://127.0.0.1:9/api").url == "http://127.0.0.1:9/api"


def test_credentials_and_headers_are_sent(machine, server):
    _, environ, _ = machine
    seen = []

    def answer(headers):
        seen.append((headers.get("authorization"), headers.get("x-team")))
        return 200, "3.8.8"

    url = server({"/api/admin/version": (0, answer)}) + "/api"
    environ["PREFECT_API_AUTH_STRING"] = "admin:pass"
    environ["PREFECT_CLIENT_CUSTOM_HEADERS"] = '{"X-Team": "data"}'
    set_api(machine, url, check=True)
    environ["PREFECT_API_KEY"] = "pnu_1"
    done = set_api(machine, url, check=True)
    assert seen == [("Basic YWRtaW46cGFzcw==", "data"), ("Bearer pnu_1", "data")]
    assert any("API key" in w for w in done.warnings)


def test_a_missing_ca_file_is_an_error_with_its_path(machine):
    _, environ, _ = machine
    environ["PREFECT_API_SSL_CERT_FILE"] = "/no/ca.pem"
    with pytest.raises(ConfigError, match=r"/no/ca\.pem"):
        set_api(machine, "https://127.0.0.1:9/api", check=True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("",), "api-url-invalid"),
        (("http://new:4200/api", " "), "profile-name-empty"),
        (("http://new:4200/api", "ephemeral"), "profile-ephemeral"),
        (("http://new:4200",), "api-url-without-api"),
    ],
)
def test_wrong_arguments_have_codes_of_their_own(machine, arguments, code):
    with pytest.raises(UsageError) as error:
        set_api(machine, *arguments)
    assert error.value.code == code


def test_a_profile_without_an_address_is_a_warning(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    (warning,) = editing.use("other", folder, environ).warnings
    assert "no API address" in warning
