"""Install Debian packages of missing programs, as root on Debian or Ubuntu."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

Report = Callable[[str], None]

# Folders of daemons; the PATH of a normal user does not contain them.
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")

POLICY = Path("/usr/sbin/policy-rc.d")


class CannotInstall(Exception):
    """A program is missing and cannot be installed; the message says why and what to do."""


def which(program: str) -> str | None:
    """Return the path of a program, including those in the folders of daemons."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])
    return shutil.which(program, path=path)


def can_install() -> bool:
    """Return whether packages can be installed: as root, with apt-get."""
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
            f"{names} not found; it can be installed automatically only as root on Debian or Ubuntu"
            f" (apt-get install {names})"
        )
    report(f"installing Debian packages: {names}")
    with _services_stay_off():
        # A broken third-party package list must not stop this; the install below decides.
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
    """Keep packages from starting their services: the parts start and stop their own."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
