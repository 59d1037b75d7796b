"""The check step: what it checks, what it fixes, and what it refuses to build."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flowship import check
from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.dockerfile.rules import Finding, Linter, Severity
from flowship.errors import ConfigError
from support.projects import write

RELATIVE = "FROM python:3.11\nWORKDIR /opt/prefect\nCOPY flow.py opt/prefect/flows/\n"
FIXED = RELATIVE.replace(" opt", " /opt")


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "trips"
    folder.mkdir()
    return folder


def rules(checked):
    return [finding.rule for finding in checked.findings]


# --- what is checked -----------------------------------------------------------------------------


def test_without_a_configuration_the_dockerfile_of_the_folder_is_checked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(RELATIVE)
    (tmp_path / "flow.py").write_text("")
    checked = check.check_project(Path.cwd())[0]
    assert checked.name == "Dockerfile"
    assert rules(checked) == ["relative-destination"]


def test_a_project_without_a_dockerfile_has_its_rendered_one_checked(project):
    write(project, "python:3.11")
    checked = check.check_project(project)[0]
    assert (checked.name, checked.path, rules(checked)) == ("Dockerfile.j2 (rendered)", None, [])


def test_with_settings_the_flow_must_be_in_its_place(project):
    write(project, "python:3.11", {"Dockerfile": "FROM python:3.11\nCOPY flow.py /x/\n"})
    settings = loading.load(project, environ={})
    path = project / "Dockerfile"
    assert rules(check.check_file(path, settings)) == ["flow-not-in-place"]
    assert rules(check.check_file(path, None)) == []


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"FROM \xff\n", "utf-8")]
)
def test_a_dockerfile_that_cannot_be_read_is_reported_with_its_path(tmp_path, content, reason):
    path = tmp_path / "Dockerfile"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"cannot read the Dockerfile: .*{reason}") as caught:
        check.check_file(path, None)
    assert (caught.value.code, caught.value.where) == ("unreadable-file", str(path))


def test_the_working_directory_of_the_base_image_comes_from_the_engine(project, monkeypatch):
    from flowship.engine import client, images

    write(project, "x:1", {"Dockerfile": "FROM x:1\nCOPY flow.py opt/a/\n"}, OWN)
    monkeypatch.setattr(client, "connect", lambda: "engine")
    monkeypatch.setattr(images, "working_directory", lambda engine, image: f"/of/{image}")
    (finding,) = check.check_project(project)[0].findings
    assert "resolves to /of/x:1/opt/a/" in finding.message


OWN = 'dockerfile = "Dockerfile"\n'


@pytest.mark.parametrize(
    ("schedule", "message"),
    [('cron = "0 25 * * *"', "0 25 * * *"), ('cron = "0 5 * * *"\ntimezone = "Mars/X"', "Mars/X")],
)
def test_an_invalid_schedule_is_reported_before_a_build(project, schedule, message):
    write(project, "base:1", more=f'[[deployments]]\nname = "nightly"\n{schedule}\n')
    with pytest.raises(ConfigError) as caught:
        check.check_project(project)[0]
    assert message in caught.value.message
    assert "flowship.toml:" in caught.value.where


# --- names in the configuration ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("relativ-destination", 'did you mean "relative-destination"?'),
        ("DL3006", "# hadolint ignore=…"),
    ],
)
def test_an_unknown_rule_in_the_configuration_is_an_error(project, rule, hint):
    write(project, "python:3.11", more=f'[check]\nignore = ["{rule}"]\n')
    with pytest.raises(ConfigError, match=f'unknown rule "{rule}"') as caught:
        check.validate_names(loading.load(project, environ={}))
    assert caught.value.code == "unknown-rule"
    assert hint in caught.value.hint
    assert "flowship.toml:" in caught.value.where


@pytest.mark.parametrize("key", ["error", "warn"])
def test_an_unknown_rule_is_an_error_in_each_list(project, key):
    write(project, "python:3.11", more=f'[check]\n{key} = ["unpinned"]\n')
    with pytest.raises(ConfigError, match=f'check.{key}: unknown rule "unpinned"') as caught:
        check.validate_names(loading.load(project, environ={}))
    assert caught.value.hint == 'did you mean "unpinned-base"?'


def test_the_configuration_sets_the_severity_of_a_rule(project):
    own = {"Dockerfile": "FROM python:3.11\nWORKDIR /opt/prefect/flows\nCOPY flow.py .\n"}
    write(project, "python:3.11", own, OWN)
    refuse(project)
    write(project, "python:3.11", more=OWN + '[check]\nerror = ["relative-destination"]\n')
    checked = check.check_project(project)[0]
    assert [f.rule for f in checked.errors] == ["relative-destination"]
    settings = loading.load(project, environ={})
    assert [f.rule for f in check.check_file(project / "Dockerfile", settings).errors]
    write(project, "x:1", {"Dockerfile": RELATIVE}, OWN + '[check]\nwarn = ["secret"]\n')
    assert rules(check.check_project(project)[0]) == ["relative-destination"]


def test_a_base_image_of_prefect_2_is_refused_with_the_key_to_change(project):
    write(project, "prefecthq/prefect:2.20.16-python3.12")
    (finding,) = check.check_project(project)[0].errors
    assert finding.rule == "prefect-2-base"
    assert finding.help == 'set base-image = "prefecthq/prefect:3.8.8-python3.12"'


def refused_requirement(folder):
    with pytest.raises(ConfigError) as caught:
        check.check_project(folder)[0]
    assert caught.value.code == "prefect-2-requirement"
    return os.path.relpath(caught.value.where, folder)


PREFECT_3 = "prefecthq/prefect:3.8.8-python3.11"


def test_a_requirement_of_prefect_2_is_refused_at_its_own_line(project):
    files = {"requirements.txt": "pandas\n-r more.txt\n", "more.txt": "# x\nprefect-gcp==0.2.4\n"}
    write(project, PREFECT_3, files)
    assert refused_requirement(project) == "more.txt:2:1"
    write(project, PREFECT_3, more='[check]\nwarn = ["prefect-2-requirement"]\n')
    (warning,) = check.check_project(project)[0].warnings
    assert warning.startswith("more.txt:2:1: prefect-gcp==0.2.4 is made for Prefect 2")


def test_the_requirements_that_an_own_dockerfile_installs_are_checked(project, monkeypatch):
    text = f"FROM {PREFECT_3}\nCOPY . /opt/prefect/flows/\nRUN pip install -r deps/all.txt\n"
    files = {"Dockerfile": text, "deps/all.txt": "prefect<3\n", "requirements.txt": "prefect<3\n"}
    write(project, "x:1", files, OWN)
    assert refused_requirement(project) == "deps/all.txt:1:1"
    (project / "flowship.toml").unlink()
    monkeypatch.chdir(project)
    assert refused_requirement(project) == "deps/all.txt:1:1"


def test_a_pin_of_another_prefect_3_is_a_warning(project):
    write(project, PREFECT_3, {"requirements.txt": "prefect==3.4.25\n"})
    (warning,) = check.check_project(project)[0].warnings
    assert "requirements.txt:1:1: prefect==3.4.25 replaces Prefect 3.8.8" in warning
    assert "base image of 3.4.25" in warning


def test_an_invalid_base_image_is_an_error_in_the_configuration(project):
    write(project, "Python:3.11")
    with pytest.raises(ConfigError, match=r"^base-image: ") as caught:
        check.validate_names(loading.load(project, environ={}))
    assert caught.value.code == "invalid-base-image"
    assert "flowship.toml:" in caught.value.where


# --- the fix -------------------------------------------------------------------------------------


@pytest.fixture
def dockerfile(tmp_path):
    path = tmp_path / "Dockerfile"
    path.write_text(RELATIVE)
    (tmp_path / "flow.py").write_text("")
    return path


def test_a_fix_changes_the_file_and_leaves_the_remaining_findings(dockerfile):
    dockerfile.write_text(RELATIVE + "COPY flow.py $X/\n")
    checked = check.fix(check.check_file(dockerfile, None))
    assert dockerfile.read_text() == FIXED + "COPY flow.py $X/\n"
    assert (checked.fixed, rules(checked)) == (1, ["unresolved-destination"])
    assert checked.text == dockerfile.read_text()


def test_a_fix_moves_the_flow_to_its_place(project):
    text = "FROM python:3.11\nWORKDIR /app\nCOPY flow.py .\n"
    write(project, "python:3.11", {"Dockerfile": text}, OWN)
    before = check.check_project(project)[0]
    assert [(f.rule, f.help) for f in before.fixable] == [
        ("flow-not-in-place", 'copy it to "/opt/prefect/flows/"')
    ]
    assert check.fix(before).findings == ()
    assert "COPY flow.py /opt/prefect/flows/\n" in (project / "Dockerfile").read_text()


def test_a_fix_does_not_touch_a_copy_of_the_flow_that_other_lines_may_need(project):
    text = (
        "FROM python:3.11\nWORKDIR /app\nCOPY requirements.txt .\nCOPY . .\n"
        'CMD ["python", "flow.py"]\n'
    )
    write(project, "python:3.11", {"Dockerfile": text, "requirements.txt": ""}, OWN)
    before = check.check_project(project)[0]
    assert rules(before) == ["relative-destination", "flow-not-in-place"]
    checked = check.fix(before)
    fixed = text.replace("requirements.txt .\n", "requirements.txt /app/\n")
    assert (project / "Dockerfile").read_text() == fixed
    assert [(f.rule, f.help, f.edit) for f in checked.findings] == [
        ("flow-not-in-place", 'copy it to "/opt/prefect/flows/"', None)
    ]
    assert check.fix(checked) is checked


def test_without_anything_to_fix_the_file_is_not_touched(dockerfile):
    dockerfile.write_text(FIXED)
    before = dockerfile.stat()
    checked = check.check_file(dockerfile, None)
    assert check.fix(checked) is checked
    after = dockerfile.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_rendered_dockerfile_has_nothing_to_fix(project):
    write(project, "python:3.11", {"my.j2": RELATIVE}, 'template = "my.j2"\n')
    checked = check.check_project(project)[0]
    assert any(finding.edit for finding in checked.findings)
    assert checked.fixable == ()
    assert check.fix(checked) is checked


def test_a_fix_keeps_the_mode_the_line_endings_and_the_byte_order_mark(dockerfile):
    dockerfile.write_bytes(b"\xef\xbb\xbf" + RELATIVE.replace("\n", "\r\n").encode())
    dockerfile.chmod(0o640)
    check.fix(check.check_file(dockerfile, None))
    assert dockerfile.read_bytes() == b"\xef\xbb\xbf" + FIXED.replace("\n", "\r\n").encode()
    assert dockerfile.stat().st_mode & 0o777 == 0o640


def test_a_fix_keeps_a_symbolic_link(dockerfile, tmp_path):
    link = tmp_path / "Dockerfile.link"
    link.symlink_to(dockerfile)
    check.fix(check.check_file(link, None))
    assert link.is_symlink()
    assert dockerfile.read_text() == FIXED


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may chown")
def test_a_fix_keeps_the_owner(dockerfile):
    os.chown(dockerfile, 12345, 12346)
    check.fix(check.check_file(dockerfile, None))
    status = dockerfile.stat()
    assert (status.st_uid, status.st_gid) == (12345, 12346)


@pytest.mark.parametrize("function", ["os.fsync", "pathlib.Path.replace", "tempfile.mkstemp"])
def test_a_fix_that_cannot_be_written_leaves_the_file_unchanged(dockerfile, monkeypatch, function):
    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    checked = check.check_file(dockerfile, None)
    monkeypatch.setattr(function, fail)
    with pytest.raises(ConfigError, match="No space left on device; nothing was written") as caught:
        check.fix(checked)
    assert caught.value.code == "unwritable-file"
    assert dockerfile.read_text() == RELATIVE
    assert sorted(p.name for p in dockerfile.parent.iterdir()) == ["Dockerfile", "flow.py"]


# --- hadolint ------------------------------------------------------------------------------------


def test_findings_of_hadolint_are_added_in_order_and_never_stop_a_build(dockerfile, monkeypatch):
    theirs = Finding("DL9999", Severity.WARNING, 1, 1, 2, "message", "help", source=Linter.HADOLINT)
    monkeypatch.setattr("flowship.dockerfile.hadolint.run_hadolint", lambda text: [theirs])
    checked = check.with_hadolint(check.check_file(dockerfile, None))
    assert rules(checked) == ["DL9999", "relative-destination"]
    assert [f.rule for f in checked.errors] == ["relative-destination"]


# --- what is refused -----------------------------------------------------------------------------


def refuse(folder, **overrides):
    request = prepare_build(loading.load(folder, overrides=overrides, environ={}))
    check.refuse_missing_flow(request)
    check.refuse_errors(check.check_build(request))


def test_errors_are_counted_and_a_fix_is_suggested_only_if_there_is_one(project):
    write(project, "x:1", {"Dockerfile": RELATIVE}, OWN)
    with pytest.raises(ConfigError, match="1 error in ") as caught:
        refuse(project)
    assert caught.value.hint == "run `flowship check --fix` to apply the safe fixes"
    (project / "Dockerfile").write_text("FROM python:3.11\nCOPY a /x/\nCOPY b /x/\nENV A=b c\n")
    with pytest.raises(ConfigError, match="4 errors in ") as caught:
        refuse(project)
    assert caught.value.hint == ""


def test_a_missing_copy_source_is_named_as_in_the_project(project):
    more = 'copy = { "dta" = "/opt/prefect/data" }\n'
    write(project, "python:3.11", {"data/a.csv": ""}, more)
    (finding,) = check.check_project(project)[0].errors
    assert finding.message == '"dta" is not in the build context'
    assert finding.help == 'did you mean "data"?'
    write(project, "python:3.11", more='copy = { "x9" = "/opt/prefect/data" }\n')
    (finding,) = check.check_project(project)[0].errors
    assert finding.help == (
        "add it to the project folder, or fix copy = { … } in the configuration"
    )


@pytest.mark.parametrize("named", ["by the command", "by the configuration"])
def test_a_dockerfile_that_is_a_link_out_of_the_project_is_not_read_and_not_fixed(tmp_path, named):
    outside = tmp_path / "outside"
    outside.write_text("FROM python:3.11\nCOPY a b/ hunter2\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "flow.py").write_text("def hello(): ...\n")
    (project / "flowship.toml").write_text(
        'entrypoint = "flow.py:hello"\ndockerfile = "Dockerfile"\n'
    )
    (project / "Dockerfile").symlink_to("../outside")
    by_command = named == "by the command"
    with pytest.raises(ConfigError, match="link out of the project") as caught:
        check.check_file(project / "Dockerfile", None) if by_command else check.check_project(
            project
        )[0]
    assert caught.value.code == "outside-project"
    assert "hunter2" not in str(vars(caught.value))


def test_a_pipe_instead_of_a_dockerfile_does_not_make_the_check_wait(tmp_path):
    os.mkfifo(tmp_path / "Dockerfile")
    with pytest.raises(ConfigError, match="is a named pipe") as caught:
        check.check_file(tmp_path / "Dockerfile", None)
    assert caught.value.code == "not-a-regular-file"


def test_every_image_of_a_project_is_checked_and_named(project):
    image = '[images.gpu]\ndockerfile = "gpu.Dockerfile"\n[[deployments]]\nname = "a"\n'
    text = "FROM x:1\nCOPY flow.py opt/\n"
    more = f'{image}[[deployments]]\nname = "b"\nimage = "gpu"\n'
    write(project, "x:1", {"gpu.Dockerfile": text}, more)
    own, gpu = check.check_project(project)
    assert (own.image, own.name) == ("trips", "Dockerfile.j2 (rendered for trips)")
    assert (gpu.image, own.errors) == ("gpu", ())
    assert "relative-destination" in rules(gpu)
    settings = loading.load(project, environ={})
    assert check.check_file(project / "gpu.Dockerfile", settings).facts.entrypoints == (
        "flow.py:hello",
    )


def test_an_edit_of_what_only_one_image_is_made_of_changes_only_that_one(project):
    more = '[images.gpu]\nrequirements = "gpu.txt"\n[[deployments]]\nname = "a"\n'
    more += '[[deployments]]\nname = "b"\nimage = "gpu"\n'
    files = {"gpu.txt": "six==1.16.0\n", "requirements.txt": "pytz\n"}
    write(project, "x:1", files, more)

    def hashes():
        images = loading.load(project, environ={}).per_image()
        return [prepare_build(each).digest({}) for each in images]

    own, gpu = hashes()
    (project / "gpu.txt").write_text("six==1.17.0\n")
    assert hashes()[0] == own
    assert hashes()[1] != gpu
    own, gpu = hashes()
    (project / "requirements.txt").write_text("pytz<3000\n")
    assert hashes()[0] != own
    assert hashes()[1] == gpu
