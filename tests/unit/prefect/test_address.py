"""The address of an API: what is refused, and with which advice."""

from __future__ import annotations

import pytest

from flowship.errors import ApiError, UsageError
from flowship.prefect import address
from flowship.prefect.client import PrefectApi
from flowship.prefect.source import Source, SourceKind
from support.targets import CLOUD, PROFILE, VARIABLE, api_target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://[::1/api", "host is invalid"),
        ("http://127.0.0.1:99999/api", "port is not a number between 0 and 65535"),
        ("http://ada:hunter2@host:port/api", "port is not a number"),
        ("http://ada:hun ter2@host/api", "character"),
        ("http://host/api\n", "character"),
        ("ada:hunter2@host:4200", "does not start with http"),
        ("ftp://host/api", "does not start with http"),
        ("http://", "has no host"),
    ],
)
def test_an_invalid_address_in_the_settings_is_an_error_with_its_place_and_without_its_login(
    url, reason
):
    with pytest.raises(ApiError, match=reason) as caught:
        PrefectApi(api_target(url, source=VARIABLE))
    assert caught.value.code == "api-url-invalid"
    assert caught.value.where == "environment variable PREFECT_API_URL"
    assert caught.value.hint.startswith("run `export PREFECT_API_URL=")
    assert not any(part in caught.value.message for part in ("hunter2", "hun", "ter2"))


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("localhost:4200/api", "http://localhost:4200/api"),
        ("server", "http://server"),
        ("ftp://server/api", address.LOCAL_URL),
        ("http://", address.LOCAL_URL),
        ("http://0.0.0.0:4200/api", "http://127.0.0.1:4200/api"),
        ("http://[::]:4200/api", "http://127.0.0.1:4200/api"),
        ("http://server:4200/dashboard", "http://server:4200/api"),
        ("http://server:4200/flow-runs/flow-run/1-2", "http://server:4200/api"),
        ("https://server/runs?page=1", "https://server/api"),
        ("http://server:4200/#top", "http://server:4200/api"),
        ("http://server:4200/api?x=1", "http://server:4200/api"),
        ("https://server/team/api/?x=1", "https://server/team/api"),
        ("not a url", address.LOCAL_URL),
        ("https://app.prefect.cloud/account/a-1/workspace/w-2/dashboard", CLOUD),
        ("https://app.prefect.cloud/account/a-1/workspace/w-2", CLOUD),
        ("https://api.prefect.cloud/accounts/a-1/workspaces/w-2", CLOUD),
        ("https://api.prefect.cloud/api/account/a-1/workspace/w-2", CLOUD),
        (
            "https://api.prefect.cloud/api",
            "https://api.prefect.cloud/api/accounts/ACCOUNT-ID/workspaces/WORKSPACE-ID",
        ),
    ],
)
def test_a_typed_address_that_cannot_be_right_is_an_error_with_the_right_one(url, right):
    with pytest.raises(UsageError) as error:
        address.check_url(url)
    assert error.value.hint == f"run `flowship profile set-api {right}`"


def test_a_correct_address_passes():
    for url in ("http://server:4200/api", "https://prefect.example.com/team/api", CLOUD):
        assert address.check_url(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://a b/api",
        "http://[::1/api",
        "http://a:port/api",
        "http://x{/api",
        "http://a:99999/api",
    ],
)
def test_a_typed_address_that_is_not_a_url_is_an_error(url):
    with pytest.raises(UsageError):
        address.check_url(url)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (None, "run `flowship profile set-api http://new/api`"),
        (PROFILE, "run `flowship profile set-api http://new/api`"),
        (Source(SourceKind.NONE, "ephemeral"), "run `flowship profile set-api http://new/api`"),
        (VARIABLE, "run `export PREFECT_API_URL=http://new/api`"),
        (
            Source(SourceKind.DOTENV, "PREFECT_API_URL"),
            "change PREFECT_API_URL in .env to http://new/api",
        ),
        (
            Source(SourceKind.FILE, "prefect.toml [api] url"),
            "change prefect.toml [api] url to http://new/api",
        ),
    ],
)
def test_the_hint_changes_the_address_where_it_was_found(source, hint):
    assert address.fix_hint(source, "http://new/api") == hint
