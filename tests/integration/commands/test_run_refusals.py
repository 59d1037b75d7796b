"""`flowship run` without a server: which deployment it means, and what it refuses."""

from __future__ import annotations

NO_API = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}


def test_several_deployments_need_a_name(cli, project):
    with (project / "flowship.toml").open("a") as file:
        file.write('[[deployments]]\nname = "a"\n[[deployments]]\nname = "b"\n')
    code, stdout, stderr = cli("run", env=NO_API)
    assert (code, stdout) == (2, "")
    assert "a, b" in stderr


def test_a_named_deployment_needs_no_project(cli, tmp_path):
    (tmp_path / "other.py").touch()  # Python files, but no configuration
    code, stdout, stderr = cli("run", "trips/nightly", env=NO_API)
    assert (code, stdout) == (7, "")
    assert "127.0.0.1:9" in stderr


def test_an_invalid_parameter_is_refused_before_the_api_is_asked(cli, project):
    code, _, stderr = cli("run", "--param", "months", env=NO_API)
    assert code == 2
    assert "--param" in stderr


def test_an_empty_name_is_refused(cli, project):
    code, _, stderr = cli("run", "", env=NO_API)
    assert code == 2
    assert "is empty" in stderr
