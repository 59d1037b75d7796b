"""Rendering flowship's template and a project's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from flowship.config.settings import Settings
from flowship.dockerfile import base_images, needs_buildkit, render
from flowship.dockerfile.hadolint import run_hadolint
from flowship.dockerfile.rules import Facts, check
from flowship.errors import ConfigError
from flowship.project.context import Context, Entry
from flowship.project.ignore import LeftOut, LeftOutKind
from flowship.project.requirements import Requirements

BASE = "prefecthq/prefect:3.8.8-python3.11"


def settings(root: Path, **values: object) -> Settings:
    given = {"root": root, "name": "taxi", "entrypoint": "flows/taxi.py:etl", "base_image": BASE}
    return Settings.model_validate({**given, **values})


EVERYTHING = {
    "apt": ("libpq5", "curl"),
    "packages": {
        "index-url": "https://packages.example.com/simple",
        "extra-index-urls": ["https://more.example.com/simple?a=1&b=2"],
        "trusted-hosts": ["packages.example.com"],
        "constraints": "constraints.txt",
        "ca-bundle": "ca.pem",
    },
    "copy_": {"data": "/opt/prefect/data", "my file": "/opt/prefect/flows/its $place/"},
}


def test_the_smallest_project_has_a_base_image_a_folder_and_its_code(tmp_path):
    assert render(settings(tmp_path), dependencies=False) == (
        f"FROM {BASE}\n\nWORKDIR /opt/prefect/flows\n\nCOPY project/ /opt/prefect/flows/\n"
    )


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["smallest", "everything"])
@pytest.mark.parametrize("dependencies", [True, False])
def test_a_rendered_dockerfile_passes_the_check_and_hadolint(tmp_path, values, dependencies):
    (tmp_path / "src" / "taxi").mkdir(parents=True)
    text = render(settings(tmp_path, **values), dependencies=dependencies)
    paths = ["project/flows/taxi.py", "project/data/a.csv", "project/my file"]
    paths += [f".flowship/{n}" for n in ("requirements.txt", "constraints.txt", "ca-bundle.pem")]
    context = Context(tuple(Entry(p, size=1, data=b"#") for p in sorted(paths)))
    assert check(text, Facts(context=context, entrypoints=("flows/taxi.py:etl",))) == []
    assert run_hadolint(text) == []
    assert not needs_buildkit(text)
    assert "# syntax" not in text
    assert base_images(text) == [BASE]


def test_a_flow_that_is_not_in_the_context_is_reported_for_a_rendered_dockerfile_too(tmp_path):
    text = render(settings(tmp_path), dependencies=False)
    context = Context(
        (Entry("project/a.py", size=1, data=b"#"),),
        {"project/flows": LeftOut(LeftOutKind.IGNORE_FILE, "flows", ".dockerignore line 1")},
    )
    (finding,) = check(text, Facts(context=context, entrypoints=("flows/taxi.py:etl",)))
    assert finding.rule == "flow-not-in-place"
    assert ".dockerignore line 1" in finding.message
    assert finding.help == "add !flows/taxi.py to .dockerignore"


def test_dependencies_come_before_the_code_and_data_in_the_project_after_it(tmp_path):
    lines = render(settings(tmp_path, **EVERYTHING), dependencies=True).splitlines()

    def at(beginning: str) -> int:
        return next(n for n, line in enumerate(lines) if line.startswith(beginning))

    assert (
        at("RUN apt-get")
        < at("COPY .flowship/requirements.txt")
        < at("RUN set -e")
        < at("WORKDIR")
        < at("COPY project/data ")
        < at("COPY project/ ")
        < at('COPY ["project/my file"')
    )


def test_rendering_twice_gives_the_same_text(tmp_path):
    one, two = (render(settings(tmp_path, **EVERYTHING), dependencies=True) for _ in range(2))
    assert one == two


def test_a_src_layout_is_added_to_the_path(tmp_path):
    (tmp_path / "src" / "taxi").mkdir(parents=True)
    text = render(settings(tmp_path), dependencies=False)
    assert "\nENV PYTHONPATH=/opt/prefect/flows/src\n" in text


def test_a_value_cannot_break_out_of_its_shell_word(tmp_path):
    url = "https://packages.example.com/simple?a=$(id)&b='"
    text = render(settings(tmp_path, packages={"index-url": url}), dependencies=True)
    shell = text.split("--index-url ")[1].split(" \\\n")[0]
    said = subprocess.run(["sh", "-c", f"printf %s {shell}"], capture_output=True, text=True)
    assert said.stdout == url


@pytest.mark.parametrize(
    "packages",
    [
        {"index-url": "https://me:word@packages.example.com/simple"},
        {"extra-index-urls": ["https://x.example.com", "https://token@packages.example.com/s"]},
        {"index-url": "https://${TOKEN}@packages.example.com/simple"},  # nothing would replace it
    ],
)
def test_credentials_in_an_index_url_are_rejected_and_not_repeated(tmp_path, packages):
    with pytest.raises(ConfigError) as error:
        render(settings(tmp_path, packages=packages), dependencies=True)
    assert "packages.example.com" in error.value.message
    assert "readable in the image" in error.value.message
    assert error.value.where.startswith("packages.")
    assert "word" not in error.value.message
    assert "token" not in error.value.message


@pytest.mark.parametrize("source", ["../secrets", "/etc", "a/../../b", ".."])
def test_a_copy_from_outside_the_project_is_rejected(tmp_path, source):
    with pytest.raises(ConfigError, match="outside the project folder"):
        render(settings(tmp_path, copy_={source: "/x"}), dependencies=False)


def test_a_line_break_in_a_value_is_rejected(tmp_path):
    with pytest.raises(ConfigError, match="control character"):
        render(settings(tmp_path, copy_={"a\nRUN id": "/x"}), dependencies=False)


def test_a_template_of_the_project_can_extend_ours(tmp_path):
    (tmp_path / "Dockerfile.j2").write_text(
        '{% extends "flowship/Dockerfile.j2" %}\n'
        "{% block system %}\nRUN id\n{{ super() }}{% endblock %}\n"
    )
    text = render(settings(tmp_path, template="Dockerfile.j2", apt=("curl",)), dependencies=False)
    assert text.index("RUN id") < text.index("apt-get") < text.index("COPY project/")


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        ("FROM x\n{% if %}\n", 2, "Expected an expression"),
        ("FROM x\n\n{{ bas_image }}\n", 3, "'bas_image' is undefined"),
        ("FROM x\n{{ 1 / 0 }}\n", 2, "division by zero"),
        ('{% include "nowhere.j2" %}\n', 1, "nowhere.j2"),
    ],
)
def test_an_error_in_a_template_is_reported_with_file_and_line(tmp_path, template, line, message):
    (tmp_path / "my.j2").write_text(template)
    with pytest.raises(ConfigError) as error:
        render(settings(tmp_path, template="my.j2"), dependencies=False)
    assert error.value.where == f"{tmp_path / 'my.j2'}:{line}"
    assert message in error.value.message


def test_a_missing_template_is_reported(tmp_path):
    with pytest.raises(ConfigError, match=r"template: my\.j2 not found"):
        render(settings(tmp_path, template="my.j2"), dependencies=False)


# --- a project's template is code from outside ---------------------------------------------------

READS_INTERNALS = [
    "{{ cycler.__init__.__globals__.os.popen('touch ran').read() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ lipsum.__globals__['os'].system('touch ran') }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os.system('touch ran') }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(cycler) }}",
    "{% set x = packages.update({'index_url': 'y'}) %}",
]


@pytest.mark.parametrize("template", READS_INTERNALS)
def test_a_template_reaches_no_code_of_python(tmp_path, monkeypatch, template):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.j2").write_text(f"FROM x\n{template}\n")
    with pytest.raises(ConfigError) as error:
        render(settings(tmp_path, template="my.j2"), dependencies=False)
    assert error.value.code == "template-error"
    assert error.value.where == f"{tmp_path / 'my.j2'}:2"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ 'x' * 10 ** 10 }}", "needs too much time or memory"),
        ("{{ 'x'|center(10 ** 10) }}", "needs too much time or memory"),
        ("{{ 9 ** (9 ** 9) }}", "needs too much time or memory"),
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "time"),
        ("{% for i in range(99999) %}{{ 'RUN id; ' * 99 }}{% endfor %}", "more than 1 MB"),
        ("{% include 'my.j2' %}", "extends or includes itself"),
    ],
)
def test_a_template_that_does_not_end_is_ended(tmp_path, template, message):
    (tmp_path / "my.j2").write_text(template)
    with pytest.raises(ConfigError, match=message) as error:
        render(settings(tmp_path, template="my.j2"), dependencies=False)
    assert error.value.hint


@pytest.mark.parametrize("kind", ["link", "above", "pipe", "long"])
def test_a_template_is_a_regular_file_of_the_project(tmp_path, kind):
    outside, root = tmp_path / "secret", tmp_path / "project"
    outside.write_text("password")
    root.mkdir()
    name = {"above": "../secret", "long": "x" * 5000}.get(kind, "part.j2")
    if kind == "link":
        (root / name).symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(root / name)
    (root / "my.j2").write_text(f"{{% include '{name}' %}}")
    # The settings refuse a long name themselves.
    for template in ("my.j2",) if kind == "long" else ("my.j2", name):
        with pytest.raises(ConfigError) as error:
            render(settings(root, template=template), dependencies=False)
        assert error.value.code in {"template-error", "template-not-found"}


# --- lockfiles -----------------------------------------------------------------------------------

LOCKED = Requirements(
    "six==1 --hash=sha256:aa\n", "uv.lock", locked=True, unhashed="m @ git+https://example.com/m\n",
    folders=("libs/mine", "libs/it's"),
)  # fmt: skip


def test_a_lockfile_is_installed_with_its_hashes_and_nothing_else(tmp_path):
    text = render(settings(tmp_path), dependencies=True, locked=LOCKED)
    hashed = (
        "--no-deps --require-hashes \\\n            --requirement /opt/flowship/requirements.txt"
    )
    unhashed = "--no-deps \\\n            --requirement /opt/flowship/unhashed.txt"
    folders = (
        """    /opt/flowship/packages/libs/mine/ '/opt/flowship/packages/libs/it'"'"'s/'; \\\n"""
    )
    for part in (hashed, unhashed, folders):
        assert text.count(part) == 2  # with uv, and with pip
    assert "COPY .flowship/requirements.txt .flowship/unhashed.txt /opt/flowship/\n" in text
    assert "COPY project/libs/mine /opt/flowship/packages/libs/mine/\n" in text
    assert text.index("libs/mine") < text.index("COPY project/ ")
    paths = [f".flowship/{name}.txt" for name in ("requirements", "unhashed")]
    paths += ["project/flows/taxi.py", "project/libs/mine/a.py", "project/libs/it's/a.py"]
    context = Context(tuple(Entry(p, size=1, data=b"#") for p in sorted(paths)))
    assert check(text, Facts(context=context, entrypoints=("flows/taxi.py:etl",))) == []
    assert run_hadolint(text) == []
    for shell in text.split("\nRUN ")[1:]:
        command = ["sh", "-n", "-c", shell.partition("\n\n")[0]]
        assert subprocess.run(command, check=False).returncode == 0
