"""The idioms of public Dockerfiles: a dot behind a WORKDIR alone refuses nothing."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts, check
from flowship.dockerfile.rules.destinations import destinations
from flowship.dockerfile.rules.findings import View
from support.dockerfiles import context
from support.paths import DOCKERFILES

BASES = [
    "python",
    "python:3.11-slim-bookworm",
    "docker.io/library/python:3.12-alpine",
    "prefecthq/prefect:3-python3.11",
    "mirror.example.com/prefecthq/prefect:3.4.0-python3.12-conda",
    "debian:bookworm-slim",
    "ubuntu:24.04",
]
BODIES = {
    "requirements first": "WORKDIR /app\nCOPY requirements.txt .\n"
    "RUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n",
    "slash": "WORKDIR /usr/src/app\nCOPY requirements.txt ./\n"
    "RUN pip install -r requirements.txt\nCOPY . ./\n",
    "folder": "WORKDIR /opt/prefect/flows\nADD requirements.txt .\nADD . ./code\n",
    "environment": "ENV APP_HOME=/app\nWORKDIR $APP_HOME\nCOPY . .\n",
    "argument": "ARG APP_HOME=/app\nWORKDIR ${APP_HOME}\nCOPY pyproject.toml poetry.lock ./\n",
    "user": "RUN useradd -m me\nUSER me\nWORKDIR /home/me\nCOPY --chown=me:me . .\n",
    "no folder": "COPY requirements.txt .\nRUN pip install -r requirements.txt\n",
    "uv": "COPY --from=ghcr.io/astral-sh/uv:0.5 /uv /bin/\nWORKDIR /app\n"
    "COPY pyproject.toml uv.lock ./\nRUN uv sync --frozen\nCOPY . .\n",
    "stages": "WORKDIR /build\nCOPY . .\nRUN pip wheel -w /wheels .\nFROM python:3.11-slim\n"
    "WORKDIR /app\nCOPY --from=0 /wheels ./wheels\nCOPY . .\n",
    "relative folder": "WORKDIR /srv\nWORKDIR app\nCOPY . .\n",
}
FILES = context("requirements.txt", "pyproject.toml", "poetry.lock", "uv.lock", "flow.py")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_dot_behind_a_known_working_directory_refuses_nothing(base, body):
    found = check(f"FROM {base}\n{body}", Facts(context=FILES))
    assert [f for f in found if f.severity == "error"] == []
    assert any(f.rule == "relative-destination" for f in found)


@pytest.mark.parametrize("path", sorted(DOCKERFILES.iterdir()), ids=lambda path: path.stem)
def test_no_dockerfile_of_the_collection_is_refused_for_a_dot_alone(path):
    view = View.of(path.read_bytes().decode(), Facts())
    for finding in destinations(view):
        if finding.rule == "relative-destination" and finding.severity == "error":
            written = view.text.split("\n")[finding.line - 1][finding.column - 1 :]
            known = "which is unknown" not in finding.message
            assert not (known and written.split()[0].strip("'\"[],") in {".", "./", ".."})


# Other idioms of public Dockerfiles with Prefect: each builds, and none is a reason to warn.
QUIET = {
    "pinned packages": "RUN pip install prefect==3.4.4 docker==7.1.0 prefect-docker==0.6.6\n",
    "pinned by conda": "RUN conda install -y prefect=3.4.4 curl=8.0 token==1.0\n",
    "at least": "RUN python3 -m pip install --no-cache-dir tqdm 'prefect>=3' token>=2\n",
    "a lock that may be missing": "COPY pyproject.toml uv.lock* /app/\n"
    "RUN cd /app && uv sync --frozen --no-install-project\nCOPY flow.py /app/\n",
    "the project after its dependencies": "COPY --from=ghcr.io/astral-sh/uv:0.5 /uv /uvx /bin/\n"
    "WORKDIR /app\nRUN --mount=type=cache,target=/root/.cache/uv"
    " --mount=type=bind,source=uv.lock,target=uv.lock uv sync --locked --no-install-project\n"
    "COPY . /app\nRUN --mount=type=cache,target=/root/.cache/uv uv sync --locked\n",
}


@pytest.mark.parametrize("body", QUIET.values(), ids=QUIET)
def test_these_idioms_are_not_reported(body):
    assert check(f"FROM prefecthq/prefect:3.4.4-python3.12\n{body}", Facts(context=FILES)) == []


def test_the_corrected_file_of_the_first_notes_is_accepted():
    text = (DOCKERFILES / "born-from-fixed.Dockerfile").read_text()
    assert [f for f in check(text) if f.severity == "error"] == []
