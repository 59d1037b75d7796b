"""Showing Prefect's profiles without their secrets."""

from __future__ import annotations

import pytest

from flowship.errors import UsageError
from flowship.prefect.profiles import editing, showing
from support.profiles import COMMENTED, written


def test_the_list_contains_the_profiles_that_come_with_prefect(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    found = {p.name: p for p in showing.list_profiles(folder, environ)}
    assert {n for n, p in found.items() if p.written} == {"staging", "other"}
    assert {n for n, p in found.items() if p.active} == {"staging"}
    assert found["local"].url == "http://127.0.0.1:4200/api"


def test_showing_a_profile_masks_its_secrets(machine):
    folder, environ, path = machine
    written(path, COMMENTED.replace("http://old", "http://ann:word@old"))
    shown = showing.show(None, folder, environ)
    assert shown.name == "staging"
    assert shown.settings == {
        "PREFECT_API_URL": "http://ann:********@old:4200/api",
        "PREFECT_API_KEY": "********",
    }


def test_a_section_with_a_secret_is_masked_as_a_whole(machine):
    folder, environ, path = machine
    written(path, "[profiles.x]\nPREFECT_API = '{\"key\": \"pnu_secret\"}'\nPREFECT_HOME = '/h'\n")
    shown = showing.show("x", folder, environ)
    assert shown.settings == {"PREFECT_API": "********", "PREFECT_HOME": "/h"}


def test_an_unknown_profile_is_an_error_with_the_closest_name(machine):
    folder, environ, path = machine
    written(path, COMMENTED)
    with pytest.raises(UsageError) as error:
        showing.show("stagin", folder, environ)
    assert error.value.code == "profile-not-found"
    assert error.value.hint == 'did you mean "staging"?'
    with pytest.raises(UsageError):
        editing.use("nothing-like-it", folder, environ)
