"""`down` makes the profile active again that was active before `up`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.local import previous_profile, stack
from flowship.local.session import Session, Undo
from flowship.prefect.profiles import editing, resolution
from flowship.prefect.profiles.files import open_profiles

MINE = """\
# mine
active = "prod"

[profiles.prod]
PREFECT_API_URL = ""
PREFECT_LOGGING_LEVEL = "DEBUG"
"""


def profiles_file(machine):
    return machine.root / "home" / ".prefect" / "profiles.toml"


def switched(machine):
    """What `up` does once its server runs."""
    machine.state.mkdir(exist_ok=True)
    target = replace(resolution.resolve(machine.root, machine.environ), url=machine.url)
    with Undo() as undo:
        stack.switch_profile(Session(target, machine.environ, machine.root, print, undo))


def active(machine):
    return open_profiles(machine.root, machine.environ).active


def test_down_switches_back_and_keeps_the_rest_of_the_file(machine):
    profiles_file(machine).write_text(MINE)
    switched(machine)
    assert active(machine) == "local"
    assert machine.down().restored_profile == "prod"
    assert profiles_file(machine).read_text().startswith(MINE)
    assert machine.down().restored_profile is None


def test_the_profile_that_prefect_starts_with_is_restored_too(machine):
    switched(machine)
    assert machine.down().restored_profile == "ephemeral"
    assert active(machine) == "ephemeral"
    assert resolution.resolve(machine.root, machine.environ).url is None


def test_a_profile_that_was_chosen_since_stays(machine):
    profiles_file(machine).write_text(MINE + "[profiles.other]\n")
    switched(machine)
    editing.use("other", machine.root, machine.environ)
    assert machine.down().restored_profile is None
    assert active(machine) == "other"


def test_a_profile_that_was_removed_since_is_not_made_active(machine):
    profiles_file(machine).write_text(MINE)
    switched(machine)
    text = profiles_file(machine).read_text()
    profiles_file(machine).write_text(text.replace("profiles.prod", "profiles.renamed"))
    assert machine.down().restored_profile is None
    assert active(machine) == "local"


def test_an_up_that_switched_nothing_has_nothing_to_restore(machine):
    profiles_file(machine).write_text('active = "local"\n\n[profiles.local]\n')
    switched(machine)
    assert machine.down().restored_profile is None
    assert active(machine) == "local"


def test_an_up_that_fails_later_leaves_no_note(machine):
    profiles_file(machine).write_text(MINE)
    machine.state.mkdir()
    target = replace(resolution.resolve(machine.root, machine.environ), url=machine.url)
    undo = Undo()
    stack.switch_profile(Session(target, machine.environ, machine.root, print, undo))
    assert active(machine) == "local"
    undo.__exit__(ValueError, ValueError(), None)
    assert profiles_file(machine).read_text() == MINE
    assert list(machine.state.iterdir()) == []


def test_an_invalid_profiles_file_is_a_warning_and_stops_nothing(machine):
    profiles_file(machine).write_text(MINE)
    switched(machine)
    profiles_file(machine).write_text("[")
    (warning,) = machine.down().warnings
    assert "the active Prefect profile was not switched back" in warning


@pytest.mark.parametrize("text", ["", "{", "[]", '{"path": 1}', '{"path": "", "name": ""}'])
def test_a_damaged_note_is_ignored(machine, text):
    machine.state.mkdir()
    (machine.state / "previous-profile").write_text(text)
    assert previous_profile.restore(machine.state) is None
