"""How to call Prefect's own program in advice.

Prefect is installed with flowship, but its program may not be on PATH: `uv tool install` and
`pipx install` link only flowship's. And the environment of a project may have another server than
the active profile.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass


@dataclass
class _Chosen:
    """The profile that Prefect's commands need; empty for the active one."""

    profile: str = ""


_chosen = _Chosen()


def choose_profile(name: str) -> None:
    """From now on, commands name this profile; empty where Prefect itself would use the server
    that this command is about."""
    _chosen.profile = name


def prefect_command(arguments: str) -> str:
    """Return the command line for `prefect` with these arguments, as it works on this machine.

    Args:
        arguments: As a shell takes them.

    Returns:
        ``prefect …`` if the program is on PATH, else a call of the Prefect that is installed with
        flowship. It begins with ``PREFECT_PROFILE=…`` if `choose_profile` says so.
    """
    profile = _profile()
    if shutil.which("prefect"):
        return f"{profile}prefect {arguments}"
    return f"{profile}{shlex.quote(sys.executable)} -m prefect {arguments}"


def up_command(name: str = "up") -> str:
    """``flowship up`` or ``flowship down`` for the server that this command is about: they use the
    active profile, whatever the environment."""
    return f"{_profile()}flowship {name}"


def set_api_command(url: str = "URL") -> str:
    """The command that stores the address of the server that this command is about."""
    profile = f" --profile {shlex.quote(_chosen.profile)}" if _chosen.profile else ""
    return f"flowship profile set-api {url}{profile}"


def _profile() -> str:
    return f"PREFECT_PROFILE={shlex.quote(_chosen.profile)} " if _chosen.profile else ""
