"""A module entrypoint of an installed project: from `ship` to a run by a real worker."""

from __future__ import annotations

import uuid

import pytest
from parts.ports import free_port

from support.commands import flowship, world
from support.projects import remove_images, write_files

pytestmark = [pytest.mark.engine, pytest.mark.server]

NIGHTLY = """\
from importlib import metadata, resources

from prefect import flow

from common import SHARED


@flow(log_prints=True)
def nightly() -> None:
    from taxi.late import word

    zones = resources.files("taxi").joinpath("zones.csv").read_text()
    print("found:", metadata.version("taxi"), zones, SHARED, word())
"""


def test_a_worker_runs_the_flow_of_a_module(tmp_path, base_image, engine, registry):
    name = f"t{uuid.uuid4().hex[:10]}"
    app = tmp_path / "work" / name
    write_files(
        app,
        {
            "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\n'
            'build-backend = "hatchling.build"\n[project]\nname = "taxi"\nversion = "1.2.3"\n',
            "src/taxi/__init__.py": "",
            "src/taxi/flows.py": NIGHTLY,
            "src/taxi/late.py": 'def word() -> str:\n    return "late"\n',
            "src/taxi/zones.csv": "zones",
            "flowship.toml": f'name = "{name}"\nentrypoint = "taxi.flows:nightly"\n'
            f'base-image = "{base_image}"\ninclude = ["../libs"]\n',
            "../libs/common/__init__.py": 'SHARED = "shared"\n',
        },
    )
    env = world(tmp_path, FLOWSHIP_REPO=f"{registry.address}/{name}")
    try:
        flowship("up", "--port", str(free_port()), cwd=app, env=env)
        flowship("ship", cwd=app, env=env)
        done = flowship("run", "--watch", cwd=app, env=env)
        assert "found: 1.2.3 zones shared late" in done.stdout + done.stderr
    finally:
        flowship("down", cwd=app, env=env, ok=False)
        remove_images(engine, name)
