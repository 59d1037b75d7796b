"""Places: the line of a key, or the variable that set it."""

from __future__ import annotations

import pytest

from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.errors import ConfigError
from support.configuring import load

FULL = """\
entrypoint = "flows/taxi.py:f"

[[deployments]]
name = "a"
cron = "0 5 * * *"
timezone = "Pacific/Auckland"

[[deployments]]
name = "several"
[[deployments.schedules]]
interval = "15m"
[[deployments.schedules]]
rrule = "FREQ=DAILY"
"""


def test_the_place_of_a_key_in_a_nested_table_is_its_line(tmp_path):
    settings = load(tmp_path, FULL)
    lines = FULL.splitlines()
    for key in ("cron", "timezone"):
        place = settings.place("deployments", 0, key)
        assert lines[int(place.split(":")[-2]) - 1].startswith(key)
    place = settings.place("deployments", 1, "schedules", 1, "rrule")
    assert lines[int(place.split(":")[-2]) - 1].startswith("rrule")
    assert load(tmp_path, environ={"FLOWSHIP_NAME": "x"}).place("name") == "FLOWSHIP_NAME"


def test_a_byte_order_mark_does_not_change_the_place(tmp_path):
    (tmp_path / "flowship.toml").write_bytes(b'\xef\xbb\xbfnam = "p"\nentrypoint = "flow.py:f"\n')
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert caught.value.where.endswith("flowship.toml:1:1")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ('cron = "0 25 * * *"', 4),
        ('cron = "0 5 * * *"\ntimezone = "Mars"', 5),
        ('[[deployments.schedules]]\ncron = "0 5 * * *"\ntimezone = "Mars"', 6),
        ('timezone = "Mars"\n[[deployments.schedules]]\ncron = "0 5 * * *"', 4),
        ('[[deployments.schedules]]\ncron = "@daily"\n[[deployments.schedules]]\ninterval="x"', 7),
    ],
)
def test_an_invalid_schedule_is_reported_with_its_line(tmp_path, wrong, line):
    settings = load(tmp_path, f'entrypoint = "a.py:f"\n[[deployments]]\nname = "d"\n{wrong}\n')
    with pytest.raises(ConfigError) as caught:
        draft(settings, Flags())
    assert f"flowship.toml:{line}:" in caught.value.where


def test_an_invalid_schedule_from_a_variable_names_the_variable(tmp_path):
    given = {"FLOWSHIP_DEPLOYMENTS": '[{"name": "d", "cron": "0 25 * * *"}]'}
    settings = load(tmp_path, 'entrypoint = "a.py:f"\n', given)
    with pytest.raises(ConfigError) as caught:
        draft(settings, Flags())
    assert caught.value.where == "FLOWSHIP_DEPLOYMENTS"
