"""Base images of Prefect 2."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts
from support.dockerfiles import holding, one, only, underlined


@pytest.mark.parametrize(
    ("image", "advised"),
    [
        ("prefecthq/prefect:2.20.16-python3.11", "prefecthq/prefect:3.8.8-python3.11"),
        ("prefecthq/prefect:2-python3.12", "prefecthq/prefect:3.8.8-python3.12"),
        ("prefecthq/prefect:2.7.7-python3.9", "prefecthq/prefect:3.8.8-python3.11"),
        ("prefecthq/prefect:2.10-python3.10-conda", "prefecthq/prefect:3.8.8-python3.10-conda"),
        ("prefecthq/prefect:2-python3.12-kubernetes",
         "prefecthq/prefect:3.8.8-python3.12-kubernetes"),
        ("prefecthq/prefect:2-python${PYTHON}", "prefecthq/prefect:3.8.8-python3.11"),
        ("prefecthq/prefect:2-latest", "prefecthq/prefect:3.8.8-python3.11"),
        ("prefecthq/prefect:2.14.21", "prefecthq/prefect:3.8.8-python3.11"),
        ("prefecthq/prefect:2.0rc1", "prefecthq/prefect:3.8.8-python3.11"),
        ("prefecthq/prefect:1.4.1-python3.9", "prefecthq/prefect:3.8.8-python3.11"),
        ("prefecthq/prefect:0.15.4", "prefecthq/prefect:3.8.8-python3.11"),
        ("r.example.com:5000/hub/prefecthq/prefect:2.20.2-python3.11@sha256:ab",
         "r.example.com:5000/hub/prefecthq/prefect:3.8.8-python3.11"),
    ],
)  # fmt: skip
def test_a_base_of_an_older_prefect_is_an_error_with_the_image_to_use(image, advised):
    text = f"FROM {image}\nRUN pip install pandas\n"
    finding = one("prefect-2-base", text)
    assert (finding.severity, underlined(text, finding)) == ("error", image)
    assert finding.help == f"use {advised}"
    major = image.rpartition("prefect:")[2][0]
    assert f"has Prefect {major}: a worker of Prefect 3" in finding.message
    assert only("prefect-2-base", text.replace(image, advised)) == []


@pytest.mark.parametrize(
    "text",
    [
        "FROM prefecthq/prefect:3.8.8-python3.11\n",
        "FROM prefecthq/prefect:3-latest\n",
        "FROM prefecthq/prefect\n",
        "FROM prefecthq/prefect:latest\n",
        "FROM prefecthq/prefect@sha256:ab\n",
        "FROM prefecthq/prefect:20-python3.11\n",
        "FROM notprefecthq/prefect:2.1\n",
        "FROM python:2.7\n",
        "FROM prefecthq/prefect:2.1 AS old\nFROM prefecthq/prefect:3.8.8-python3.11\n",
        "FROM prefecthq/prefect:2-python3.11\nRUN pip install 'prefect>=3'\n",
        "FROM prefecthq/prefect:2-python3.11\nRUN pip install prefect[aws]==3.1.0\n",
        "FROM prefecthq/prefect:2-latest\nRUN pip install -U prefect\n",
        "FROM prefecthq/prefect:2-latest\nRUN pip install --upgrade pip 'prefect[aws]' boto3\n",
        "FROM prefecthq/prefect:2-latest\n"
        "RUN pip install git+https://github.com/PrefectHQ/prefect.git@main\n",
        "FROM prefecthq/prefect:$TAG\n",
        "# flowship: ignore=prefect-2-base\nFROM prefecthq/prefect:2-python3.11\n",
    ],
)
def test_an_image_that_ends_with_prefect_3_or_may_is_not_reported(text):
    assert only("prefect-2-base", text) == []


def test_a_stage_that_the_image_is_built_from_counts():
    text = "FROM prefecthq/prefect:2.20.1-python3.11 AS base\nFROM base\nUSER 1\n"
    assert one("prefect-2-base", text).line == 1


@pytest.mark.parametrize(
    ("files", "reported"),
    [
        ({"requirements.txt": "pandas\nprefect>=3.2\n"}, False),
        ({"pyproject.toml": 'dependencies = ["prefect[aws] ~= 3.1"]\n'}, False),
        ({"requirements.txt": "prefect>=2,<3\n"}, True),
        ({"requirements.txt": "prefect-aws>=3\n"}, True),
        ({"notes.md": "prefect>=3\n"}, True),
    ],
)
def test_a_dependency_list_that_asks_for_prefect_3_replaces_that_of_the_base(files, reported):
    text = "FROM prefecthq/prefect:2-python3.11\nCOPY . /x/\nRUN pip install -r /x/r.txt\n"
    found = only("prefect-2-base", text, Facts(context=holding(files)))
    assert bool(found) == reported
