"""`flowship check`: what it shows, what it changes, and what it refuses."""

from __future__ import annotations

import json

import pytest

from support.projects import CONFIG, FLOW

CLEAN = "FROM python:3.11\nCOPY flow.py /opt/prefect/flows/flow.py\n"


def test_a_finding_shows_its_place_the_text_underlined_the_reason_and_the_fix(cli, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "Dockerfile").write_text(
        "FROM prefecthq/prefect:3.8.8-python3.11\nCOPY flow.py opt/prefect/flows/\n"
    )
    code, stdout, stderr = cli("check", "Dockerfile")
    assert (code, stdout) == (3, "")
    lines = [line.rstrip() for line in stderr.splitlines()]
    place = lines.index(" --> Dockerfile:2:14")
    assert lines[place - 1].startswith("error: ")
    assert "/opt/prefect/opt/prefect/flows/" in lines[place - 1]
    assert lines[place + 2 : place + 4] == [
        "2 | COPY flow.py opt/prefect/flows/",
        "  |              ^^^^^^^^^^^^^^^^^^",
    ]
    assert '"/opt/prefect/flows/"' in lines[place + 4]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
def test_fix_keeps_the_line_endings_and_the_byte_order_mark(cli, tmp_path, newline, mark):
    lines = [
        b"FROM prefecthq/prefect:3.8.8-python3.11",
        b"# comments stay \xc3\xa9",
        b"COPY flow.py opt/prefect/flows/",
        b'CMD ["true"]',
        b"",
    ]
    (tmp_path / "flow.py").write_text(FLOW)
    file = tmp_path / "Dockerfile"
    file.write_bytes(mark + newline.join(lines))
    code, _, stderr = cli("check", "--fix", "Dockerfile")
    assert code == 0, stderr
    lines[2] = b"COPY flow.py /opt/prefect/flows/"
    assert file.read_bytes() == mark + newline.join(lines)
    again = cli("check", "--fix", "Dockerfile")
    assert again.code == 0
    assert file.read_bytes() == mark + newline.join(lines)


def test_the_file_changes_only_with_fix_and_only_if_there_is_something_to_fix(cli, tmp_path):
    file = tmp_path / "Dockerfile"
    file.write_text("FROM prefecthq/prefect:3.8.8-python3.11\nCOPY a opt/prefect/flows/\n")
    before = file.read_bytes(), file.stat().st_mtime_ns
    cli("check", "Dockerfile")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    file.write_text(CLEAN)
    (tmp_path / "flow.py").write_text(FLOW)
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert cli("check", "--fix", "Dockerfile").code == 0
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_a_missing_file_is_named_once(cli, project):
    code, _, stderr = cli("check", "nope.Dockerfile")
    assert code == 3
    assert stderr.count("nope.Dockerfile") == 1


def test_output_works_on_a_terminal_that_only_has_ascii(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nCOPY größe ziel/\n")
    code, stdout, stderr = cli("check", "Dockerfile", "--json", env={"PYTHONIOENCODING": "ascii"})
    assert code == 3
    assert '"ziel/' in stdout.replace("\\", "")
    assert "Traceback" not in stderr


def test_brackets_in_the_dockerfile_are_not_markup(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nCOPY a[red].py [/bold]x/\n")
    code, _, stderr = cli("check", "Dockerfile")
    assert code == 3
    assert "2 | COPY a[red].py [/bold]x/" in stderr


def test_an_invalid_configuration_is_an_error_even_if_a_dockerfile_could_be_checked(cli, project):
    (project / "flowship.toml").write_text(CONFIG + "platfrom = 'linux/amd64'\n")
    (project / "Dockerfile").write_text(CLEAN)
    for arguments in (["check"], ["check", "Dockerfile"]):
        code, stdout, stderr = cli(*arguments)
        assert (code, stdout) == (3, "")
        assert "flowship.toml:4:1" in stderr
        assert 'did you mean "platform"?' in stderr


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ('repo = "User/DE-Repo"\n', 4, "user/de-repo"),
        ('[check]\nignore = ["relative-destinations"]\n', 5, '"relative-destination"'),
    ],
)
def test_a_name_that_a_later_step_would_refuse_is_an_error(cli, project, more, line, words):
    (project / "flowship.toml").write_text(CONFIG + more)
    code, stdout, stderr = cli("check")
    assert (code, stdout) == (3, "")
    assert f"flowship.toml:{line}:1" in stderr
    assert words in stderr


@pytest.mark.parametrize("base", ["A:B:C", "Foo", "foo[bold]", "https://example.com/x"])
def test_an_invalid_base_image_is_reported_with_its_line(cli, project, base):
    (project / "flowship.toml").write_text(CONFIG.replace("python:3.11", base))
    code, _, stderr = cli("check", cwd=project)
    assert code == 3
    assert "flowship.toml:3:1" in stderr
    assert "base-image: " in stderr


def test_a_name_that_is_too_long_for_a_registry_is_an_error(cli, project):
    (project / "flowship.toml").write_text(CONFIG.replace('"p"', f'"{"p" * 300}"'))
    code, _, stderr = cli("check", cwd=project)
    assert code == 3
    assert "at most 100 characters" in stderr


def test_an_error_in_another_environment_is_shown_with_its_name(cli, project):
    (project / "flowship.toml").write_text(
        CONFIG + '[[deployments]]\nname = "n"\ncron = "0 5 * * *"\n'
        '[env.staging.deployments.n]\ncron = "0 25 * * *"\n[env.production]\nwork-pool = "p"\n'
    )
    code, stdout, stderr = cli("check", "--json")
    assert code == 3
    assert "error: environment staging: " in stderr
    [failure] = json.loads(stdout)["environments"]
    assert failure["environment"] == "staging"
    assert failure["where"].endswith("/flowship.toml:8:1")
    assert cli("check", "--env", "production").code == 3
