"""Secrets in words: names and blocks, never values."""

from __future__ import annotations

from flowship.deployment.secret_store import SecretChange, SecretState, State
from flowship.output import render_secret


def test_the_list_has_columns():
    found = [
        SecretState("API_TOKEN", "taxi-api-token", ("nightly", "hourly"), State.PRESENT),
        SecretState("DB", "db", ("nightly",), State.MISSING),
    ]
    assert render_secret.listed(found).splitlines() == [
        "NAME       BLOCK           STATE    DEPLOYMENTS",
        "API_TOKEN  taxi-api-token  present  nightly, hourly",
        "DB         db              missing  nightly",
    ]


def test_a_change_says_which_block_and_which_runs():
    change = SecretChange("T", "taxi-t", ("nightly",), "updated", "http://s/api")
    assert render_secret.change(change) == [
        "[green]✓[/] updated T (Secret block taxi-t)",
        "  on http://s/api",
        "  the next runs of nightly get the new value",
    ]
    gone = SecretChange("", "taxi-t", (), "absent", "http://s/api")
    assert render_secret.change(gone) == [
        "the server has no Secret block taxi-t: nothing was removed"
    ]
