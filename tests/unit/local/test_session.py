"""One call of `up`: what the processes get, and what is undone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.local.session import Session, Undo
from flowship.prefect.profiles import resolution
from support.stack import Machine


def test_the_processes_get_the_credentials_of_the_project_files_as_variables(tmp_path):
    machine = Machine(tmp_path, prefect_api_url="http://old/api", PREFECT_HOME="relative")
    (tmp_path / ".env").write_text("PREFECT_API_AUTH_STRING=admin:pass\n")
    target = replace(resolution.resolve(tmp_path, machine.environ), url=machine.url)
    session = Session(target, machine.environ, tmp_path, print, Undo())
    given = session.child_environment()
    assert given["PREFECT_API_URL"] == machine.url
    assert "prefect_api_url" not in given
    assert given["PREFECT_API_AUTH_STRING"] == "admin:pass"
    assert given["PREFECT_HOME"] == str(tmp_path / "relative")
    assert "PREFECT_API_KEY" not in given


def test_a_failure_undoes_the_steps_in_reverse_order():
    undone = []

    def work():
        with Undo() as undo:
            undo.steps.append(lambda: undone.append("first"))
            undo.steps.append(lambda: undone.append("second"))
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        work()
    assert undone == ["second", "first"]


def test_success_undoes_nothing():
    undone = []
    with Undo() as undo:
        undo.steps.append(lambda: undone.append("first"))
    assert undone == []
