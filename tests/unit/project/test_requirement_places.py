"""Where a project lists its requirements."""

from __future__ import annotations

import pytest

from flowship.config import loading
from flowship.project.requirement_places import files_of_dockerfile, lines_of, pins


def test_the_lines_of_a_file_and_its_includes_have_their_places(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/more.txt").write_text("-r ../r.txt\n\nprefect==2.1 \\\n  --hash=sha256:ab\n")
    (tmp_path / "r.txt").write_text("# x\n  pandas>=2  # y\n-r base/more.txt\n")
    found = [(line.text, line.where) for line in lines_of(tmp_path, "r.txt")]
    assert found[0] == ("pandas>=2", f"{tmp_path}/r.txt:2:3")
    assert ("prefect==2.1", f"{tmp_path}/base/more.txt:3:1") in found


def test_the_dependencies_of_a_pyproject_have_their_places(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "pandas"\ndependencies = [\n  "pandas",\n  \'prefect==2.1\',\n]\n'
    )
    first, second = lines_of(tmp_path, "pyproject.toml")
    assert (first.text, first.where) == ("pandas", f"{tmp_path}/pyproject.toml:4:3")
    assert second.where.endswith("pyproject.toml:5:3")


def test_the_extras_and_groups_that_are_installed_have_their_places(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\ndependencies = ["httpx"]\n'
        '[dependency-groups]\n# "prefect==2.1"\nflows = ["prefect==2.1"]\ndev = ["prefect==2.2"]\n'
    )
    (tmp_path / "flowship.toml").write_text('entrypoint = "f.py:f"\ngroups = ["flows"]\n')
    settings = loading.load(tmp_path, environ={})
    found = [(line.text, line.place) for line in lines_of(tmp_path, "pyproject.toml", settings)]
    assert found == [("httpx", "3:17"), ("prefect==2.1", "6:10")]


def test_another_format_has_no_lines(tmp_path):
    (tmp_path / "uv.lock").write_text("prefect==2.1\n")
    assert lines_of(tmp_path, "uv.lock") == []


def test_the_lists_that_a_dockerfile_installs_are_found_by_name():
    text = (
        "COPY requirements/ /deps/\nRUN pip install -r /deps/base.txt \\\n"
        ' && uv pip install --requirement="dev.in" && grep -r x.txt .\n'
    )
    paths = ["requirements/base.txt", "a/dev.in", "b/dev.in", "requirements.txt"]
    assert files_of_dockerfile(text, paths) == ["requirements/base.txt"], "dev.in is ambiguous"


@pytest.mark.parametrize(
    ("given", "versions"),
    [
        ("*", ""),
        ("0.2.4", "==0.2.4"),
        ("2.*", "==2.*"),
        (">=2, <3", ">=2,<3"),
        ("~=2.1", "~=2.1"),
        ("^2.14", ">=2.14,<3"),
        ("^0.2.4", ">=0.2.4,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~2", ">=2,<3"),
        ("~0.2.4", ">=0.2.4,<0.3"),
    ],
)
def test_the_versions_of_poetry_are_read_as_requirements(tmp_path, given, versions):
    path = tmp_path / "pyproject.toml"
    path.write_text(f'[tool.poetry.dependencies]\nPrefect_Gcp = "{given}"\nprefect = "2"\n')
    assert [line.text for line in pins(path, "prefect-gcp")] == [f"prefect-gcp{versions}"]
