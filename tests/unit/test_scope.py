"""Which server and whose deployments a command is about, when there may be no readable project."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowship import scope
from flowship.errors import ConfigError, UsageError
from support.configuring import load

ENTRYPOINT = 'entrypoint = "flow.py:main"\n'
TWO = '[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\n'


def test_the_only_deployment_is_meant_where_none_is_named(tmp_path: Path) -> None:
    assert scope.only_deployment(load(tmp_path, f'name = "trips"\n{ENTRYPOINT}')) == "trips"
    with pytest.raises(UsageError) as caught:
        scope.only_deployment(load(tmp_path, ENTRYPOINT + TWO))
    assert caught.value.code == "deployment-name-required"
    assert caught.value.hint == "choose one of: a, b"


def test_an_unreadable_project_is_an_error_only_where_an_environment_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLOWSHIP_ENV", raising=False)
    (tmp_path / "flowship.toml").write_text("name = \n")
    assert scope.known_project(tmp_path) is None
    with pytest.raises(ConfigError):
        scope.known_project(tmp_path, "production")
