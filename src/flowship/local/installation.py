"""How to install a package where flowship itself is installed: by pip, pipx or uv."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

_OWN_PACKAGES = ("flowship", "prefect", "prefect-docker")
"""The packages whose requirements a server and a worker need."""


def install_command(requirement: str) -> str:
    """Return the command that installs `requirement` into flowship's environment.

    `uv tool install` and `uv venv` create environments without pip, and pipx keeps a list of what
    an environment contains, so `pip install` alone would miss all of these.

    Args:
        requirement: As pip takes it, such as ``fastapi<0.151``.
    """
    quoted, python = shlex.quote(requirement), shlex.quote(sys.executable)
    prefix = Path(sys.prefix)
    if (prefix / "pipx_metadata.json").is_file():
        return f"pipx inject {shlex.quote(prefix.name)} {quoted}"
    if find_spec("pip") is None:
        return f"uv pip install --python {python} {quoted}"
    pip = shutil.which("pip")
    if pip and Path(pip).parent == Path(sys.executable).parent:
        return f"pip install {quoted}"
    return f"{python} -m pip install {quoted}"


def requirement_of(module: str) -> str:
    """Return the requirement of flowship or Prefect that has a module; "" if it is not known.

    Args:
        module: What could not be imported, such as ``prefect_docker.worker``.
    """
    wanted = _normalized(module.partition(".")[0])
    for requirement in _requirements():
        name = re.match(r"[\w.-]+", requirement)
        if name and _normalized(name[0]) == wanted:
            return requirement
    return ""


def _requirements() -> Iterator[str]:
    for package in _OWN_PACKAGES:
        try:
            required = metadata.requires(package) or ()
        except metadata.PackageNotFoundError:
            continue
        yield from (text.split(";")[0].strip() for text in required if "extra ==" not in text)


def _normalized(name: str) -> str:
    """The name as in https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()
