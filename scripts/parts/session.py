"""Makes the picture of a real session for the README: docs/images/session.svg.

    PYTHONPATH=scripts .venv/bin/python -m parts.engine --program docker-registry \\
      -- .venv/bin/python -m parts.session

It runs the commands of `TOUR` in an empty folder, on a real engine, registry, Prefect server and
worker, and draws what they print. Lines of build steps and transfers are left out ("…"), and the
addresses are the usual ones instead of this machine's free ports; digests are cut short.
tests/repository/test_shown.py runs the same commands and compares.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import textwrap
import uuid
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from parts import base_image, window
from parts.engine import connect, say
from parts.ports import free_port
from parts.registry import Registry

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "session.svg"
FLOWSHIP = Path(sys.executable).with_name("flowship")

TOUR = (
    "flowship init",
    "flowship up",
    'flowship ship --repo localhost:5000/hello --cron "0 5 * * *"',
    "flowship run --watch",
)
"""The commands in the picture; `flowship down` follows and is not drawn."""

ELIDED = re.compile(
    r" +\[\d+/\d+\] |      \S|  [0-9a-f]{12}: |• (?:sending|pulling|[A-Z])"
    r"|  (?:page|next:|database|log)|.*(?:\.log\b|profile)"
    r"|\d\d:\d\d:\d\d (?!.*letters)"
)
"""Lines that the picture leaves out: build steps, transfers, states, logs that are not the
flow's own, and this machine's paths."""


class Shown(NamedTuple):
    """A command and what it printed."""

    command: str
    output: str


# --- the session ---------------------------------------------------------------------------------


def environment(home: Path, base: str) -> dict[str, str]:
    """The user's environment, with everything that is kept sent to `home`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "FLOWSHIP_"))}
    return clean | {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_PROFILES_PATH": str(home / "prefect" / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
        "FLOWSHIP_STATE_DIR": str(home / "state"),
        "FLOWSHIP_BASE_IMAGE": base,
    }


def run(command: str, folder: Path, env: dict[str, str]) -> str:
    """Run a command as a user would; what it printed, on both streams."""
    words = shlex.split(command)
    done = subprocess.run(
        [str(FLOWSHIP), *words[1:]],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command} failed with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout


def play() -> list[Shown]:
    """Run the tour for real."""
    engine = connect()
    if engine is None:
        raise SystemExit("no container engine responds")
    base = base_image.ensure(engine, say)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="flowship-session-") as kept:
        home, folder = Path(kept), Path(kept) / "hello"
        folder.mkdir()
        env = environment(home, base)
        with Registry(home / "registry") as registry:
            try:
                return [
                    Shown(command, played(command, folder, env, registry.address, port))
                    for command in TOUR
                ]
            finally:
                run("flowship down", folder, env)
                name = run("flowship build --json", folder, env)
                for tag in {f"{registry.address}/{image(name)}", image(name)}:
                    engine.api.remove_image(tag, force=True)


def image(output: str) -> str:
    """The image's name in what `flowship build --json` printed."""
    return str(json.loads(output.splitlines()[-1])["image"])


def played(command: str, folder: Path, env: dict[str, str], registry: str, port: int) -> str:
    """What one command of the tour prints, with the usual addresses."""
    say(command)
    real = command.replace("localhost:5000", registry)
    real += f" --port {port}" if command == "flowship up" else ""
    output = run(real, folder, env)
    if command == "flowship init":  # an image of an earlier session must not be found
        with (folder / "docker-requirements.txt").open("a") as file:
            file.write(f"# {uuid.uuid4()}\n")
    output = output.replace(registry, "localhost:5000").replace(f":{port}", ":4200")
    output = re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]+", r"\1…", output)
    return re.sub(rf"flowship-{re.escape(socket.gethostname())}-[0-9a-f]+", "…", output)


# --- the picture ---------------------------------------------------------------------------------

COLUMNS = 96
STYLES = (
    (r"\$ ", "command"),
    (r"✓|  \+ ", "good"),
    (r"•|…|  ", "dim"),
    (r"\d\d:\d\d:\d\d", "log"),
)


def shortened(output: str) -> Iterator[str]:
    """The lines of an output, each run of elided lines as one "…", long lines broken."""
    elided = False
    for line in output.rstrip().splitlines():
        if ELIDED.match(line):
            if not elided:
                yield "…"
            elided = True
            continue
        elided = False
        yield from textwrap.wrap(
            line,
            COLUMNS,
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=False,
        ) or [""]


def style(line: str) -> str:
    return next((name for pattern, name in STYLES if re.match(pattern, line)), "plain")


def drawn(session: list[Shown]) -> str:
    """The session as an SVG of a terminal window."""
    texts: list[str] = []
    for shown in session:
        texts += [f"$ {shown.command}", *shortened(shown.output), ""]
    lines = [window.Line(escape(text, quote=False), style(text)) for text in texts]
    return window.drawn("A terminal session with flowship", lines, COLUMNS)


def main() -> None:
    text = drawn(play())
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(text, encoding="utf-8")
    say(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
