"""Facts about base images that follow from their names alone."""

from __future__ import annotations

import re

# Images whose working directory is /opt/prefect, also below a mirror's host and path.
_PREFECT_BASES = ("prefecthq/prefect", "flowship/base")
PREFECT_VERSION = "3.8.8"
"""The version in advice about Prefect's images."""

PREFECT_WORKDIR = "/opt/prefect"

# Images that contain no flow, so that a flow in them must come from the Dockerfile. None of them
# sets a working directory, so that it is the root.
_KNOWN_BASES = {"scratch", "alpine", "debian", "ubuntu", "python", "busybox"}


def is_prefect_base(image: str | None) -> bool:
    """Whether `image` is one of the known Prefect base images, on any registry."""
    if image is None:
        return False
    repository = repository_of(image)
    return any(repository == base or repository.endswith(f"/{base}") for base in _PREFECT_BASES)


def repository_of(image: str) -> str:
    """A reference without tag and digest: ``host:5000/a/b:tag@sha256:…`` → ``host:5000/a/b``."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def prefect_version(image: str | None) -> str:
    """The version of Prefect that the tag of a Prefect base image names, such as "3.8.8" or "3";
    empty if it names none, or if the image is another one."""
    if image is None or not is_prefect_base(image):
        return ""
    tag = image.partition("@")[0][len(repository_of(image)) :].lstrip(":")
    found = re.match(r"(?:prefect)?(\d+(?:\.\d+)*)(?=-|$)", tag)
    return found[1] if found else ""


def python_version(image: str | None) -> str:
    """The version of Python, such as "3.11", that the tag of a Prefect image or of the official
    one names; empty if it names none."""
    if image is None or not is_known_base(image):
        return ""
    official = repository_of(image).rpartition("/")[2] == "python"
    tag = image.partition("@")[0][len(repository_of(image)) :].lstrip(":")
    found = re.match(r"(3\.\d+)(?!\d)" if official else r".*python(3\.\d+)(?!\d)", tag)
    return found[1] if found else ""


def known_workdir(image: str) -> str | None:
    """The working directory of a well-known image; None for other images."""
    if is_prefect_base(image):
        return PREFECT_WORKDIR
    # On Windows the official python image starts in another folder.
    windows = re.search(r"windows|nanoserver", image)
    return "/" if is_known_base(image) and not windows else None


def is_known_base(image: str | None) -> bool:
    """Whether `image` is known to contain no project files of its own."""
    if image is None:
        return False
    name = repository_of(image).removeprefix("docker.io/").removeprefix("library/")
    return name in _KNOWN_BASES or is_prefect_base(image)
