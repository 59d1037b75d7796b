"""Small projects that the engine tests build."""

from __future__ import annotations

import io
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from docker import DockerClient

    from flowship.events import Event
    from flowship.image import BuiltImage

FLOW = '''\
from prefect import flow


@flow(log_prints=True)
def hello(name: str = "world", months: list[int] = [1, 2]) -> str:
    """Greet somebody."""
    print(f"hello {name}")
    return name
'''

CONFIG = 'name = "p"\nentrypoint = "flow.py:hello"\nbase-image = "python:3.11"\n'
"""The configuration of a project that no test builds."""


def write(
    folder: Path, base_image: str, files: dict[str, str] | None = None, more: str = ""
) -> Path:
    """A project in `folder`: ``flow.py:hello``, plus `files`, plus `more` configuration."""
    wanted = {
        "flow.py": FLOW,
        "flowship.toml": f'name = "{folder.name}"\nentrypoint = "flow.py:hello"\n'
        f'base-image = "{base_image}"\n{more}',
        **(files or {}),
    }
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def build(
    folder: Path,
    report: Callable[[Event], None] = lambda event: None,
    elsewhere: Callable[[str], BuiltImage | None] = lambda inputs: None,
    **options: bool,
) -> BuiltImage:
    """Build the project in `folder` as `flowship build` does; the image."""
    from flowship import image
    from flowship.build_request import prepare_build
    from flowship.config import loading
    from flowship.engine import builder
    from flowship.engine.client import connect

    wanted = prepare_build(loading.load(folder, environ={}))
    return image.build(connect(), wanted, builder.BuildOptions(**options), report, elsewhere)


@pytest.fixture
def project(tmp_path: Path, engine: DockerClient) -> Iterator[Path]:
    """An empty folder whose name, and so whose images, are this test's own."""
    folder = tmp_path / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    yield folder
    remove_images(engine, folder.name)


def git(folder: Path, *arguments: str) -> str:
    """Run git in `folder`, without the configuration of the machine and the user."""
    environ = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")},
    }  # fmt: skip
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environ, check=True, capture_output=True, text=True
    )
    return done.stdout


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write each text to its path below `folder`."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextmanager
def labelled(engine: DockerClient, base: str, name: str) -> Iterator[str]:
    """The image `base` as an image of its own called `name`, for as long as the block lasts."""
    from docker.errors import APIError

    dockerfile = f'FROM {base}\nLABEL flowship-tests.base="{name}"\n'
    engine.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=name, rm=True)
    yield name
    # A container that still ends can hold it for a moment.
    with suppress(APIError):
        engine.images.remove(name, force=True)


def remove_images(engine: DockerClient, project: str) -> None:
    """Remove all images of a project. One that another is built on goes after that one.

    Best effort: a container that still ends may hold one.
    """
    from docker.errors import APIError

    left = engine.images.list(filters={"label": f"io.flowship.project={project}"})
    for _ in range(len(left)):
        for image in left:
            with suppress(APIError):
                engine.images.remove(image.id, force=True)
        left = engine.images.list(filters={"label": f"io.flowship.project={project}"})
        if not left:
            return
