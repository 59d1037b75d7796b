"""Finds the file of a module entrypoint, such as ``taxi.flows:nightly``, without importing it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from flowship.config.settings import Settings
from flowship.project.layout import Layout


def places(settings: Settings, layout: Layout, module: str) -> list[str]:
    """Where the module's file may be, relative to the flows folder, in the order of Python's path.

    Args:
        settings: The project.
        layout: What it includes.
        module: Dotted, as ``taxi.flows``.
    """
    path = module.replace(".", "/")
    folders = dict.fromkeys(["", *layout.python_path, *_sources(settings, layout)])
    files = (f"{path}.py", f"{path}/__init__.py")
    return [posixpath.join(folder, file) for folder in folders for file in files]


def _sources(settings: Settings, layout: Layout) -> list[str]:
    """The folders that an editable installation puts on the path."""
    found = [settings.folder_in_image]
    for package in layout.installed:
        found += [package.image, posixpath.join(package.image, "src")]
    return found


def flow_modules(files: Iterable[str], layout: Layout) -> list[str]:
    """The modules of the image's own code, dotted, shortest first.

    Args:
        files: Relative to the flows folder.
        layout: What the project includes.
    """
    found = set()
    for file in files:
        if not file.endswith(".py"):
            continue
        for folder in ("", *layout.python_path):
            prefix = f"{folder}/" if folder else ""
            if file.startswith(prefix):
                inside = file.removeprefix(prefix).removesuffix(".py").removesuffix("/__init__")
                found.add(inside.replace("/", "."))
    return sorted(found, key=lambda name: (len(name), name))
