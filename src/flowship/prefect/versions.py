"""Which versions of Prefect work together: the server's, the image's and flowship's.

Each rule was tried on real servers; its source is next to it. Pure.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from flowship.errors import ConfigError

OLDEST_SERVER = "3.2"
"""Prefect 3.0 and 3.1 answer 422 to a schedule with a slug and parameters."""

_OFFICIAL = re.compile(r"(?:docker\.io/)?prefecthq/prefect:(\d+\.\d+\.\d+)(?![.\w])")


@dataclass(frozen=True)
class Incompatibility:
    """Images from one version on that fail on servers before another.

    Attributes:
        image: The first version of Prefect in the image that is affected.
        server: The first version of the server that works with it.
        effect: What the server does not do.
    """

    image: str
    server: str
    effect: str


INCOMPATIBLE = (
    # Since 3.6.14 the client waits for an answer to its authentication at /events/in, and the
    # server answers it (PrefectHQ/prefect#20372). An older server does not, so that
    # `prefect flow-run execute` ends with "Unable to authenticate to the event stream". Tried:
    # 3.6.14, 3.6.29, 3.8.8 and 3.9.1 fail on servers up to 3.6.13, and run on 3.6.29 and later.
    Incompatibility("3.6.14", "3.6.14", "the server does not answer their event stream"),
)
"""Older images run on newer servers: 3.2.15 was tried on each server up to 3.9.1."""

_PYTHON_OF_OLD_IMAGES = (3, 12)  # the newest one that Prefect 3.2 and 3.3 support


def numbers(version: str) -> tuple[int, ...]:
    """``3.6.13`` → (3, 6, 13), as are ``3.6.13rc1`` and ``3.6.13+2.gabc``; empty if unreadable."""
    found = re.match(r"\d+(?:\.\d+){1,2}", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def is_supported_server(version: str) -> bool:
    """Whether flowship works with a server of this version."""
    return numbers(OLDEST_SERVER) <= numbers(version) < (4,)


def version_of_base(image: str) -> str | None:
    """The version of Prefect in one of Prefect's own images; None if its name does not say."""
    found = _OFFICIAL.match(image)
    return found[1] if found else None


def fitting_image(server: str) -> str:
    """Prefect's own image with the version of the server."""
    release, python = numbers(server), sys.version_info[:2]
    if release < (3, 4):
        python = min(python, _PYTHON_OF_OLD_IMAGES)
    return f"prefecthq/prefect:{'.'.join(map(str, release))}-python{python[0]}.{python[1]}"


_PYTHONS = ((3, 13), (3, 12), (3, 11), (3, 10))
"""The versions of Python that Prefect publishes images for."""


def image_with(prefect: str, requires_python: str = "") -> str | None:
    """Prefect's own image with a version of Prefect, and a Python that a project can use.

    Args:
        prefect: The version.
        requires_python: The versions of Python that the project allows; empty for any.

    Returns:
        None if there is no such image of Prefect 3. The Python is that of flowship, if it fits.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not re.fullmatch(r"3\.\d+\.\d+", prefect):
        return None
    try:
        allowed = SpecifierSet(requires_python)
    except InvalidSpecifier:
        allowed = SpecifierSet()
    newest = _PYTHON_OF_OLD_IMAGES if numbers(prefect) < (3, 4) else _PYTHONS[0]
    for major, minor in (sys.version_info[:2], *_PYTHONS):
        # The last patch release counts: ">=3.11.4" allows the images of Python 3.11.
        if (major, minor) <= newest and allowed.contains(f"{major}.{minor}.99"):
            return f"prefecthq/prefect:{prefect}-python{major}.{minor}"
    return None


def validate(image: str | None, server: str) -> None:
    """Refuse an image whose runs would crash on this server.

    Args:
        image: The version of Prefect in the image; None if it is not known.
        server: The server's; empty if it is not known, "cloud" for Prefect Cloud.

    Raises:
        ConfigError: They do not work together.
    """
    rule = _broken(image, server)
    if rule:
        raise ConfigError(
            f"the image has Prefect {image}, but the server has {server}: every run would"
            f" crash, because images with Prefect {rule.image} or later need a server of"
            f" {rule.server} or later ({rule.effect})",
            code="prefect-versions-incompatible",
            hint=f"upgrade the server, or build with a base image of its version:"
            f' base-image = "{fitting_image(server)}"',
            where="base-image",
        )


def worker_warning(worker: str, server: str) -> str | None:
    """The warning for a worker whose own events the server does not take; None if it does.

    Such a worker runs flows all the same: 3.6.29 and 3.8.8 were tried on 3.6.13, and 3.8.8 on
    3.2.15. Only what runs inside the container ends when its events do not arrive.

    Args:
        worker: The version of Prefect in flowship's environment.
        server: As for `validate`.
    """
    rule = _broken(worker, server)
    if rule is None:
        return None
    return (
        f"flowship's environment has Prefect {worker}, but the server has {server}: the worker"
        f" runs flows, but its events are lost ({rule.effect}); upgrade the server"
    )


def _broken(client: str | None, server: str) -> Incompatibility | None:
    """The rule that a client, of an image or a worker, breaks with this server."""
    if not client or not numbers(server):
        return None
    return next(
        (
            rule
            for rule in INCOMPATIBLE
            if numbers(client) >= numbers(rule.image) and numbers(server) < numbers(rule.server)
        ),
        None,
    )


def newer_image(image: str | None, server: str) -> str | None:
    """The warning for an image that is newer than the server; None if it is not."""
    if not image or not numbers(server) or numbers(image) <= numbers(server):
        return None
    return (
        f"the image has Prefect {image}, which is newer than the server's {server}: Prefect"
        " supports newer servers, not newer images; upgrade the server, or use"
        f' base-image = "{fitting_image(server)}"'
    )
