"""The order of code and dependencies, and versions of base images."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts
from support.dockerfiles import PREFECT, context, one, only, underlined


@pytest.mark.parametrize(
    "text",
    [
        "COPY . /x/\nRUN pip install -r /x/requirements.txt\n",
        "COPY flow.py /x/\nRUN set -e; pip3 --quiet install pandas\n",
        "COPY src /x/\nRUN uv pip install -r r.txt\n",
        "COPY . /x/\nRUN uv sync --frozen\n",
        "COPY . /x/\nRUN poetry install\n",
        'COPY . /x/\nRUN ["pip", "install", "pandas"]\n',
        "COPY . /x/\nRUN apt-get update && apt-get -y install libpq5\n",
        "COPY . /x/\nRUN pip install -r r.txt -e .\n",
        "COPY . /x/\nRUN pip install -r r.txt /x\n",
        "COPY . /x/\nRUN pip install /elsewhere\n",
        "COPY . /x/\nRUN pip install --target /x/lib pandas\n",
        "COPY . /x/\nRUN pip install /x/wheels/a-1.whl\n",
        "COPY . /x/\nRUN pip install --no-index /x/wheels/*\n",
        "COPY src* /x/\nRUN pip install pandas\n",
        "COPY . /x/\nRUN uv sync\nRUN uv sync\n",
    ],
)
def test_installing_after_the_code_is_copied_is_a_warning(text):
    finding = one("code-before-dependencies", PREFECT + text)
    assert finding.severity == "warning"
    assert "COPY on line 2" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "COPY requirements.txt /x/\nRUN pip install -r /x/requirements.txt\nCOPY . /x/\n",
        "COPY pyproject.toml uv.lock setup.py /x/\nRUN uv sync\n",
        "COPY requirements/ /x/\nRUN pip install -r /x/base.txt\n",
        "COPY . /x/\nRUN pip install --no-deps .\n",
        "COPY . /x/\nRUN pip install -e '.[all]'\n",
        "COPY . /x/\nRUN pip install --no-cache-dir /x\n",
        "COPY . /x/\nRUN pip install -e '/x/[all]'\n",
        "COPY . /x/\nRUN uv pip install --system /x/libs/one\n",
        "COPY src /x/src\nRUN pip install file:///x\n",
        "WORKDIR /x\nCOPY . /x/\nRUN pip install ./libs/one\n",
        "COPY . /x/\nRUN python -m compileall /x\n",
        "COPY --from=build /wheels /wheels\nRUN pip install /wheels/*\n",
        "COPY . /x/\nFROM q:1\nRUN pip install pandas\n",
        "COPY pyproject.toml uv.lock* /x/\nRUN uv sync --frozen\nCOPY . /x/\n",
        "COPY pyproject.toml poetry.lock* /x/\nRUN poetry install --no-root\nCOPY . /x/\n",
        "RUN uv sync --locked --no-install-project\nCOPY . /x/\nRUN uv sync --locked\n",
        "COPY poetry.lock /x/\nRUN poetry install --no-root\nCOPY . /x/\nRUN poetry install\n",
        "FROM q:1 AS a\nRUN uv sync --no-install-project\nFROM a\nCOPY . /x/\nRUN uv sync\n",
    ],
)
def test_installing_first_or_installing_only_the_project_is_fine(text):
    assert only("code-before-dependencies", PREFECT + text) == []


def test_dependencies_of_another_stage_do_not_count():
    text = PREFECT + "RUN uv sync --no-install-project\nFROM q:1\nCOPY . /x/\nRUN uv sync\n"
    assert one("code-before-dependencies", text).line == 5


def test_the_context_shows_whether_a_folder_contains_code():
    text = PREFECT + "COPY deps /x/\nRUN pip install -r /x/all.txt\n"
    assert only("code-before-dependencies", text, Facts(context=context("deps/all.txt"))) == []
    assert only("code-before-dependencies", text, Facts(context=context("deps/a.py")))


@pytest.mark.parametrize(
    "image", ["python", "python:latest", "r.example.com:5000/a/b", "a/b:latest"]
)
def test_a_base_image_without_a_version_is_a_warning(image):
    text = f"FROM {image}\n"
    assert underlined(text, one("unpinned-base", text)) == image


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:3.11\n",
        "FROM r.example.com:5000/a:1\n",
        "FROM python@sha256:ab\n",
        "FROM scratch\n",
        "FROM python:3.11 AS a\nFROM a\n",
        "ARG V\nFROM python:$V\n",
        "ARG V=3\nFROM python:$V\n",
    ],
)
def test_versioned_bases_stages_and_scratch_are_not_reported(text):
    assert only("unpinned-base", text) == []
