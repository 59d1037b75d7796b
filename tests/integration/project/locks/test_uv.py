"""The lockfile of uv, exported by the real tool and installed in a real image."""

from __future__ import annotations

import io

import pytest

from flowship import check
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


@pytest.mark.parametrize(
    ("wanted", "more", "place", "hint"),
    [
        (
            'dependencies = ["httpx", "prefect-gcp==0.2.4"]', "", "pyproject.toml:5:26",
            "write prefect-gcp>=0.6.0, the first version for Prefect 3; then run `uv lock`",
        ),
        (
            'dependencies = []\n[dependency-groups]\nflows = ["prefect-gcp==0.2.4"]',
            'groups = ["flows"]\n', "pyproject.toml:7:10",
            "write prefect-gcp>=0.6.0, the first version for Prefect 3; then run `uv lock`",
        ),
        (
            'dependencies = ["prefect-gcp", "prefect-aws<0.4"]', "", "pyproject.toml:5:32",
            "write prefect-aws>=0.5.0, the first version for Prefect 3; then run `uv lock`",
        ),
    ],
)  # fmt: skip
def test_an_integration_for_prefect_2_in_the_lockfile_is_an_error_at_the_users_line(
    tmp_path, monkeypatch, wanted, more, place, hint
):
    monkeypatch.setenv("PATH", lock_tools.path_with(TOOL))
    folder = tmp_path / "trips"
    folder.mkdir()
    write(folder, "flowship/base:prefect3.8.8-python3.11", more=more)
    head = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11,<3.12"\n'
    (folder / "pyproject.toml").write_text(f"{head}{wanted}\n")
    lock_tools.lock(folder, TOOL)
    with pytest.raises(ConfigError) as caught:
        check.check_project(folder)
    assert caught.value.code == "prefect-2-requirement"
    assert caught.value.where == f"{folder}/{place}"
    assert caught.value.hint == hint


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
