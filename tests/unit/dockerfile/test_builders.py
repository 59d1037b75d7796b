"""Which Dockerfiles need BuildKit, and which flags there are."""

from __future__ import annotations

import pytest

from flowship.dockerfile.builders import FLAGS, needs_buildkit


@pytest.mark.parametrize("keyword", FLAGS)
def test_every_flag_of_the_newest_builder_is_known(keyword):
    """As frontend/dockerfile/instructions of moby/buildkit had them in August 2026."""
    known = {
        "FROM": {"platform"},
        "COPY": {"from", "chown", "chmod", "link", "parents", "exclude"},
        "ADD": {"chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"},
        "RUN": {"mount", "network", "security", "device"},
        "HEALTHCHECK": {"interval", "timeout", "start-period", "start-interval", "retries"},
    }
    assert known[keyword] <= FLAGS[keyword]


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
def test_a_dockerfile_that_needs_buildkit_is_recognized(text):
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
def test_a_dockerfile_for_the_classic_builder_needs_no_buildkit(text):
    assert not needs_buildkit(text)
