"""Requirements that cannot work with Prefect 3, and those that only look like it."""

from __future__ import annotations

import pytest

from flowship.errors import ConfigError
from flowship.project.requirement_places import lines_of
from flowship.project.requirement_rules import fault_of, lines_of_lock, validate
from flowship.project.requirements import Requirements


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


# --- lockfiles -----------------------------------------------------------------------------------

MARKER = '; python_version >= "3.10" and python_version < "4.0" --hash=sha256:aa'


def locked(text: str, source: str = "uv.lock", made_from: str = "pyproject.toml") -> Requirements:
    tool = source.partition(".")[0].lower().replace("pipfile", "pipenv")
    relock = f"run `{tool} lock`"
    return Requirements(text, source, locked=True, made_from=made_from, relock=relock)


def refused(root, needed, prefect="3.8.8"):
    with pytest.raises(ConfigError) as caught:
        validate(lines_of_lock(root, needed, "3.11"), prefect)
    place = caught.value.where.removeprefix(f"{root}/")
    return f"{place}: {caught.value.message}", caught.value.hint


@pytest.mark.parametrize(
    ("lock", "file", "text", "place", "shown", "write"),
    [
        (
            "uv.lock", "pyproject.toml",
            '[project]\n# "prefect-gcp==0.1"\ndependencies=["prefect-gcp==0.2.4"]\n',
            "3:15", "prefect-gcp==0.2.4", "prefect-gcp>=0.6.0",
        ),
        (
            "pdm.lock", "pyproject.toml",
            "[dependency-groups]\nflows = [\n  'prefect_gcp<0.3'\n]\n",
            "3:3", "prefect_gcp<0.3", "prefect-gcp>=0.6.0",
        ),
        (
            "poetry.lock", "pyproject.toml", '[tool.poetry.dependencies]\nprefect-gcp = "^0.2.4"\n',
            "2:1", "prefect-gcp>=0.2.4,<0.3", 'prefect-gcp = ">=0.6.0"',
        ),
        (
            "poetry.lock", "pyproject.toml",
            "[tool.poetry.group.f.dependencies]\n  prefect-gcp = { version = '0.2.4' }\n",
            "2:3", "prefect-gcp==0.2.4", 'prefect-gcp = ">=0.6.0"',
        ),
        (
            "poetry.lock", "pyproject.toml",
            '[tool.poetry.dependencies.prefect-gcp]\nextras = ["b"]\nversion = "~0.2"\n',
            "3:1", "prefect-gcp>=0.2,<0.3", 'prefect-gcp = ">=0.6.0"',
        ),
        (
            "Pipfile.lock", "Pipfile", '[packages]\n"prefect-gcp" = "==0.2.4"\n',
            "2:1", "prefect-gcp==0.2.4", 'prefect-gcp = ">=0.6.0"',
        ),
    ],
)  # fmt: skip
def test_a_pin_that_was_locked_is_an_error_where_the_user_wrote_it(
    tmp_path, lock, file, text, place, shown, write
):
    (tmp_path / file).write_text(text)
    needed = locked(f"httpx==0.28.1\nprefect-gcp==0.2.4 {MARKER}\n", lock, file)
    message, hint = refused(tmp_path, needed)
    assert message == (
        f"{file}:{place}: {shown} is made for Prefect 2, but the base image has Prefect 3.8.8"
    )
    assert hint == f"write {write}, the first version for Prefect 3; then {needed.relock}"


@pytest.mark.parametrize(
    ("lock", "text", "place"),
    [
        ("uv.lock", 'version = 1\n\n[[package]]\nname = "prefect-gcp"\nversion = "0.2.4"\n', "4:1"),
        ("Pipfile.lock", '{\n  "default": {\n    "prefect-gcp": {\n', "3:5"),
        ("other.lock", "", ""),
    ],
)
def test_a_package_that_only_the_lockfile_pins_is_an_error_with_what_to_write(
    tmp_path, lock, text, place
):
    (tmp_path / lock).write_text(text)
    (tmp_path / "pyproject.toml").write_text('dependencies = ["prefect-gcp>=0.2", "prefect"]\n')
    message, hint = refused(tmp_path, locked(f"prefect-gcp==0.2.4 {MARKER}\n", lock))
    shown = "prefect-gcp==0.2.4 is made for Prefect 2, but the base image has Prefect 3.8.8"
    assert message == f"{lock}{':' * bool(place)}{place}: {shown}"
    assert hint.startswith(
        "write prefect-gcp>=0.6.0 to the dependencies in pyproject.toml; then run `"
    )


def test_a_lockfile_with_prefect_2_says_what_to_write(tmp_path):
    (tmp_path / "uv.lock").write_text('name = "prefect"\nversion = "2.20.16"\n')
    message, hint = refused(tmp_path, locked("prefect==2.20.16 --hash=sha256:aa\n"), "")
    assert message == "uv.lock:1:1: prefect==2.20.16 installs Prefect 2"
    assert hint == "write prefect>=3 to the dependencies in pyproject.toml; then run `uv lock`"


@pytest.mark.parametrize(
    "text",
    [
        "prefect==3.9.1\n",
        "prefect-gcp==0.6.1\n",
        'prefect-gcp==0.2.4; python_version < "3.11"\n',
        "prefect-gcp==0.2.4; sys_platform == 'win32'\n",
        "pywin32==306 ; platform_system == 'Windows' --hash=sha256:aa\n",
    ],
)
def test_what_a_lockfile_does_not_install_in_the_image_is_not_reported(tmp_path, text):
    assert lines_of_lock(tmp_path, locked(text), "3.11") == []
