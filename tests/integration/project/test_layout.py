"""Monorepos and installed projects, built with a real engine and loaded in the image."""

from __future__ import annotations

import json

import pytest

from flowship.events import Step
from support.projects import build, git, write, write_files

pytestmark = pytest.mark.engine

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'

NIGHTLY = """\
from importlib import metadata, resources

from prefect import flow

ZONES = resources.files("taxi").joinpath("zones.csv").read_text()
VERSION = metadata.version("taxi")
COMMANDS = [e.value for e in metadata.entry_points(group="console_scripts", name="taxi-count")]


@flow
def nightly() -> None:
    print(VERSION, ZONES, COMMANDS)


def count() -> None:
    print(len(ZONES))
"""

SHARED_FLOW = """\
import common
import tariffs
import tools
from shared.words import WORD
from importlib import metadata

from prefect import flow

FOUND = [WORD, common.NAME, tools.NAME, tariffs.NAME, metadata.version("acme-tariffs")]


@flow
def hello() -> None:
    print(FOUND)
"""


def run(engine, built, code, **options):
    """What `code` prints in the image, where a run would start."""
    output = engine.containers.run(
        built.id, ["-c", code], entrypoint="python", remove=True, network_mode="none", **options
    )
    return output.decode().strip()


def test_a_project_with_a_src_layout_is_installed(project, base_image, engine):
    more = {
        "pyproject.toml": f'{HATCH}[project]\nname = "taxi"\nversion = "1.2.3"\nreadme = "R.md"\n'
        '[project.scripts]\ntaxi-count = "taxi.flows:count"\n',
        "R.md": "Taxis.\n",
        ".dockerignore": "*.md\n",  # as many projects have it; the build needs the readme
        "src/taxi/__init__.py": "",
        "src/taxi/flows.py": NIGHTLY,
        "src/taxi/zones.csv": "a,b",
    }
    write(project, base_image, more)
    config = project / "flowship.toml"
    config.write_text(config.read_text().replace("flow.py:hello", "taxi.flows:nightly"))
    built = build(project)
    assert built.probe.flow_name == "nightly"
    code = "import json, taxi.flows as f; print(json.dumps([f.VERSION, f.ZONES, f.COMMANDS]))"
    assert json.loads(run(engine, built, code)) == ["1.2.3", "a,b", ["taxi.flows:count"]]
    script = engine.containers.run(built.id, ["taxi-count"], entrypoint=[], remove=True)
    assert script == b"3\n"

    # an edit of the code repeats no installation, and is in effect
    (project / "src/taxi/flows.py").write_text(NIGHTLY.replace("len(ZONES)", "42"))
    steps = []
    edited = build(project, lambda e: steps.append(e) if isinstance(e, Step) else None)
    repeated = [s.text for s in steps if not s.cached and not s.text.startswith("FROM")]
    assert repeated == ["COPY project/ /opt/prefect/flows/"]
    assert engine.containers.run(edited.id, ["taxi-count"], entrypoint=[], remove=True) == b"42\n"


def test_code_above_the_project_is_imported_in_the_image(base_image, engine, project):
    git(project, "init", "--quiet")
    inner = project / "pipelines" / project.name
    inner.mkdir(parents=True)
    write_files(
        project,
        {
            "shared/__init__.py": "",
            "shared/words.py": 'WORD = "a package"\n',
            "libs/common/__init__.py": 'NAME = "a folder of packages"\n',
            "tools.py": 'NAME = "a module"\n',
            "tariffs/pyproject.toml": f'{SETUPTOOLS}[project]\nname = "acme-tariffs"\n'
            'version = "4.5"\ndependencies = ["six"]\n',
            "tariffs/src/tariffs/__init__.py": 'import six\nNAME = "a distribution"\n',
        },
    )
    include = ["../../shared", "../../libs", "../../tools.py", "../../tariffs"]
    write(inner, base_image, {"flow.py": SHARED_FLOW}, f"include = {json.dumps(include)}\n")
    (inner / "requirements.txt").write_text("-e ../../tariffs\n")
    built = build(inner)
    found = json.loads(run(engine, built, "import json, flow; print(json.dumps(flow.FOUND))"))
    kinds = ["a package", "a folder of packages", "a module", "a distribution", "4.5"]
    assert found == kinds
    assert build(inner).unchanged
    (project / "libs/common/__init__.py").write_text('NAME = "edited"\n')
    assert not build(inner).unchanged


def test_the_context_can_be_a_folder_above(project, base_image, engine):
    inner = project / "pipelines" / project.name
    inner.mkdir(parents=True)
    write_files(
        project, {".dockerignore": "secret\n", "secret/x": "", "shared/__init__.py": "A = 1\n"}
    )
    text = (
        "import helper\nfrom shared import A\nfrom prefect import flow\n\n\n@flow\ndef hello():\n"
    )
    write(inner, base_image, {"flow.py": f"{text}    print(A)\n", "helper.py": ""})
    folder = f"pipelines/{project.name}"
    config = inner / "flowship.toml"
    config.write_text(
        f'context = "../.."\n{config.read_text()}'.replace(
            "flow.py:hello", f"{folder}/flow.py:hello"
        )
    )
    built = build(inner)
    assert built.probe.flow_name == "hello"
    there = run(engine, built, "import os; print(*sorted(os.listdir('.')))")
    assert there == ".dockerignore pipelines shared"

    # the same, with a Dockerfile of its own
    (inner / "Dockerfile").write_text(
        f"FROM {base_image}\nCOPY shared/ /opt/prefect/flows/shared/\n"
        f"COPY {folder}/flow.py {folder}/helper.py /opt/prefect/flows/\n"
    )
    config.write_text(
        config.read_text().replace(f"{folder}/flow.py", "flow.py") + 'dockerfile = "Dockerfile"\n'
    )
    assert build(inner).probe.flow_name == "hello"
