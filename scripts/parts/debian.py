"""Debian packages, where we are root on Debian or Ubuntu and a program is missing."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

Report = Callable[[str], None]

# Where daemons live; a plain user's PATH does not have them.
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

POLICY = Path("/usr/sbin/policy-rc.d")


class CannotInstall(Exception):
    """A program is missing and cannot be installed here; the text says why and what to do."""


def which(program: str) -> str | None:
    """The program's path, looked for among the daemons too."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])
    return shutil.which(program, path=path)


def can_install() -> bool:
    """Whether packages can be installed at all: root, and apt-get."""
    return os.geteuid() == 0 and which("apt-get") is not None


def ensure(programs: Mapping[str, str], report: Report) -> None:
    """Install the packages of those `programs` (name → package) that are missing.

    Raises:
        CannotInstall: Not root, not Debian, or apt-get failed.
    """
    missing = sorted({package for name, package in programs.items() if not which(name)})
    if not missing:
        return
    names = " ".join(missing)
    if not can_install():
        raise CannotInstall(
            f"{names}: missing, and only root on Debian or Ubuntu can have it installed from here"
            f" (there: apt-get install {names})"
        )
    report(f"installing Debian packages: {names}")
    with _services_stay_off():
        # A third party's broken package list must not stop us: what counts is the install.
        _apt("update", check=False)
        _apt("install", "-y", "--no-install-recommends", *missing)


def _apt(*arguments: str, check: bool = True) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-q", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if check and done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise CannotInstall(f"apt-get {' '.join(arguments)} failed:\n{tail}")


@contextlib.contextmanager
def _services_stay_off() -> Iterator[None]:
    """Keep packages from starting their services: we start what we need, and stop it again."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
