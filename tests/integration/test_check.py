"""The check step on real projects, through the command line, with and without an engine."""

from __future__ import annotations

import io
import json
import subprocess

import pytest

from support.commands import one_object
from support.projects import FLOW, project, write

__all__ = ["project"]

RELATIVE = "COPY flow.py opt/prefect/flows/"
OWN = 'dockerfile = "Dockerfile"\n'


@pytest.mark.engine
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_missing_slash_stops_the_build_until_it_is_fixed(
    cli, project, engine, base_image, newline
):
    def images():
        return [tag for image in engine.images.list(project.name) for tag in image.tags]

    text = newline.join(["# Ours", f"FROM {base_image}", RELATIVE, ""])
    write(project, base_image, more=OWN)
    (project / "Dockerfile").write_bytes(text.encode())
    code, stdout, stderr = cli("build", cwd=project)
    assert (code, stdout) == (3, "")
    assert "Dockerfile:3:14" in stderr
    assert "^" * len("opt/prefect/flows/") in stderr
    assert "/opt/prefect/opt/prefect/flows/" in stderr, "where the file would really go"
    assert '"/opt/prefect/flows/"' in stderr, "what was intended"
    assert "flowship check --fix" in stderr
    assert "to the engine" not in stderr, "nothing was sent"
    assert images() == []

    code, _, stderr = cli("check", "--fix", cwd=project)
    assert code == 0, stderr
    fixed = text.replace(RELATIVE, "COPY flow.py /opt/prefect/flows/")
    assert (project / "Dockerfile").read_bytes() == fixed.encode()

    code, stdout, stderr = cli("build", "--json", cwd=project)
    assert code == 0, stderr
    assert one_object(stdout)["probe"]["flow_name"] == "hello"
    assert images() == [one_object(stdout)["image"]]


@pytest.mark.engine
def test_the_working_directory_of_a_local_base_image_is_used(cli, project, engine, base_image):
    base = f"{project.name}-base:1"
    write(project, base_image, more=OWN)
    (project / "Dockerfile").write_text(f"FROM {base}\n{RELATIVE}\n")
    text = io.BytesIO(f"FROM {base_image}\nWORKDIR /srv/app\n".encode())
    engine.images.build(fileobj=text, tag=base, rm=True)
    try:
        code, _, stderr = cli("build", cwd=project)
        assert code == 3
        assert "/srv/app/opt/prefect/flows/" in stderr
    finally:
        engine.images.remove(base, force=True)


def test_without_an_engine_the_working_directory_of_an_unknown_base_is_not_guessed(cli, tmp_path):
    folder = write(tmp_path / "trips", "x", more=OWN)
    (folder / "Dockerfile").write_text("FROM example.com/base:1\nCOPY flow.py etl/\n")
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    code, stdout, stderr = cli("check", "--json", cwd=folder, env=nowhere)
    assert code == 3
    found = one_object(stdout)["findings"]
    relative = [f for f in found if f["rule"] == "relative-destination"]
    assert [(f["line"], f["column"]) for f in relative] == [(2, 14)]
    assert "/opt/prefect" not in json.dumps(relative)
    assert "Traceback" not in stderr


def test_with_the_users_own_dockerfile_a_wrong_path_is_a_finding(cli, tmp_path):
    text = "FROM prefecthq/prefect:3.8.8-python3.11\nCOPY flow.py /opt/prefect/flows/src/\n"
    folder = write(tmp_path / "trips", "x:1", {"Dockerfile": text}, OWN)
    code, _, stderr = cli("build", cwd=folder)
    assert code == 3
    assert "Dockerfile:2:14" in stderr
    assert "the deployment looks for the flow at /opt/prefect/flows/flow.py" in stderr


def test_the_fixes_are_counted(cli, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY flow.py x/\nCOPY flow.py y/\n")
    before = cli("check")
    assert before.code == 3
    assert before.stderr.endswith("Dockerfile: 2 errors; 2 fixable with `flowship check --fix`\n")
    done = cli("check", "--fix", "--json")
    assert done.code == 0
    assert "✓ fixed 2 problems in Dockerfile\n" in done.stderr
    assert "✓ Dockerfile: no problems found\n" in done.stderr
    assert one_object(done.stdout)["fixed"] == 2


def test_warnings_do_not_fail(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python\n")
    done = cli("check")
    assert done.code == 0
    assert "warning: python has no version" in done.stderr
    assert done.stderr.endswith("Dockerfile: 1 warning\n")


@pytest.mark.skipif("os.geteuid() != 0", reason="needs root, to mount a file system")
def test_a_full_disk_never_truncates_the_dockerfile(cli, tmp_path):
    """On a file system that is full, the fix fails and the file stays as it was."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("cannot mount a file system here")
    try:
        text = "FROM prefecthq/prefect:3.8.8-python3.11\n" + RELATIVE + "\n" + "# more\n" * 1000
        (folder / "Dockerfile").write_text(text)
        (folder / "flow.py").write_text("x")
        room = 64 * 1024 - 4096 * 4
        (folder / "data.bin").write_bytes(b"x" * room)
        (folder / "more.bin").write_bytes(b"x" * 4096)
        code, stdout, stderr = cli("check", "Dockerfile", "--fix", "--json", cwd=folder)
        assert code == 3
        assert one_object(stdout)["error"]["code"] == "unwritable-file"
        assert "No space left on device; nothing was written" in stderr
        assert (folder / "Dockerfile").read_text() == text
        assert sorted(p.name for p in folder.iterdir()) == [
            "Dockerfile", "data.bin", "flow.py", "more.bin",
        ]  # fmt: skip
    finally:
        subprocess.run(["umount", str(folder)], check=True)
