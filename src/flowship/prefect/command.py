"""How to call Prefect's own program in advice.

Prefect is installed with flowship, but its program may not be on PATH: `uv tool install` and
`pipx install` link only flowship's.
"""

from __future__ import annotations

import shlex
import shutil
import sys


def prefect_command(arguments: str) -> str:
    """Return the command line for `prefect` with these arguments, as it works on this machine.

    Args:
        arguments: As a shell takes them.

    Returns:
        ``prefect …`` if the program is on PATH, else a call of the Prefect that is installed with
        flowship.
    """
    if shutil.which("prefect"):
        return f"prefect {arguments}"
    return f"{shlex.quote(sys.executable)} -m prefect {arguments}"
