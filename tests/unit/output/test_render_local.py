"""How the local stack looks."""

from __future__ import annotations

from pathlib import Path

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
