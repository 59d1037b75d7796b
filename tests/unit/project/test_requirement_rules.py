"""Requirements that cannot work with Prefect 3, and those that only look like it."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.project.requirement_rules import (
    fault_of,
    files_of_dockerfile,
    lines_of,
    validate,
)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("prefect==2.20.16", "prefect==2.20.16 installs Prefect 2", "prefect>=3"),
        ("prefect>=2.14,<3", "prefect>=2.14,<3 installs Prefect 2", "prefect>=3"),
        ("prefect[aws] ~= 2.14", "installs Prefect 2", "prefect>=3"),
        ("prefect==2.*", "installs Prefect 2", "prefect>=3"),
        ("prefect===2.1", "installs Prefect 2", "prefect>=3"),
        ("prefect<3; sys_platform == 'linux'", "prefect<3 installs Prefect 2", "prefect>=3"),
        ("prefect-gcp==0.2.4", "prefect-gcp==0.2.4 is made for Prefect 2", "prefect-gcp>=0.6.0"),
        ("prefect_gcp[bigquery]~=0.5.1", "is made for Prefect 2", "prefect-gcp>=0.6.0"),
        ("prefect-dask<0.3", "is made for Prefect 2", "prefect-dask>=0.3.0"),
        ("prefect-redis==0.1.4", "is made for Prefect 2", "prefect-redis>=0.2.0"),
    ],
)
def test_a_requirement_of_prefect_2_is_an_error_with_what_to_write(text, message, hint):
    fault = fault_of(text, "3.8.8")
    assert fault.code == "prefect-2-requirement"
    assert message in fault.message
    assert "but the base image has Prefect 3.8.8" in fault.message
    assert hint in fault.hint
    assert "base image" not in fault_of(text).message, "nothing is known of it"


@pytest.mark.parametrize(
    "text",
    [
        "prefect",
        "prefect>=2",
        "prefect>=2.14",
        "prefect>=3,<4",
        "prefect==3.8.8",
        "prefect!=3.0",
        "prefect @ git+https://github.com/PrefectHQ/prefect@main",
        "prefect<3; sys_platform == 'win32'",
        "prefect<3; python_version < '3.9'",
        "prefect-gcp",
        "prefect-gcp>=0.2.4",
        "prefect-gcp==0.6.0rc1",
        "prefect-gcp>0.6.0,<0.6.2",
        "prefect-gcp==0.6.*",
        "prefect-airbyte==0.3.2",
        "pywin32==306; sys_platform == 'win32'",
        "pandas==1.0",
        "--index-url https://example.com",
        "not a requirement",
        "",
    ],
)
def test_what_may_work_is_not_reported(text):
    assert fault_of(text, "3.8.8") is None


@pytest.mark.parametrize("text", ["prefect==3.4.25", "prefect<3.5", "prefect==3.9.*"])
def test_another_prefect_3_than_that_of_the_base_image_is_a_warning(text):
    fault = fault_of(text, "3.8.8")
    assert fault.code == ""
    assert f"{text} replaces Prefect 3.8.8 of the base image" in fault.message
    assert fault_of(text, "3") is None, "the tag names no exact version"
    assert fault_of(text, "2.20.1") is None, "that base is reported itself"


def test_a_package_of_another_system_gets_its_marker():
    fault = fault_of("pywin32==306")
    assert "Windows only" in fault.message
    assert fault.hint == 'write pywin32==306; sys_platform == "win32"'
    assert fault_of(fault.hint.removeprefix("write ")) is None
    assert '"darwin"' in fault_of("pyobjc-core").hint


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


def test_another_format_has_no_lines(tmp_path):
    (tmp_path / "uv.lock").write_text("prefect==2.1\n")
    assert lines_of(tmp_path, "uv.lock") == []


def test_all_errors_are_named_and_the_first_is_the_place(tmp_path):
    (tmp_path / "r.txt").write_text("prefect-gcp==0.2.4\nprefect<3\npywin32\nprefect==3.1\n")
    lines = lines_of(tmp_path, "r.txt")
    with pytest.raises(ConfigError) as caught:
        validate(lines, "3.8.8")
    assert caught.value.where == f"{tmp_path}/r.txt:1:1"
    assert "r.txt:2:1: prefect<3 installs" in caught.value.details
    assert "r.txt:3:1: pywin32" in caught.value.details
    warned = validate(lines[:2], "3.8.8", warn=["prefect-2-requirement"])
    assert [text.partition(" ")[0] for text in warned] == ["r.txt:1:1:", "r.txt:2:1:"]
    assert validate(lines[:2], "3.8.8", ignore=["prefect-2-requirement"]) == ()


def test_the_lists_that_a_dockerfile_installs_are_found_by_name():
    text = (
        "COPY requirements/ /deps/\nRUN pip install -r /deps/base.txt \\\n"
        ' && uv pip install --requirement="dev.in" && grep -r x.txt .\n'
    )
    paths = ["requirements/base.txt", "a/dev.in", "b/dev.in", "requirements.txt"]
    assert files_of_dockerfile(text, paths) == ["requirements/base.txt"], "dev.in is ambiguous"
