"""The syntax of flows' files: what is found, where, and what is left to the probe."""

from __future__ import annotations

import warnings

import pytest

from flowship.errors import ConfigError
from flowship.project import entry_syntax
from flowship.project.entry_syntax import VERSION


def found(tmp_path, content, in_image=VERSION):
    path = tmp_path / "flow.py"
    path.write_bytes(content)
    return entry_syntax.errors([path, path], in_image)


def test_a_file_is_named_once_with_line_and_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [error] = found(tmp_path, b"x = 1\nprint(\n")
    assert (error.where, error.hint) == ("flow.py:2:6", "fix that line")
    assert "'(' was never closed" in error.message


def test_what_only_the_compiler_sees_is_found_too(tmp_path):
    [error] = found(tmp_path, b"return 1\n")
    assert "'return' outside function" in error.message


def test_the_hint_names_the_python_of_the_image(tmp_path):
    [error] = found(tmp_path, b"def f(:\n", "3.99")
    assert "Python 3.99" in error.hint
    [error] = found(tmp_path, b"def f(:\n", "")
    assert "may be another version" in error.hint


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        ("x = 1\n".encode("utf-16"), "it is UTF-16, not UTF-8", 1),
        (b"x = 1\ny = '\xe9'\n", "it is not UTF-8", 2),
        (b"# coding: ascii\n\nx = '\xe9'\n", "it is not ASCII", 3),
        (b"x = 1\n\0", "it has a null byte", 2),
    ],
)
def test_a_file_that_is_not_text_names_the_line(tmp_path, monkeypatch, content, reason, line):
    monkeypatch.chdir(tmp_path)
    [error] = found(tmp_path, content)
    assert error.message == f"Python {VERSION} cannot read the flow's file: {reason}"
    assert (error.where, error.hint) == (f"flow.py:{line}", "save the file as UTF-8")


@pytest.mark.parametrize(
    ("place", "text", "works"),
    [
        ("jobs/a.py", "from ..lib import x, y", "from lib import x, y"),
        ("src/taxi/jobs/a.py", "from .. import x", "from taxi import x"),
        ("a/b/c.py", "from ...lib.m import x", "from lib.m import x"),
        ("a/b.py", "from .. import x", "import x"),
    ],
)
def test_an_import_above_the_folder_is_refused_with_one_that_works(tmp_path, place, text, works):
    path = tmp_path / "flow.py"
    path.write_text(f"\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        entry_syntax.require(path, place, is_module=False)
    assert caught.value.code == "relative-import-failed"
    assert caught.value.where.endswith("flow.py:2:1")
    assert caught.value.hint.endswith(f"`{works}`")
    entry_syntax.require(path, place, is_module=True)
    path.write_text(f"from .lib import x\ntry:\n    {text}\nexcept ImportError:\n    pass\n")
    entry_syntax.require(path, place, is_module=False)


@pytest.mark.parametrize(
    "content",
    [b"x = 1\n", b"\xef\xbb\xbfx = 1\n", b"# coding: latin-1\nx = '\xe9'\n", b"x = '\\d'\n"],
    ids=["plain", "byte order mark", "latin-1", "invalid escape"],
)
def test_a_valid_file_has_no_error_and_no_warning(tmp_path, content):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(tmp_path, content) == []


def test_an_expression_that_is_too_deep_to_read_is_left_to_the_probe(tmp_path):
    assert found(tmp_path, b"x = " + b"-" * 100_000 + b"1\n") == []
    assert entry_syntax.errors([tmp_path / "missing.py"], "") == []


def test_nothing_of_the_file_is_run(tmp_path):
    assert found(tmp_path, b"raise SystemExit('run')\n") == []
