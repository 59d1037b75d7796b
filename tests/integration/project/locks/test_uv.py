"""The lockfile of uv, exported by the real tool and installed in a real image."""

from __future__ import annotations

import io

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.errors import ConfigError
from support import lock_tools
from support.lock_contract import LockContract, frozen
from support.projects import build, write, write_files

TOOL = "uv"


class TestUv(LockContract):
    tool = TOOL
    relock = "uv lock"


MINE = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "mine"
version = "4.2"
dependencies = ["toolz==1.0.0"]
"""

SOURCE = """
[tool.uv.sources]
mine = { path = "libs/mine" }
"""


@pytest.mark.engine
def test_a_folder_of_the_project_is_installed_and_pip_does_it_where_there_is_no_uv(
    project, base_image, engine, monkeypatch
):
    monkeypatch.setenv("PATH", lock_tools.path_with(TOOL))
    without_uv = f"FROM {base_image}\nRUN rm /usr/local/bin/uv\n"
    engine.images.build(
        fileobj=io.BytesIO(without_uv.encode()), tag=f"{project.name}-base", rm=True
    )
    try:
        write(project, f"{project.name}-base")
        lock_tools.write(project, TOOL)
        path = project / "pyproject.toml"
        path.write_text(path.read_text().replace('"six>=1.16"', '"six>=1.16", "mine"') + SOURCE)
        write_files(
            project, {"libs/mine/pyproject.toml": MINE, "libs/mine/src/mine/__init__.py": "X = 1\n"}
        )
        lock_tools.lock(project, TOOL)
        built = build(project)
        assert {("six", "1.17.0"), ("toolz", "1.0.0")} <= frozen(engine, built.id).items()
        said = engine.containers.run(
            built.id,
            ["python", "-c", "import mine, importlib.metadata as m; print(m.version('mine'))"],
            remove=True,
        )
        assert said == b"4.2\n"
    finally:
        engine.images.remove(f"{project.name}-base", force=True)


WORKSPACE = {
    "pyproject.toml": """\
[project]
name = "root"
version = "1"
requires-python = ">=3.10"
dependencies = ["idna"]

[tool.uv.workspace]
members = ["packages/*", "libs/*"]
""",
    "packages/taxi/pyproject.toml": """\
[project]
name = "taxi-flows"
version = "1"
requires-python = ">=3.10"
dependencies = ["six", "mine"]

[dependency-groups]
flows = ["iniconfig"]

[tool.uv.sources]
mine = { workspace = true }
""",
    "libs/mine/pyproject.toml": MINE,
    "libs/mine/src/mine/__init__.py": "X = 1\n",
}


@pytest.mark.engine
def test_a_member_of_a_workspace_uses_its_part_of_the_lockfile(
    project, base_image, engine, monkeypatch
):
    monkeypatch.setenv("PATH", lock_tools.path_with(TOOL))
    member = project / "packages" / project.name
    write_files(project, WORKSPACE)
    (project / "packages" / "taxi").rename(member)  # the name of the image is that of the folder
    lock_tools.lock(project, TOOL)
    write(member, base_image, more='groups = ["flows"]\n')
    with pytest.raises(ConfigError, match=r"\.\./\.\./libs/mine, which is outside") as caught:
        prepare_build(loading.load(member, environ={}))
    assert caught.value.hint == 'add include = ["../../libs/mine"] to the configuration'

    write(member, base_image, more='groups = ["flows"]\ninclude = ["../../libs/mine"]\n')
    request = prepare_build(loading.load(member, environ={}))
    assert request.requirements.shown == "../../uv.lock (uv export --package taxi-flows)"
    assert any(request.requirements.shown in note for note in request.notes)
    assert "idna" not in request.requirements.text, "it is only of the root"
    built = build(member)
    present = frozen(engine, built.id)
    assert {"six", "toolz", "iniconfig"} <= present.keys()
    said = engine.containers.run(
        built.id, ["python", "-c", "import mine; print(mine.X)"], remove=True
    )
    assert said == b"1\n"
