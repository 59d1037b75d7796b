"""The tools that write lockfiles, installed for the tests, and small projects that they lock."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from parts.locking import locked
from uv import find_uv_bin

from support.paths import ROOT

CACHE = ROOT / ".cache" / "lock-tools"

# pdm allows any newer hishel, whose 2.0 it cannot use.
PACKAGES = {
    "uv": (),
    "poetry": ("poetry>=2.2", "poetry-plugin-export"),
    "pdm": ("pdm", "hishel[httpx2]<2"),
    "pipenv": ("pipenv",),
}

PYPROJECT = """\
[project]
name = "locked"
version = "1"
requires-python = ">=3.10,<4"
dependencies = [
    "click==8.1.7",
    "six>=1.16",
    "tomli; python_version < '3.11'",
    "typing-extensions; python_version >= '3.11'",
]

[project.optional-dependencies]
gcs = ["idna"]

[dependency-groups]
base = ["iniconfig"]
flows = [{ include-group = "base" }, "toolz"]
dev = ["pluggy"]
"""

PIPFILE = """\
[[source]]
name = "index"
url = "{index}"
verify_ssl = true

[packages]
click = "==8.1.7"
six = ">=1.16"
tomli = {{ version = "*", markers = "python_version < '3.11'" }}
typing-extensions = {{ version = "*", markers = "python_version >= '3.11'" }}

[flows]
iniconfig = "*"
toolz = "*"

[dev-packages]
pluggy = "*"
"""

SOURCE = """
[[tool.poetry.source]]
name = "index"
url = "{index}/"
priority = "primary"

[tool.poetry]
package-mode = false
"""

LOCK = {
    "uv": ("uv", "lock"),
    "poetry": ("poetry", "lock"),
    "pdm": ("pdm", "lock", "--group", ":all"),
    "pipenv": ("pipenv", "lock"),
}
FILES = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}

MAIN = {"click", "six", "typing-extensions"}
GROUP = {"iniconfig", "toolz"}


@cache
def program(tool: str) -> Path:
    """The path of a tool; installed below ``.cache`` when it is needed first."""
    if tool == "uv":
        return Path(find_uv_bin())
    folder = CACHE / tool
    path = folder / "bin" / tool
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / f"{tool}.lock"):
        if not path.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            python = folder / "bin" / "python"
            _uv("venv", "--quiet", "--python", sys.executable, str(folder))
            _uv("pip", "install", "--quiet", "--python", str(python), *PACKAGES[tool])
    return path


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [find_uv_bin(), *arguments],
        env={**os.environ, "UV_CACHE_DIR": str(CACHE / "uv-cache")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"the package index has no {arguments[-1]}: {done.stderr[-300:]}")


def path_with(*tools: str) -> str:
    """PATH with these tools, and without others of the machine."""
    folders = [str(program(tool).parent) for tool in tools]
    return os.pathsep.join([*folders, "/usr/bin", "/bin"])


def index() -> str:
    """The package index that uv uses on this machine, as its lockfiles name it."""
    return "https://pypi" + ".org/simple"


def write(folder: Path, tool: str) -> None:
    """Write what a tool locks: a pyproject.toml, or a Pipfile."""
    folder.mkdir(parents=True, exist_ok=True)
    if tool == "pipenv":
        (folder / "Pipfile").write_text(PIPFILE.format(index=index()))
        return
    source = SOURCE.format(index=index()) if tool == "poetry" else ""
    (folder / "pyproject.toml").write_text(PYPROJECT + source)


def lock(folder: Path, tool: str) -> None:
    """Lock the project in `folder`."""
    name, *arguments = LOCK[tool]
    done = subprocess.run(
        [str(program(name)), *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PATH": path_with(tool),
            "PDM_CHECK_UPDATE": "0",
            "PDM_USE_VENV": "0",
            "PIPENV_IGNORE_VIRTUALENVS": "1",
            "PIPENV_NOSPIN": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def pylock(name: str, version: str) -> str:
    """A ``pylock.toml`` with one package."""
    return f"""\
lock-version = "1.0"
created-by = "test"

[[packages]]
name = "{name}"
version = "{version}"

[[packages.wheels]]
url = "https://files.example.com/{name}-{version}-py3-none-any.whl"
hashes = {{ sha256 = "aa" }}
"""
