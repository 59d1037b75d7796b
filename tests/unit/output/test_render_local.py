"""How the local stack looks."""

from __future__ import annotations

from pathlib import Path

from flowship.config.loading import load
from flowship.local.services import SchedulerState, Service, State
from flowship.local.stack import StackReport
from flowship.output import render_local
from flowship.prefect.profiles.editing import ProfileChange
from support.rendering import shown

URL = "http://127.0.0.1:4200/api"


def test_up_shows_both_services_the_scheduler_and_the_profile():
    report = StackReport(
        URL,
        (
            Service("server", State.STARTED, URL, None, 7, Path("/state/server.log"), "3.8.8"),
            Service("worker", State.EXTERNAL, URL, "flowship", detail="theirs"),
        ),
        ProfileChange("local", URL, Path("/profiles.toml"), warnings=("shared",)),
        SchedulerState.RUNNING,
        ("shared", "own"),
    )
    assert shown(render_local.stack(report)).splitlines() == [
        f"✓ server started: {URL} (3.8.8, pid 7)",
        "  log /state/server.log",
        "✓ worker is running, not started by flowship: pool flowship (theirs)",
        "✓ scheduler is running",
        f"✓ profile local uses {URL}",
        "  /profiles.toml",
        "warning: shared",
        "warning: own",
    ]


def test_down_without_services_says_so():
    text = shown(render_local.stack(StackReport(None, ())))
    assert text.strip() == "nothing to stop: no server or worker started by flowship is running"


def test_down_says_which_profile_is_active_again():
    text = shown(render_local.stack(StackReport(None, (), restored_profile="prod [1]")))
    assert text.endswith("✓ switched back to the profile prod [1]")


def test_the_note_of_up_names_the_command_for_the_server_of_the_environment(tmp_path):
    text = 'entrypoint = "flow.py:f"\n[env.staging]\nprofile = "the staging"\n'
    (tmp_path / "flowship.toml").write_text(text)
    settings = load(tmp_path, environment="staging")
    assert render_local.other_server(settings) == (
        "the server is that of the active profile, not that of the environment staging: for that,"
        " `PREFECT_PROFILE='the staging' flowship up`"
    )
