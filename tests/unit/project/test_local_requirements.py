"""Requirements that are folders of the project, or of what it includes."""

from __future__ import annotations

import pytest

from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project import local_requirements
from support.projects import CONFIG, git, write_files

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("-e .", "."),
        ("--editable=../shared", "../shared"),
        ("-e .[gcs,s3]", "."),
        (".", "."),
        ("./libs/x ; python_version > '3'", "./libs/x"),
        ("-e file:../shared#egg=shared", "../shared"),
        ("shared @ file:///srv/my%20shared", "/srv/my shared"),
        ("pandas", ""),
        ("-e git+https://example.com/x.git#egg=x", ""),
        ("https://example.com/x.whl", ""),
        ("--extra-index-url https://example.com", ""),
    ],
)
def test_the_path_of_a_local_requirement(line, path):
    assert local_requirements.local_path(line) == path


def prepared(folder, files, more=""):
    app = {"app/flow.py": "def hello(): ...\n", "app/flowship.toml": CONFIG + more}
    write_files(folder, {**app, **files})
    git(folder, "init", "--quiet")
    return prepare_build(loading.load(folder / "app", environ={}))


OWN = f"""{HATCH}[project]
name = "taxi"
dependencies = ["httpx"]
[project.optional-dependencies]
gcs = ["gcsfs"]
"""


@pytest.mark.parametrize("line", ["-e .", ".", "-e .[gcs]"])
def test_the_project_itself_as_a_requirement_is_installed_with_its_dependencies(tmp_path, line):
    sent = prepared(
        tmp_path,
        {"app/requirements.txt": f"pandas\n{line}\n", "app/pyproject.toml": OWN, "app/x.py": ""},
        'requirements = "requirements.txt"\n',
    )
    extra = "gcsfs\n" if "gcs" in line else ""
    assert sent.requirements.text == f"pandas\nhttpx\n{extra}"
    assert "--editable /opt/prefect/flows;" in sent.dockerfile


def test_the_project_as_the_only_requirement_needs_a_build_system(tmp_path):
    with pytest.raises(ConfigError, match="cannot be installed") as caught:
        prepared(tmp_path, {"app/requirements.txt": "-e .\n"})
    assert "[build-system]" in caught.value.hint


SHARED = f'{HATCH}[project]\nname = "acme_shared"\ndependencies = ["six", "acme-other"]\n'
OTHER = '[project]\nname = "acme.other"\ndependencies = ["idna"]\n'


@pytest.mark.parametrize(
    "line", ["-e ../shared", "../shared", "acme-shared>=1", "Acme.Shared @ file:../shared"]
)
def test_what_an_included_package_needs_is_installed_instead_of_it(tmp_path, line):
    sent = prepared(
        tmp_path,
        {
            "app/requirements.txt": f"pandas\n{line}\n",
            "shared/pyproject.toml": SHARED,
            "other/pyproject.toml": OTHER,
        },
        'include = ["../shared", "../other"]\n',
    )
    assert sent.requirements.text == "pandas\nsix\nidna\n"


def test_an_included_package_is_enough_to_have_requirements(tmp_path):
    files = {"shared/pyproject.toml": OTHER, "shared/x.py": ""}
    sent = prepared(tmp_path, files, 'include = ["../shared"]\n')
    assert (sent.requirements.text, sent.requirements.source) == ("idna\n", "../shared")
    assert "requirements.txt" in sent.dockerfile


def test_a_locked_list_is_complete():
    text = "six==1.16 --hash=sha256:00\nacme-shared==1\n"
    known = [local_requirements.Package(None, "shared", "acme-shared", ("idna",))]
    assert local_requirements.completed(text, known) == "six==1.16 --hash=sha256:00\n"


def test_a_path_that_is_not_included_is_refused_with_what_to_add(tmp_path):
    files = {"app/requirements.txt": "-e ../shared\n", "shared/pyproject.toml": SHARED}
    with pytest.raises(ConfigError) as caught:
        prepared(tmp_path, files)
    assert caught.value.code == "local-requirement"
    assert 'include = ["../shared"]' in caught.value.hint


def test_a_dependency_that_uv_takes_from_a_folder_is_not_taken_from_the_index(tmp_path):
    text = '[project]\nname = "taxi"\ndependencies = ["acme-shared"]\n'
    text += '[tool.uv.sources]\nacme-shared = { path = "../shared" }\n'
    files = {"app/pyproject.toml": text, "shared/pyproject.toml": SHARED}
    with pytest.raises(ConfigError) as caught:
        prepared(tmp_path, files)
    assert 'include = ["../shared"]' in caught.value.hint
    sent = prepared(tmp_path, files, 'include = ["../shared"]\n')
    assert sent.requirements.text == "six\nacme-other\n"
