"""Finding flows by parsing the source."""

from __future__ import annotations

import re

from flowship.config import discovery


def test_flows_are_found_in_every_spelling_but_not_in_virtual_environments(tmp_path):
    (tmp_path / "a.py").write_text(
        "@flow\ndef one(): ...\n@flow(name='2')\ndef two(): ...\n@prefect.flow\ndef three(): ...\n"
        "@task\ndef four(): ...\n"
    )
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv/b.py").write_text("@flow\ndef hidden(): ...\n")
    assert [f.entrypoint for f in discovery.find_flows(tmp_path)] == [
        "a.py:one",
        "a.py:two",
        "a.py:three",
    ]


def test_methods_are_flows_if_they_need_no_instance(tmp_path):
    (tmp_path / "jobs.py").write_text(
        "class Jobs:\n    @staticmethod\n    @flow\n    def one(): ...\n"
        "    @classmethod\n    @flow\n    def two(cls): ...\n    @flow\n    def three(self): ...\n"
    )
    assert [f.entrypoint for f in discovery.find_flows(tmp_path)] == [
        "jobs.py:Jobs.one",
        "jobs.py:Jobs.two",
    ]


def test_a_file_that_cannot_be_parsed_is_skipped_and_listed(tmp_path):
    (tmp_path / "broken.py").write_text("x = 1\ndef (\n")
    (tmp_path / "null.py").write_bytes(b"x = 1\x00")
    assert discovery.find_flows(tmp_path) == []
    first, second = discovery.unreadable(tmp_path)
    assert first.startswith("broken.py:2: ")
    assert second.startswith("null.py: ")


def test_folders_without_the_projects_own_code_are_skipped(tmp_path):
    for folder in ("node_modules", ".hidden", "build", "myenv", "flows"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").touch()
    (tmp_path / "myenv" / "pyvenv.cfg").touch()
    assert discovery.python_files(tmp_path) == [tmp_path / "flows" / "a.py"]


def test_an_expression_with_thousands_of_terms_is_listed_and_does_not_end_the_search(tmp_path):
    (tmp_path / "a.py").write_text("x = " + "+".join(["1"] * 30_000) + "\n")
    (tmp_path / "b.py").write_text("x = " + "-" * 100_000 + "1\n")
    (tmp_path / "c.py").write_text("@flow\ndef f(): ...\n")
    assert [f.entrypoint for f in discovery.find_flows(tmp_path)] == ["c.py:f"]
    for line in discovery.unreadable(tmp_path):
        assert re.match(r"[ab]\.py:(\d+:)? .*(too deeply|too many|too complex)", line)


def test_a_python_file_that_is_far_too_large_is_skipped(tmp_path):
    with (tmp_path / "a.py").open("wb") as stream:
        stream.truncate(20_000_000)
    assert discovery.find_flows(tmp_path) == []
    assert "too large" in discovery.unreadable(tmp_path)[0]
