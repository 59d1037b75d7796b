"""Which projects are installed in the image, and what the build gets to read."""

from __future__ import annotations

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import packages
from support.projects import CONFIG, write_files


def system(backend, requires=None):
    name = requires or backend.partition(".")[0]
    return f'[build-system]\nrequires = ["{name}"]\nbuild-backend = "{backend}"\n'


HATCH, SETUPTOOLS = system("hatchling.build"), system("setuptools.build_meta")
NAME = '[project]\nname = "My.Taxi"\nversion = "1"\n'


def prepared(folder, files, more=""):
    write_files(folder, {"flow.py": "def hello(): ...\n", "flowship.toml": CONFIG + more, **files})
    return prepare_build(loading.load(folder, environ={}))


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        (HATCH + NAME, ["src/my_taxi/__init__.py"], True),
        (HATCH + NAME, ["my_taxi/__init__.py"], True),
        (HATCH + NAME, ["my_taxi.py"], True),
        (HATCH + NAME, ["flows/__init__.py"], False),
        (HATCH + NAME + "[tool.hatch.build]\nx = 1\n", ["flows/__init__.py"], True),
        (SETUPTOOLS + NAME, ["src/anything/__init__.py"], True),
        (SETUPTOOLS + NAME, ["anything/__init__.py", "tests/__init__.py"], True),
        (SETUPTOOLS + NAME, ["one/__init__.py", "two/__init__.py"], False),
        (SETUPTOOLS + NAME + '[tool.setuptools]\npackages = ["one"]\n', ["two/__init__.py"], True),
        (NAME, ["src/my_taxi/__init__.py"], False),
        (HATCH + NAME + "[tool.uv]\npackage = false\n", ["my_taxi.py"], False),
        (
            system("poetry.core.masonry.api") + '[tool.poetry]\nname = "t"\n',
            ["t/__init__.py"],
            True,
        ),
        (
            system("poetry.core.masonry.api") + '[tool.poetry]\nname = "t"\npackage-mode = false\n',
            ["t/__init__.py"],
            False,
        ),
    ],
)
def test_a_project_is_installed_if_its_build_system_finds_its_packages(
    tmp_path, text, files, expected
):
    sent = prepared(tmp_path, {"pyproject.toml": text, **dict.fromkeys(files, "")})
    assert bool(sent.layout.installed) is expected
    assert ("--editable /opt/prefect/flows" in sent.dockerfile) is expected
    # the code is on the path in both cases
    assert ("ENV PYTHONPATH=/opt/prefect/flows/src" in sent.dockerfile) is ("src/" in files[0])


def test_install_false_installs_nothing(tmp_path):
    files = {"pyproject.toml": HATCH + NAME, "my_taxi.py": ""}
    assert not prepared(tmp_path, files, "install = false\n").layout.installed


def test_install_true_needs_a_build_system(tmp_path):
    with pytest.raises(ConfigError) as caught:
        prepared(tmp_path, {"pyproject.toml": NAME}, "install = true\n")
    assert caught.value.code == "no-build-system"


def sent_to_the_build(sent):
    return {p.removeprefix(".flowship/packages/") for p in sent.context.paths if "packages/" in p}


def test_the_build_gets_what_describes_the_package(tmp_path):
    text = HATCH + 'version-file = "src/my_taxi/VERSION"\n' + NAME + 'readme = "docs/About.rst"\n'
    sent = prepared(
        tmp_path,
        {
            "pyproject.toml": text,
            "LICENSE": "",
            "docs/About.rst": "",
            ".dockerignore": "docs\n",
            **dict.fromkeys(("src/my_taxi/__init__.py", "src/my_taxi/flows.py"), ""),
            "src/my_taxi/VERSION": "1",
        },
    )
    assert sent_to_the_build(sent) == {
        "pyproject.toml",
        "LICENSE",
        "docs/About.rst",
        "src/my_taxi/__init__.py",
        "src/my_taxi/VERSION",
    }


@pytest.mark.parametrize(
    "text",
    [
        system("maturin") + NAME,
        SETUPTOOLS + NAME + "[tool.setuptools]\next-modules = []\n",
        HATCH + NAME + "[tool.hatch.build.targets.wheel.force-include]\n",
    ],
)
def test_a_build_that_may_read_anything_gets_everything(tmp_path, text):
    files = {"pyproject.toml": text, "my_taxi/__init__.py": "", "my_taxi/fast.pyx": ""}
    sent = prepared(tmp_path, files, "install = true\n")
    assert "my_taxi/fast.pyx" in sent_to_the_build(sent)


def test_a_version_from_git_is_replaced_which_is_reported(tmp_path):
    text = system("hatchling.build", 'hatchling", "hatch-vcs>=0.4')
    text += '[project]\nname = "taxi"\ndynamic = ["version"]\n'
    files = {"pyproject.toml": text, "taxi.py": ""}
    sent = prepared(tmp_path, files)
    assert "ARG SETUPTOOLS_SCM_PRETEND_VERSION=0.0.0" in sent.dockerfile
    assert any("hatch-vcs reads it from git" in note for note in sent.notes)
    more = '[build-args]\nSETUPTOOLS_SCM_PRETEND_VERSION = "1.2"\n'
    assert not prepared(tmp_path, files, more).notes


def test_uv_and_poetry_name_the_folders_of_dependencies(tmp_path):
    write_files(
        tmp_path,
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["libs/*"]\n',
            "libs/a/pyproject.toml": '[project]\nname = "acme-a"\n',
            "app/pyproject.toml": "[tool.uv.sources]\nacme-a = { workspace = true }\n"
            '"B" = { path = "../b" }\n[tool.poetry.dependencies]\nc = { path = "../c" }\n',
        },
    )
    found = list(packages.local_sources(tmp_path / "app"))
    assert found == [("acme-a", "../libs/a"), ("b", "../b"), ("c", "../c")]
