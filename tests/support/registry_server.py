"""Fixtures: an open registry, shared by the session, and private ones per test.

`conftest.py` imports them::

    from support.registry_server import private_registry, registry  # noqa: F401
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from parts.registry import PROGRAM, Registry

if TYPE_CHECKING:
    from flowship.registry import Credentials, Reference
    from flowship.registry.client import RemoteImage

ACCOUNTS = {"ada": "right-password"}
"""The accounts of `private_registry`."""


def describe(reference: Reference, credentials: Credentials | None = None) -> RemoteImage:
    """An image as its registry describes it."""
    from flowship.registry.client import RegistryClient

    with RegistryClient(reference.registry, credentials) as client:
        return client.describe(reference)


def _need_program() -> None:
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed (apt-get install {PROGRAM})")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry without accounts. Use repositories of your own in it."""
    _need_program()
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def private_registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry of this test's own, with `ACCOUNTS`."""
    _need_program()
    with Registry(tmp_path / "private-registry", htpasswd=ACCOUNTS) as running:
        yield running


@pytest.fixture
def own_registry(tmp_path: Path) -> Iterator[Callable[..., Registry]]:
    """Makes registries that the test may stop and kill; the options are `Registry`'s."""
    _need_program()
    started: list[Registry] = []

    def make(
        port: int = 0,
        htpasswd: Mapping[str, str] | None = None,
        tls: bool = False,
        host: str = "127.0.0.1",
    ) -> Registry:
        folder = tmp_path / f"registry-{len(started)}"
        started.append(Registry(folder, port, htpasswd, tls, host))
        started[-1].start()
        return started[-1]

    yield make
    for each in started:
        each.stop()
