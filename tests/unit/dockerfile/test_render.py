"""The template, and what a Dockerfile answers when asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowship.config.settings import Settings
from flowship.dockerfile import Facts, base_images, check, needs_buildkit, render, run_hadolint
from flowship.errors import ConfigError
from flowship.project.context import Context, Entry

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


# --- the template -------------------------------------------------------------------------------


def test_the_smallest_project_is_its_base_its_code_and_its_folder(tmp_path):
    assert render(settings(tmp_path), dependencies=False) == (
        f"FROM {BASE}\n\nWORKDIR /opt/prefect/flows\n\nCOPY project/ /opt/prefect/flows/\n"
    )


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["smallest", "everything"])
@pytest.mark.parametrize("dependencies", [True, False])
def test_what_we_render_passes_our_own_check_and_hadolint(tmp_path, values, dependencies):
    (tmp_path / "src" / "taxi").mkdir(parents=True)
    text = render(settings(tmp_path, **values), dependencies=dependencies)
    paths = ["project/flows/taxi.py", "project/data/a.csv", "project/my file"]
    paths += [f".flowship/{n}" for n in ("requirements.txt", "constraints.txt", "ca-bundle.pem")]
    context = Context(tuple(Entry(p, size=1, data=b"#") for p in sorted(paths)))
    assert check(text, Facts(context=context, entrypoint="flows/taxi.py:etl")) == []
    assert run_hadolint(text) == []
    assert not needs_buildkit(text)
    assert "# syntax" not in text
    assert base_images(text) == [BASE]


def test_a_flow_that_is_not_in_the_context_is_found_in_the_rendered_file_too(tmp_path):
    text = render(settings(tmp_path), dependencies=False)
    context = Context(
        (Entry("project/a.py", size=1, data=b"#"),),
        {"project/flows": ".dockerignore line 1: flows"},
    )
    (finding,) = check(text, Facts(context=context, entrypoint="flows/taxi.py:etl"))
    assert finding.rule == "flow-not-in-place"
    assert ".dockerignore line 1" in finding.message


def test_dependencies_come_before_the_code_and_data_inside_the_project_after_it(tmp_path):
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


def test_rendering_twice_gives_the_same_bytes(tmp_path):
    one, two = (render(settings(tmp_path, **EVERYTHING), dependencies=True) for _ in range(2))
    assert one == two


def test_a_source_layout_is_put_on_the_path(tmp_path):
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
        {"index-url": "https://${TOKEN}@packages.example.com/simple"},  # nothing would fill it in
    ],
)
def test_a_login_in_an_index_url_is_refused_and_not_repeated(tmp_path, packages):
    with pytest.raises(ConfigError) as error:
        render(settings(tmp_path, packages=packages), dependencies=True)
    assert "packages.example.com" in error.value.message
    assert "readable in the image" in error.value.message
    assert error.value.where.startswith("packages.")
    assert "word" not in error.value.message
    assert "token" not in error.value.message


@pytest.mark.parametrize("source", ["../secrets", "/etc", "a/../../b", ".."])
def test_a_copy_from_outside_the_project_is_refused(tmp_path, source):
    with pytest.raises(ConfigError, match="outside the project folder"):
        render(settings(tmp_path, copy_={source: "/x"}), dependencies=False)


def test_a_line_break_in_a_value_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="control character"):
        render(settings(tmp_path, copy_={"a\nRUN id": "/x"}), dependencies=False)


# --- the user's own template --------------------------------------------------------------------


def test_the_users_template_may_build_on_ours(tmp_path):
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
def test_a_mistake_in_the_users_template_names_its_file_and_line(tmp_path, template, line, message):
    (tmp_path / "my.j2").write_text(template)
    with pytest.raises(ConfigError) as error:
        render(settings(tmp_path, template="my.j2"), dependencies=False)
    assert error.value.where == f"{tmp_path / 'my.j2'}:{line}"
    assert message in error.value.message


def test_a_template_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"my\.j2: there is no such file"):
        render(settings(tmp_path, template="my.j2"), dependencies=False)


# --- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "FROM x\nRUN --mount=type=cache,target=/c pip install a\n",
        "FROM x\nRUN --network=none true\n",
        "FROM x\nRUN --security=insecure true\n",
        "FROM x\nRUN <<EOF\ntrue\nEOF\n",
        "FROM x\nCOPY <<EOF /a\nEOF\n",
        "FROM x\ncopy --link a /a\n",
        "FROM x\nCOPY --chmod=755 a /a\n",
        "FROM x\nCOPY --parents a /a\n",
        "FROM x\nCOPY --exclude=b a /a\n",
        "FROM x\nONBUILD COPY --link a /a\n",
        "FROM x\nADD --checksum=sha256:ab https://example.com/a /a\n",
        "FROM x\nADD https://example.com/a.git#main /a\n",
        "FROM --platform=$BUILDPLATFORM x\n",
        "# syntax=docker/dockerfile:1\nFROM x\n",
    ],
)
def test_what_only_buildkit_understands_is_recognised(text):
    assert needs_buildkit(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FROM --platform=linux/amd64 x AS a\nCOPY --from=a --chown=1 b /c\nRUN echo '<<EOF'\n",
        "FROM x\n# RUN --mount=type=cache\nRUN cat <<<word && echo $((1<<2))\n",
        "FROM x\n# syntax=docker/dockerfile:1\nRUN ls --mount=x\n",
    ],
)
def test_what_the_classic_builder_understands_needs_no_buildkit(text):
    assert not needs_buildkit(text)


def test_base_images_are_the_external_ones_with_their_arguments_resolved():
    text = (
        "ARG V=3.11\nARG R\nFROM python:${V}-slim AS a\nFROM a AS b\nFROM scratch\n"
        "FROM ${R:-hub}/x:1\nFROM $R/y\nFROM python:$V-slim\nFROM A\n"
    )
    assert base_images(text) == ["python:3.11-slim", "hub/x:1"]
    assert base_images(text, {"V": "3.12", "R": "r.example.com"}) == [
        "python:3.12-slim",
        "r.example.com/x:1",
        "r.example.com/y",
    ]


def test_checking_needs_neither_jinja_nor_prefect_nor_pandas():
    program = (
        "import sys; from flowship.dockerfile import check; check('FROM a\\nCOPY a b\\n');"
        "print([m for m in ('jinja2', 'prefect', 'pandas', 'docker', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
