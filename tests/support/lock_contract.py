"""What holds for the lockfile of every tool: the tests of each tool inherit these."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import ClassVar

import pytest

from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import requirements
from flowship.project.requirements import Requirements
from support import lock_tools
from support.lock_tools import FILES, GROUP, MAIN
from support.projects import build, write


def read(folder: Path, more: str = "") -> Requirements:
    """The requirements of the project in `folder`."""
    (folder / "flowship.toml").write_text(f'entrypoint = "flow.py:f"\n{more}')
    found = requirements.read(loading.load(folder, environ={}))
    assert found is not None
    return found


def versions(found: Requirements) -> dict[str, str]:
    """Package → version, for Python 3.11 on Linux."""
    pinned = {}
    for line in found.text.splitlines():
        name, equals, rest = line.partition("==")
        if equals and name not in ("colorama", "tomli"):
            pinned[name.partition("[")[0]] = re.split(r"[ ;]", rest)[0]
    return pinned


def frozen(engine: object, image: str) -> dict[str, str]:
    """What `pip freeze` says in an image."""
    said = engine.containers.run(image, ["python", "-m", "pip", "freeze"], remove=True)  # type: ignore[attr-defined]
    lines = said.decode().splitlines()
    pairs = (line.split("==", 1) for line in lines if "==" in line)
    return {name.lower().replace("_", "-"): version for name, version in pairs}


class LockContract:
    """Tests that every tool passes."""

    tool: ClassVar[str]
    relock: ClassVar[str]
    more: ClassVar[str] = 'groups = ["flows"]\nextras = ["gcs"]\n'
    added: ClassVar[frozenset[str]] = frozenset({*GROUP, "idna"})

    @pytest.fixture
    def folder(self, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("PATH", lock_tools.path_with(self.tool))
        return self.put(locked, tmp_path)

    def put(self, locked: Path, folder: Path) -> Path:
        for name in ("pyproject.toml", "Pipfile", FILES[self.tool]):
            if (locked / name).is_file():
                shutil.copy(locked / name, folder / name)
        return folder

    def test_the_packages_have_versions_hashes_and_markers(self, folder):
        before = sorted(p.name for p in folder.iterdir())
        found = read(folder)
        assert versions(found).keys() == MAIN
        assert all("--hash=sha256:" in line for line in found.text.splitlines())
        assert re.search(r"(?m)^typing-extensions==\S+ ?;.*python", found.text)
        assert found.locked
        assert found.source == FILES[self.tool]
        assert found.version_of("click") == "8.1.7"
        made_from = "Pipfile" if self.tool == "pipenv" else "pyproject.toml"
        assert found.written == f"{made_from} (then run `{self.relock}`)"
        # Nothing was written into the project: no environment, no settings of the tool.
        assert sorted(p.name for p in folder.iterdir()) == sorted([*before, "flowship.toml"])

    def test_groups_and_extras_are_added_and_the_developers_own_are_not(self, folder):
        assert versions(read(folder, self.more)).keys() == MAIN | self.added

    def test_an_unknown_group_names_the_nearest(self, folder):
        with pytest.raises(ConfigError, match='define "flow"') as caught:
            read(folder, 'groups = ["flow"]\n')
        assert caught.value.code == "dependency-group-unknown"
        assert caught.value.hint == 'did you mean "flows"?'
        assert caught.value.where.endswith("flowship.toml:2:1")

    def test_a_stale_lockfile_names_the_command(self, folder):
        path = folder / ("Pipfile" if self.tool == "pipenv" else "pyproject.toml")
        path.write_text(path.read_text().replace(">=1.16", ">=1.15"))
        with pytest.raises(ConfigError) as caught:
            read(folder)
        assert caught.value.code == "lock-stale"
        assert caught.value.hint == f"run `{self.relock}`, and commit {FILES[self.tool]}"

    def test_a_missing_tool_names_the_command_that_installs_it(self, folder, monkeypatch):
        monkeypatch.setenv("PATH", str(folder / "nothing"))
        # flowship's own environment has uv for development.
        monkeypatch.setattr("sys.executable", str(folder / "bin" / "python"))
        with pytest.raises(ConfigError) as caught:
            read(folder)
        assert caught.value.code == "lock-tool-missing"
        assert f"pipx install {self.tool}" in caught.value.hint
        assert "lock = false" in caught.value.hint

    @pytest.mark.engine
    def test_the_image_has_exactly_what_the_lockfile_lists(
        self, locked, project, base_image, engine, monkeypatch
    ):
        monkeypatch.setenv("PATH", lock_tools.path_with(self.tool))
        self.put(locked, write(project, base_image, more=self.more))
        wanted = versions(requirements.read(loading.load(project, environ={})))
        assert wanted.keys() == MAIN | self.added
        present = frozen(engine, build(project).id)
        assert {name: present.get(name) for name in wanted} == wanted
