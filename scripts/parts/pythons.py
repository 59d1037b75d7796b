"""Virtual environments for the unit tests on the other Pythons of this machine.

    python -m parts.pythons

creates `.cache/python3.X` for every supported Python on this machine, except for the one that
runs this, and installs the packages that requirements.lock pins. If nothing has changed, it does
nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"

VERSIONS = tuple(f"3.{minor}" for minor in range(10, 15))
"""The supported versions: `requires-python` and newer releases."""

OTHERS = tuple(v for v in VERSIONS if v != f"{sys.version_info[0]}.{sys.version_info[1]}")

PROBE = "import sys, venv; print('%d.%d' % sys.version_info[:2])"


class CannotPrepare(Exception):
    """An environment could not be created; the message is uv's output."""


def find(version: str) -> str | None:
    """Return the path of an interpreter of that version, or None.

    The name of a file is not enough: pyenv has a `python3.12` on PATH even if that version is not
    selected, and running it then fails.
    """
    named = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    installed = sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
    for candidate in [*([named] if named else []), *map(str, installed)]:
        done = subprocess.run([candidate, "-c", PROBE], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate
    return None


def environment(version: str) -> Path:
    """Return the folder of that version's virtual environment, which may not exist yet."""
    return CACHE / f"python{version}"


def is_ready(version: str) -> bool:
    """Return whether that version's environment is up to date with the lock."""
    stamp = environment(version) / "flowship-setup"
    return stamp.is_file() and stamp.read_text() == _fingerprint()


def prepare(version: str, interpreter: str) -> None:
    """Create that version's environment with `interpreter`, unless it is ready.

    Raises:
        CannotPrepare: uv failed.
    """
    if is_ready(version):
        return
    folder = environment(version)
    python = str(folder / "bin" / "python")
    _uv("venv", "--clear", "--no-project", "--python", interpreter, str(folder))
    _uv("pip", "sync", "--python", python, "--require-hashes", str(ROOT / "requirements.lock"))
    options = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    _uv("pip", "install", "--python", python, *options)
    (folder / "flowship-setup").write_text(_fingerprint())


def _uv(*arguments: str) -> None:
    environ = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    command = [find_uv_bin(), *arguments, "--quiet"]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise CannotPrepare(f"uv {' '.join(arguments[:2])}: {done.stderr.strip()}")


def _fingerprint() -> str:
    digest = hashlib.sha256(str(ROOT).encode())
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Prepare every Python on this machine, and report those that cannot be prepared."""
    for version in OTHERS:
        interpreter = find(version)
        if interpreter is None or is_ready(version):
            continue
        print(f"==> installing the locked dependencies for Python {version}", file=sys.stderr)
        try:
            prepare(version, interpreter)
        except CannotPrepare as exc:
            print(f"!!! Python {version} cannot be tested: {exc}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
