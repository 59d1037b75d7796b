"""`flowship init`: the files that it creates, and the folders that it refuses."""

from __future__ import annotations

from support.projects import FLOW


def test_init_writes_the_configuration_for_existing_python_files(cli, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    code, stdout, _ = cli("init")
    assert (code, stdout) == (0, "flowship.toml\n.dockerignore\n")
    assert cli("check").code == 0
    code, stdout, stderr = cli("init")
    assert (code, stdout) == (3, "")
    assert "nothing was written" in stderr


def test_the_first_project_passes_the_check(cli, tmp_path):
    code, stdout, _ = cli("init")
    assert code == 0
    assert set(stdout.split()) == {p.name for p in tmp_path.iterdir()}
    assert cli("check").code == 0


def test_the_first_project_can_be_rendered_and_has_the_folder_s_name(cli, tmp_path):
    folder = tmp_path / "My Trips"
    folder.mkdir()
    assert cli("init", cwd=folder, env={"FLOWSHIP_BASE_IMAGE": "example/base:1"}).code == 0
    assert 'name = "my-trips"' in (folder / "flowship.toml").read_text()
    assert cli("build", "--print-dockerfile", cwd=folder).stdout.startswith("FROM example/base:1")


def test_init_inside_a_project_is_refused(cli, tmp_path):
    cli("init")
    (tmp_path / "data").mkdir()
    code, stdout, stderr = cli("init", cwd=tmp_path / "data")
    assert (code, stdout) == (3, "")
    assert "parent project" in stderr
    assert list((tmp_path / "data").iterdir()) == []


def test_a_dockerfile_that_is_not_used_is_mentioned(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\n")
    assert "the Dockerfile in this folder is not used" in cli("init").stderr
