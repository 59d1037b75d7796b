"""The flows of the entrypoints: which are refused before a build, and with what advice."""

from __future__ import annotations

import pytest

from flowship import check
from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.errors import ConfigError
from flowship.project.entry_syntax import VERSION
from support.projects import FLOW, write


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "trips"
    folder.mkdir()
    return folder


def refuse(folder, **overrides):
    request = prepare_build(loading.load(folder, overrides=overrides, environ={}))
    check.refuse_missing_flow(request)
    check.refuse_errors(check.check_build(request))


# A base image that flowship does not know could have any file, so no rule can report a missing one.
@pytest.mark.parametrize("base", ["python:3.11", "localhost:5000/own:1"])
def test_an_entrypoint_file_that_does_not_exist_is_refused_without_an_engine(project, base):
    write(project, base, {"jobs/taxi.py": FLOW})
    (project / "flow.py").unlink()
    with pytest.raises(ConfigError) as caught:
        refuse(project, entrypoint="taxi.py:hello")
    assert caught.value.message == "entrypoint file not found: taxi.py"
    assert caught.value.code == "entrypoint-file-not-found"
    assert caught.value.hint == 'did you mean entrypoint = "jobs/taxi.py:hello"?'
    assert "jobs/taxi.py:hello" in caught.value.details
    with pytest.raises(ConfigError) as caught:
        refuse(project, entrypoint="z.py:q")
    assert caught.value.hint == "fix the entrypoint"
    with pytest.raises(ConfigError) as caught:
        check.check_project(project)[0]
    assert caught.value.code == "entrypoint-file-not-found"
    assert caught.value.where == f"{project / 'flowship.toml'}:2:1"


def test_the_suggested_entrypoint_includes_the_image_folder(project):
    write(project, "python:3.11", more='image-folder = "acme"\n')
    with pytest.raises(ConfigError) as caught:
        refuse(project, entrypoint="acme/flwo.py:hello")
    assert caught.value.message == "entrypoint file not found: flwo.py"
    assert caught.value.hint == 'did you mean entrypoint = "acme/flow.py:hello"?'
    refuse(project, entrypoint="acme/flow.py:hello")


def test_with_an_own_template_the_rule_reports_a_missing_file(project):
    files = {"own.j2": "FROM python:3.11\nRUN git clone x /opt/prefect/flows\n"}
    write(project, "python:3.11", files, 'template = "own.j2"\n')
    refuse(project, entrypoint="cloned.py:f")
    (project / "own.j2").write_text("FROM python:3.11\nCOPY project /opt/prefect/flows\n")
    with pytest.raises(ConfigError) as caught:
        refuse(project, entrypoint="jobs.py:hello")
    assert caught.value.code == "check-failed"


@pytest.mark.parametrize("base", ["python:3.11", "localhost:5000/own:1"])
@pytest.mark.parametrize(
    ("pattern", "file", "line"), [("flow.py", "flow.py", 1), ("# all jobs\njobs", "jobs/a.py", 2)]
)
def test_an_entrypoint_that_dockerignore_excludes_is_an_error_with_the_pattern(
    project, base, pattern, file, line
):
    write(project, base, {".dockerignore": f"{pattern}\n", "jobs/a.py": FLOW})
    with pytest.raises(ConfigError) as caught:
        refuse(project, entrypoint=f"{file}:hello")
    assert caught.value.code == "entrypoint-file-excluded"
    assert caught.value.message == (
        f"the flow would not be in the image: {file} is excluded by .dockerignore line {line}:"
        f" {pattern.splitlines()[-1]}"
    )
    assert caught.value.hint == f"add !{file} to .dockerignore"


def test_an_entrypoint_in_a_copied_folder_is_in_its_place(project):
    more = 'copy = { "shared/jobs" = "/opt/prefect/flows/jobs" }\n'
    write(project, "python:3.11", {"shared/jobs/taxi.py": FLOW}, more)
    refuse(project, entrypoint="jobs/taxi.py:hello")


# --- what Python cannot read ---------------------------------------------------------------------

BROKEN = FLOW + "\n\ndef broken(:\n    pass\n"
LINE = len(FLOW.splitlines()) + 3


def test_a_syntax_error_is_an_error_if_the_image_has_the_same_python(project, monkeypatch):
    monkeypatch.chdir(project)
    write(project, f"prefecthq/prefect:3.8.8-python{VERSION}", {"flow.py": BROKEN})
    with pytest.raises(ConfigError) as caught:
        refuse(project)
    assert caught.value.code == "flow-syntax-error"
    assert caught.value.where == f"flow.py:{LINE}:12"
    assert caught.value.message == f"Python {VERSION} cannot read the flow's file: invalid syntax"
    assert caught.value.details == "def broken(:"


@pytest.mark.parametrize(
    ("base", "there"),
    [("python:3.99-slim", "Python 3.99"), ("localhost/own:1", "a Python that may be another")],
)
def test_another_python_may_accept_what_this_one_cannot_read(project, monkeypatch, base, there):
    monkeypatch.chdir(project)
    write(project, base, {"flow.py": BROKEN})
    [checked] = check.check_project(project)
    [warning] = [text for text in checked.warnings if "cannot read" in text]
    assert warning.startswith(f"flow.py:{LINE}:12: Python {VERSION} cannot read")
    assert there in warning


def test_all_files_that_python_cannot_read_are_named(project):
    files = {"flow.py": BROKEN, "second.py": "def g(:\n"}
    more = '[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\nentrypoint = "second.py:g"\n'
    write(project, f"python:{VERSION}", files, more)
    with pytest.raises(ConfigError) as caught:
        refuse(project)
    assert "flow.py:" in caught.value.details
    assert "second.py:1:" in caught.value.details


def test_an_own_template_may_change_the_file_so_it_is_a_warning(project):
    template = f"FROM python:{VERSION}\nCOPY project /opt/prefect/flows\nRUN ./generate\n"
    write(project, "x:1", {"flow.py": BROKEN, "own.j2": template}, 'template = "own.j2"\n')
    [checked] = check.check_project(project)
    assert any("cannot read the flow" in text for text in checked.warnings)


# --- several at once -----------------------------------------------------------------------------


def test_all_faults_of_all_entrypoints_are_named_in_one_run(project, monkeypatch):
    monkeypatch.chdir(project)
    files = {
        "c.py": FLOW + "def c(:\n",
        "g.py": "def g():\n    pass\n",
        "jobs/m.py": f"from ..lib import x\n{FLOW}\nm = hello\n",
        "e.py": "",
        "ok.py": FLOW,
    }
    more = "".join(
        f'[[deployments]]\nname = "{name}"\nentrypoint = "{entrypoint}"\n'
        for name, entrypoint in [
            ("syntax", "c.py:c"), ("utf16", "l.py:l"), ("plain", "g.py:g2"),
            ("dots", "jobs/m.py:m"), ("empty", "e.py:e"), ("empty-2", "e.py:e"),
            ("good", "ok.py:hello"), ("gone", "z.py:z"),
        ]
    )  # fmt: skip
    write(project, f"python:{VERSION}", files, more)
    (project / "l.py").write_text(FLOW, encoding="utf-16")
    with pytest.raises(ConfigError) as caught:
        check.check_project(project)
    assert caught.value.message == "6 entrypoints are wrong"
    assert caught.value.where == f"c.py:{len(FLOW.splitlines()) + 1}:7"
    lines = caught.value.details.splitlines()
    unreadable = f"Python {VERSION} cannot read the flow's file"
    assert [line for line in lines if not line.startswith("  ")] == [
        f'deployment "syntax" (c.py:c): {unreadable}: invalid syntax',
        f'deployment "utf16" (l.py:l): {unreadable}: it is UTF-16, not UTF-8',
        'deployment "plain" (g.py:g2): g.py has no flow named g2',
        'deployment "dots" (jobs/m.py:m): an import with two dots goes above the flow\'s folder,'
        " but Prefect loads the flow file on its own, not as part of a package",
        'deployments "empty", "empty-2" (e.py:e): e.py has no flow named e',
        'deployment "gone" (z.py:z): entrypoint file not found: z.py',
    ]
    after = {line: lines[i + 1 : i + 3] for i, line in enumerate(lines)}
    [utf16] = [found for line, found in after.items() if '"utf16"' in line]
    assert utf16 == ["  at l.py:1", "  hint: save the file as UTF-8"]
    [dots] = [found for line, found in after.items() if '"dots"' in line]
    assert dots[0] == "  at jobs/m.py:1:1"
    assert dots[1].endswith("`from lib import x`")


def test_the_faults_of_all_images_are_named_in_one_run(project):
    more = (
        '[images.big]\napt = ["git"]\n[[deployments]]\nname = "a"\nentrypoint = "a.py:a"\n'
        '[[deployments]]\nname = "b"\nimage = "big"\nentrypoint = "b.py:b"\n'
    )
    write(project, f"python:{VERSION}", {}, more)
    with pytest.raises(ConfigError) as caught:
        check.check_project(project)
    assert caught.value.message == "2 entrypoints are wrong"
    assert 'deployment "a" (a.py:a): entrypoint file not found' in caught.value.details
    assert 'deployment "b" (b.py:b): entrypoint file not found' in caught.value.details
