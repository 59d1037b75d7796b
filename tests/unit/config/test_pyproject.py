"""Reading pyproject.toml, and TOML files in general."""

from __future__ import annotations

import pytest

from flowship.config import pyproject
from flowship.errors import ConfigError
from support.configuring import failure


def test_broken_toml_names_the_line(tmp_path):
    error = failure(tmp_path, 'name = "x"\nentrypoint = \n')
    assert "flowship.toml:2" in error.where


def write(folder, text):
    path = folder / "pyproject.toml"
    path.write_text(text)
    return path


def test_a_file_that_does_not_exist_is_not_read(tmp_path):
    assert pyproject.read(tmp_path / "pyproject.toml") is None


def test_the_parts_that_flowship_uses_are_read(tmp_path):
    path = write(
        tmp_path,
        '[project]\nname = "x"\ndependencies = ["pandas"]\ndynamic = ["version"]\n'
        '[tool.flowship]\nrepo = "a/b"\n[tool.other]\nkey = 1\n',
    )
    assert pyproject.read(path) == pyproject.Pyproject(
        path, "x", ("pandas",), dynamic=("version",), flowship={"repo": "a/b"}
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('project = "x"\n', "project must be a table"),
        ('tool = "x"\n', "tool must be a table"),
        ('[tool]\nflowship = "x"\n', "tool.flowship must be a table"),
        ("[project]\nname = 5\n", "project.name must be text"),
        ("[project]\ndependencies = [1]\n", "project.dependencies must be a list of text"),
        ("[project]\ndynamic = 5\n", "project.dynamic must be a list of text"),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error(tmp_path, text, words):
    with pytest.raises(ConfigError) as caught:
        pyproject.read(write(tmp_path, text))
    assert words in caught.value.message
    assert caught.value.code == "invalid-value"


@pytest.mark.parametrize(
    ("text", "configures"),
    [
        ('[tool.flowship]\nentrypoint = "a.py:f"\n', True),
        ("[tool.flowship]\n", True),
        ("[tool.flowship]\nentrypoint = \n", True),
        ('[project]\nname = "x"\n', False),
        ("[project\n", False),
    ],
)
def test_a_file_configures_flowship_if_it_has_the_table_even_a_broken_one(
    tmp_path, text, configures
):
    assert pyproject.configures_flowship(write(tmp_path, text)) is configures


def test_a_file_that_is_not_utf8_cannot_be_read(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"name = 'caf\xe9'")
    with pytest.raises(ConfigError, match=r"pyproject\.toml is not UTF-8: the byte 0xe9") as caught:
        pyproject.read(path)
    assert (caught.value.code, caught.value.where) == ("not-utf8", f"{path}:1:12")


# --- documents that are valid text and no reasonable configuration -------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "n = " + "1" * 5000,
        "n = " + "[" * 3000 + "]" * 3000,
        ".".join(["a"] * 3000) + " = 1",
        "n = " + "{a=" * 500 + "1" + "}" * 500,
    ],
    ids=["number", "arrays", "dotted", "tables"],
)
@pytest.mark.parametrize("name", ["flowship.toml", "pyproject.toml"])
def test_what_would_exhaust_the_stack_is_not_valid_toml(tmp_path, text, name):
    (tmp_path / name).write_text(f"{text}\n")
    with pytest.raises(ConfigError, match="is not valid TOML") as caught:
        pyproject.read_toml(tmp_path / name)
    assert caught.value.code == "invalid-toml"


@pytest.mark.parametrize(
    ("text", "place"),
    [('name = "a"\nprofile = ', "2:10"), ("tags = [1,\n\n", "1:11"), ("[block", "1:7")],
    ids=["value", "blank-lines", "table"],
)
def test_an_error_at_the_end_has_the_line_and_column_of_the_last_text(tmp_path, text, place):
    path = tmp_path / "flowship.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"^the file is not valid TOML: .*end of document") as err:
        pyproject.read_toml(path)
    assert err.value.where == f"{path}:{place}"


def test_the_tools_that_list_dependencies_are_known(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text('[tool.poetry.dependencies]\npython = "3.11"\n[tool.ruff]\nline-length = 1\n')
    assert pyproject.tools(path) == ("poetry",)
    assert pyproject.tools(tmp_path / "missing") == ()
