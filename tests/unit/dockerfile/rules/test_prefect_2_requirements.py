"""Prefect 2 and its integrations in RUN instructions."""

from __future__ import annotations

import pytest

from support.dockerfiles import PREFECT, one, only, underlined

RULE = "prefect-2-requirement"


@pytest.mark.parametrize(
    ("command", "pin"),
    [
        ("pip install prefect==2.20.16", "prefect==2.20.16"),
        ('pip install -U pandas "prefect-gcp<0.6"', "prefect-gcp<0.6"),
        ("uv pip install 'prefect[aws] >=2,<3' six", "prefect[aws] >=2,<3"),
        ('["pip", "install", "prefect==2.1"]', "prefect==2.1"),
        ("apt-get update && \\\n  pip install prefect_dask==0.2.1", "prefect_dask==0.2.1"),
    ],
)
def test_a_pin_in_a_command_is_underlined(command, pin):
    text = f"{PREFECT}RUN {command}\n"
    finding = one(RULE, text)
    assert (finding.severity, underlined(text, finding)) == ("error", pin)
    assert "but the base image has Prefect 3.8.8" in finding.message
    assert "Prefect 3" in finding.help


@pytest.mark.parametrize(
    "text",
    [
        f"{PREFECT}RUN pip install 'prefect>=2' prefect-gcp\n",
        f"{PREFECT}RUN pip install prefect==${{VERSION}}\n",
        f"{PREFECT}RUN echo prefect==2.1\n",
        f"{PREFECT}RUN pip install ./wheels/prefect==2.1\n",
        f"{PREFECT}RUN pip install my-prefect==2.1\n",
        f"{PREFECT}# flowship: ignore={RULE}\nRUN pip install prefect==2.1\n",
        f"FROM python:3.11 AS old\nRUN pip install prefect==2.1\n{PREFECT}",
    ],
)
def test_what_may_work_or_is_not_in_the_image_is_not_reported(text):
    assert only(RULE, text) == []
