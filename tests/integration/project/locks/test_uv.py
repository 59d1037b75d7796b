"""The lockfile of uv, exported by the real tool and installed in a real image."""

from __future__ import annotations

import io

import pytest

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
