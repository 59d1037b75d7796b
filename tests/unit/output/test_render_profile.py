"""How profiles and their changes look."""

from __future__ import annotations

from pathlib import Path

from flowship.output import render_profile
from flowship.prefect.health import AnswerKind, ServerAnswer
from flowship.prefect.profiles.editing import ProfileChange
from flowship.prefect.profiles.showing import Profile
from flowship.prefect.source import Source, SourceKind
from support.rendering import shown
from support.targets import api_target

STAGING = Profile("staging", True, True, {"PREFECT_API_URL": "http://staging:4200/api"})
CLOUD = Profile("cloud", False, False, {})


def test_a_change_shows_the_address_the_server_and_the_file():
    change = ProfileChange(
        "local",
        "http://prefect:4200/api",
        Path("/home/ann/.prefect/profiles.toml"),
        switched_from="ephemeral",
        corrected_from="http://prefect:4200",
        server=ServerAnswer(AnswerKind.PREFECT, "3.8.8"),
        warnings=("be careful",),
    )
    assert shown(render_profile.profile_change(change)).splitlines() == [
        "  found no API at http://prefect:4200, but at http://prefect:4200/api",
        "✓ profile local uses http://prefect:4200/api",
        "  switched the active profile from ephemeral to local",
        "  the server is Prefect 3.8.8",
        "  /home/ann/.prefect/profiles.toml",
        "warning: be careful",
    ]


def test_a_change_that_was_not_necessary_says_so():
    change = ProfileChange("local", None, Path("/p.toml"), changed=False)
    assert "profile local already uses no API" in shown(render_profile.profile_change(change))


def test_the_list_marks_the_active_profile():
    assert render_profile.profile_list([STAGING, CLOUD]).splitlines() == [
        "* staging      http://staging:4200/api",
        "  cloud        -",
    ]


def test_a_profile_is_shown_with_the_api_that_commands_use():
    target = api_target("http://ada:hush@prefect:4200/api")
    assert render_profile.profile_text(STAGING, target).splitlines() == [
        "staging (active)",
        "  PREFECT_API_URL = http://staging:4200/api",
        'commands in this folder use http://ada:********@prefect:4200/api, from profile "staging"',
    ]
    assert render_profile.profile_json(STAGING, target)["api"] == {
        "url": "http://ada:********@prefect:4200/api",
        "source": 'profile "staging"',
    }


def test_a_profile_without_settings_says_so():
    target = api_target(None, source=Source(SourceKind.NONE, "cloud"))
    assert render_profile.profile_text(CLOUD, target).splitlines() == [
        "cloud",
        "  (no settings)",
        'commands in this folder use no API: profile "cloud" (no API address)',
    ]
