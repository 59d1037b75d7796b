"""Fixtures: a registry for anybody, shared by the session, and private ones per test.

`conftest.py` imports them::

    from support.registry_server import private_registry, registry  # noqa: F401
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from parts.registry import PROGRAM, Registry

ACCOUNTS = {"ada": "right-password"}
"""Who may use `private_registry`."""


def _need_program() -> None:
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed (apt-get install {PROGRAM})")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that lets anybody read and write. Use repositories of your own in it."""
    _need_program()
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def private_registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry of this test's own that knows `ACCOUNTS` only."""
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
