"""Makes the picture of a real `flowship status` for the README: docs/images/status.svg.

    PYTHONPATH=scripts .venv/bin/python -m parts.engine --program docker-registry \\
      -- .venv/bin/python -m parts.status_picture

It ships a project with two deployments on a real engine, registry, Prefect server and worker, lets
some of its runs fail, edits a file, and keeps what `flowship status --json` prints in
docs/images/status.json, with the usual addresses instead of this machine's. The picture is drawn
from that file, so a test sees without an engine whether it is out of date. `--draw` only draws it
again.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from rich.console import Console
from rich.segment import Segment

from flowship.output import render_status
from flowship.status.record import ProjectStatus
from parts import base_image, session
from parts.engine import connect, say
from parts.ports import free_port
from parts.registry import Registry

PICTURE = session.PICTURE.with_name("status.svg")
RECORDED = session.PICTURE.with_name("status.json")
COMMAND = "flowship status"
COLUMNS = 80

FLOW = """\
from prefect import flow


@flow(log_prints=True)
def trips(month: int = 1):
    if month == 4:
        raise ValueError("the file of April is damaged")
    print(f"month {month}: loaded")
"""
CONFIG = """\
name = "trips"
entrypoint = "trips.py:trips"

[[deployments]]
name = "nightly"
cron = "0 5 * * *"
timezone = "Europe/Berlin"

[[deployments]]
name = "yearly"
cron = "0 6 1 1 *"
paused = true
"""
MONTHS = (1, 2, 3, 4, 5, 6)

COLORS = {
    "green": "#86efac",
    "red": "#fca5a5",
    "yellow": "#fde68a",
    "cyan": "#93c5fd",
}

# --- the real project ----------------------------------------------------------------------------


def record() -> dict[str, Any]:
    """Ship and run the project for real; what `flowship status --json` prints then."""
    engine = connect()
    if engine is None:
        raise SystemExit("no container engine responds")
    base, port = base_image.ensure(engine, say), free_port()
    with tempfile.TemporaryDirectory(prefix="flowship-status-") as kept:
        home, folder = Path(kept), Path(kept) / "trips"
        folder.mkdir()
        (folder / "trips.py").write_text(FLOW + f"# {uuid.uuid4()}\n")
        (folder / "flowship.toml").write_text(CONFIG)
        env = session.environment(home, base)
        with Registry(home / "registry") as registry:
            try:
                return _status(folder, env, registry.address, port)
            finally:
                session.run("flowship down", folder, env)
                (folder / "trips.py").write_text(FLOW)
                for found in engine.images.list(name=f"{registry.address}/trips"):
                    engine.images.remove(str(found.id), force=True)


def _status(folder: Path, env: dict[str, str], registry: str, port: int) -> dict[str, Any]:
    session.run(f"flowship up --port {port}", folder, env)
    session.run(f"flowship ship --repo {registry}/trips", folder, env)
    for month in MONTHS:
        say(f"running month {month}")
        session.run(f"flowship run nightly --param month={month}", folder, env)
    _wait(folder, env)
    (folder / "trips.py").write_text(FLOW + "\n# edited\n")
    text = json.dumps(_read(folder, env))
    text = text.replace(registry, "localhost:5000").replace(f":{port}", ":4200")
    text = re.sub(r"[\w.-]+@" + re.escape(socket.gethostname()), "ada@laptop", text)
    text = text.replace(socket.gethostname(), "laptop")
    found: dict[str, Any] = json.loads(text)
    return found


def _wait(folder: Path, env: dict[str, str]) -> None:
    for _ in range(150):
        [nightly] = [d for d in _read(folder, env)["deployments"] if "nightly" in d["name"]]
        if len(nightly["runs"]) == len(MONTHS) and all(run["ended"] for run in nightly["runs"]):
            return
        time.sleep(2)
    raise SystemExit("the runs did not end")


def _read(folder: Path, env: dict[str, str]) -> dict[str, Any]:
    output = session.run(f"{COMMAND} --json", folder, env)
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


# --- the picture ---------------------------------------------------------------------------------


def drawn(recorded: dict[str, Any]) -> str:
    """The recorded status as an SVG of a terminal window."""
    lines = [_command(), *_lines(recorded)]
    width = round(2 * session.LEFT + COLUMNS * session.CHARACTER)
    height = session.TOP + len(lines) * session.LINE
    dots = "".join(
        f'<circle cx="{session.LEFT + 4 + n * 20}" cy="20" r="6" fill="{color}"/>'
        for n, color in enumerate(("#f87171", "#fbbf24", "#4ade80"))
    )
    texts = [
        f'<text xml:space="preserve" x="{session.LEFT}" y="{session.TOP + n * session.LINE}">'
        f"{line}</text>"
        for n, line in enumerate(lines)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            "<title>What flowship status prints</title>",
            f"<style>{session.STYLE}</style>",
            f'<rect width="{width}" height="{height}" rx="10" fill="#111827"/>',
            dots,
            *texts,
            "</svg>\n",
        ]
    )


def _command() -> str:
    return f'<tspan class="command">$ {COMMAND}</tspan>'


def _lines(recorded: dict[str, Any]) -> Iterator[str]:
    """The lines of the status, each as SVG text with its colors."""
    found = TypeAdapter(ProjectStatus).validate_python(
        {key: value for key, value in recorded.items() if key != "version"}
    )
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    console = Console(file=io.StringIO(), width=COLUMNS, highlight=False, emoji=False)
    for each in render_status.status(found):
        for line in console.render_lines(console.render_str(str(each)), pad=False):
            yield "".join(map(_span, line))


def _span(segment: Segment) -> str:
    text = escape(segment.text, quote=False)
    style = segment.style
    if style is None or not text.strip():
        return text
    color = COLORS.get(style.color.name) if style.color else "#9ca3af" if style.dim else None
    weight = ' font-weight="700"' if style.bold else ""
    fill = f' style="fill: {color}"' if color else ""
    return f"<tspan{fill}{weight}>{text}</tspan>" if fill or weight else text


def main() -> None:
    if "--draw" in sys.argv:
        found = json.loads(RECORDED.read_text(encoding="utf-8"))
    else:
        found = record()
        RECORDED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    PICTURE.write_text(drawn(found), encoding="utf-8")
    say(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
