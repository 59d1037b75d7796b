"""Finding flows by parsing the source."""

from __future__ import annotations

import re

import pytest

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


def test_a_search_in_any_folder_ends_after_a_number_of_flows_or_a_time(tmp_path):
    for number in range(30):
        folder = tmp_path / f"deep-{number:02}" / "deeper"
        folder.mkdir(parents=True)
        (folder / "flow.py").write_text("@flow\ndef far(): ...\n")
    (tmp_path / "z.py").write_text("@flow\ndef near(): ...\n")
    assert discovery.has_python_files(tmp_path)
    found, more = discovery.first_flows(tmp_path, seconds=60)
    assert (len(found), more) == (discovery.MOST_FLOWS, True)
    assert found[0].entrypoint == "z.py:near"
    assert len(discovery.first_flows(tmp_path, most=31, seconds=60)[0]) == 31
    assert discovery.first_flows(tmp_path, most=31, seconds=60)[1] is False
    assert discovery.first_flows(tmp_path, seconds=0) == ([], True)


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


@pytest.mark.parametrize(
    ("given", "likely"),
    [
        ("pkg.mod:flow", "pkg/mod.py:flow"),
        ("mod:flow", "mod.py:flow"),
        ("x.py:etl()", "x.py:etl"),
        ("./x.py", "x.py:flow_function"),
        ("a/../a/x.py:f", "a/x.py:f"),
        ("flows\\x.py:f", "flows/x.py:f"),
        (".\\flows\\x.py:f", "flows/x.py:f"),
        ("x.py::f", "x.py:f"),
        (" x.py:f", "x.py:f"),
        ("../x.py:f", ""),
        ("/home/ada/x.py:f", ""),
        ("etl", ""),
        ("x.py:1f", ""),
        ("https://example.com/x.py:f", ""),
    ],
)
def test_another_spelling_of_an_entrypoint_has_its_right_one(given, likely):
    assert discovery.likely_entrypoint(given) == likely


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
