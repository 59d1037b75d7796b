"""`up` and `down` where no server has to be started."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from flowship.errors import ApiError, EngineError, UsageError
from flowship.local import stack
from flowship.local.session import Session, Undo
from flowship.prefect.profiles import resolution
from support.stack import Machine


def test_a_missing_engine_is_an_error_before_anything_is_started(machine):
    def missing():
        raise EngineError("cannot connect to a container engine")

    with pytest.raises(EngineError):
        machine.up(check_engine=missing)
    assert not machine.state.exists()


@pytest.mark.parametrize("url", ["http://[::1/api", "http://127.0.0.1:99999/api", "nonsense"])
def test_an_invalid_address_is_an_error_with_its_place(tmp_path, url):
    machine = Machine(tmp_path, PREFECT_API_URL=url)
    with pytest.raises(ApiError, match="is not a valid URL") as error:
        machine.up(port=stack.DEFAULT_PORT)
    assert error.value.where == "environment variable PREFECT_API_URL"
    assert machine.known() == []


def test_a_port_that_nothing_would_use_is_an_error(tmp_path):
    machine = Machine(tmp_path, PREFECT_API_URL="http://127.0.0.1:4300/api")
    with pytest.raises(UsageError, match="already set to http://127") as error:
        machine.up(port=4301)
    assert error.value.hint.endswith("http://127.0.0.1:4301/api`")
    with pytest.raises(UsageError, match="not a valid port"):
        machine.up(port=70_000)


def test_a_local_profile_for_another_machine_is_not_changed(machine):
    path = machine.root / "home" / ".prefect" / "profiles.toml"
    path.write_text('[profiles.local]\nPREFECT_API_URL = "http://10.0.0.5:4200/api"\n')
    machine.state.mkdir()
    found = resolution.resolve(machine.root, machine.environ)
    with Undo() as undo:
        target = replace(found, url=machine.url)
        session = Session(target, machine.environ, machine.root, print, undo)
        change = stack.switch_profile(session)
    assert change.profile == "flowship"
    assert resolution.resolve(machine.root, machine.environ).url == machine.url
    assert "http://10.0.0.5:4200/api" in path.read_text()
    assert "was not changed" in session.warnings[0]


def test_the_stack_imports_nothing_heavy():
    code = (
        "import sys, flowship.local.stack;"
        "heavy = ('prefect', 'pandas', 'docker', 'typer', 'rich');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_down_where_nothing_runs_reports_nothing(machine):
    assert machine.down() == stack.StackReport(api_url=None, services=())


def test_windows_is_not_supported(machine, monkeypatch):
    monkeypatch.setattr(stack.os, "name", "nt")
    with pytest.raises(UsageError) as error:
        machine.up()
    monkeypatch.undo()
    assert error.value.code == "platform-unsupported"
