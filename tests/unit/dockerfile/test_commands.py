"""RUN commands that certainly add no file of the project, and others."""

from __future__ import annotations

import pytest

from flowship.dockerfile.commands import command_of, is_harmless
from flowship.dockerfile.parser import parse
from flowship.dockerfile.stages import trace


def step(run):
    (found,) = trace(parse(f"FROM q:1\n{run}\n")).steps
    return found


@pytest.mark.parametrize(
    "run",
    [
        "RUN apt-get update && apt-get install -y git>=2 2>&1 >/dev/null",
        'RUN ["pip", "install", "pandas"]',
        "RUN A=1 python -m pip install x; mkdir -p /y",
        "RUN echo 'a > b' | true",
        "RUN set -e; \\\n  # why\n  rm -rf /var/lib/apt/lists/*",
    ],
)
def test_commands_that_only_install_or_clean_up_are_harmless(run):
    assert is_harmless(step(run))


@pytest.mark.parametrize(
    "run",
    [
        "RUN git clone https://example.com/x",
        "RUN cp a b",
        "RUN echo x > /flow.py",
        "RUN python build.py",
        "RUN apt-get update && make",
        "RUN <<EOF\ntrue\nEOF",
    ],
)
def test_any_other_command_may_add_files(run):
    assert not is_harmless(step(run))


@pytest.mark.parametrize(
    ("run", "command"),
    [
        ("RUN pip install \\\n  x", "pip install   x"),
        ('RUN ["pip", "install", "a b"]', "pip install a b"),
        ("RUN [ -f x ]", "[ -f x ]"),
        ("RUN [1]", "[1]"),
    ],
)
def test_a_command_is_one_line_in_either_form(run, command):
    assert command_of(step(run)) == command
