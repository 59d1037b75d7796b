"""`flowship check` as a command: what it prints and what it writes."""

from __future__ import annotations

import pytest

from support.commands import one_object
from support.projects import FLOW

CLEAN = "FROM python:3.11\nCOPY flow.py /opt/prefect/flows/flow.py\n"


def test_a_finding_has_its_position_the_underlined_text_the_reason_and_the_fix(cli, tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "Dockerfile").write_text(
        "FROM prefecthq/prefect:3.8.8-python3.11\nCOPY flow.py opt/prefect/flows/\n"
    )
    code, stdout, stderr = cli("check", "Dockerfile")
    assert (code, stdout) == (3, "")
    lines = [line.rstrip() for line in stderr.splitlines()]
    position = lines.index(" --> Dockerfile:2:14")
    assert lines[position - 1].startswith("error: ")
    assert "/opt/prefect/opt/prefect/flows/" in lines[position - 1]
    assert lines[position + 2 : position + 4] == [
        "2 | COPY flow.py opt/prefect/flows/",
        "  |              ^^^^^^^^^^^^^^^^^^",
    ]
    assert '"/opt/prefect/flows/"' in lines[position + 4]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
def test_a_fixed_file_keeps_its_line_endings_and_its_byte_order_mark(cli, tmp_path, newline, mark):
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


def test_the_file_is_written_only_with_fix_and_only_if_there_is_something_to_fix(cli, tmp_path):
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
