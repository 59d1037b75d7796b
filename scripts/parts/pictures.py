"""Makes the pictures of a real `flowship status` and `flowship plan`: docs/images/*.svg.

    PYTHONPATH=scripts .venv/bin/python -m parts.engine --program docker-registry \\
      -- .venv/bin/python -m parts.pictures

It ships a project with two deployments on a real engine, registry, Prefect server and worker, and
lets some of its runs fail. A person pauses a schedule and moves another one, and the project is
edited. What the two commands print with ``--json`` is kept in docs/images, with the usual
addresses instead of this machine's. The pictures are drawn from these files, so a test sees without
an engine whether they are out of date. ``--draw`` only draws them again.
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
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter
from rich.console import Console
from rich.segment import Segment

from flowship.deployment.left import Left
from flowship.deployment.plan import Kept, Operation
from flowship.deployment.report import DeployReport
from flowship.output import render_plan, render_status
from flowship.planning.project_plan import ImagePlan, ProjectPlan
from flowship.status.record import ProjectStatus
from parts import base_image, session, window
from parts.engine import connect, say
from parts.night import CONFIG, DAMAGE, FLOW, Night, night
from parts.registry import Registry

if TYPE_CHECKING:
    from rich.console import RenderableType

COLUMNS = 80
MONTHS = (1, 2, 3, 4, 5, 6)
PROJECT = f"""{CONFIG}
[[deployments]]
name = "yearly"
cron = "0 6 1 1 *"
"""
DAMAGED = FLOW.replace("    print", f"{DAMAGE}    print")
COLORS = {
    "green": "#86efac",
    "red": "#fca5a5",
    "yellow": "#fde68a",
    "cyan": "#93c5fd",
}

# --- the real project ----------------------------------------------------------------------------


def record() -> dict[str, Any]:
    """Ship and run the project for real; the name of each command → what it prints then."""
    engine = connect()
    if engine is None:
        raise SystemExit("no container engine responds")
    base = base_image.ensure(engine, say)
    with tempfile.TemporaryDirectory(prefix="flowship-pictures-") as kept:
        home = Path(kept)
        env = session.environment(home, base)
        with (
            Registry(home / "registry") as registry,
            night(home, env, registry.address, engine, DAMAGED, PROJECT) as trips,
        ):
            return _usual(
                _printed(trips), {registry.address: "localhost:5000", f":{trips.port}": ":4200"}
            )


def _printed(trips: Night) -> dict[str, Any]:
    for month in MONTHS:
        say(f"running month {month}")
        trips.start(month)
    trips.until(lambda: all(run["ended"] for run in trips.status()["runs"]))
    [schedule] = trips.status("yearly")["schedules"]
    trips.run("pause", "yearly", "--schedule", schedule["slug"])
    trips.write(f"{DAMAGED}# edited\n")
    status = trips.json("status")
    trips.a_person_moves_the_schedule()
    trips.write(config=PROJECT.replace("2025", "2026"))
    return {"status": status, "plan": trips.json("plan")}


def _usual(found: dict[str, Any], places: dict[str, str]) -> dict[str, Any]:
    """The same with the usual addresses and names instead of this machine's."""
    host = socket.gethostname()
    text = json.dumps(found)
    for real, usual in places.items():
        text = text.replace(real, usual)
    text = re.sub(r"[\w.-]+@" + re.escape(host), "ada@laptop", text).replace(host, "laptop")
    usual_words: dict[str, Any] = json.loads(text)
    return usual_words


# --- the pictures --------------------------------------------------------------------------------


class Picture(NamedTuple):
    """What a command prints.

    Attributes:
        name: Of the command, and of the files.
        lines: Renders what was recorded.
    """

    name: str
    lines: Callable[[dict[str, Any]], list[RenderableType]]

    @property
    def recorded(self) -> Path:
        """What the command printed with ``--json``."""
        return session.PICTURE.with_name(f"{self.name}.json")

    @property
    def file(self) -> Path:
        """The picture."""
        return session.PICTURE.with_name(f"{self.name}.svg")

    def drawn(self) -> str:
        """What was recorded as an SVG of a terminal window."""
        found = json.loads(self.recorded.read_text(encoding="utf-8"))
        del found["version"]
        command = f"flowship {self.name}"
        lines = [
            window.Line(f"$ {command}", "command"),
            *map(window.Line, _spans(self.lines(found))),
        ]
        return window.drawn(f"What {command} prints", lines, COLUMNS)


def _status(found: dict[str, Any]) -> list[RenderableType]:
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    return render_status.status(TypeAdapter(ProjectStatus).validate_python(found))


def _plan(found: dict[str, Any]) -> list[RenderableType]:
    images = tuple(_image_plan(each, found["api_url"]) for each in found["images"])
    return render_plan.project(
        ProjectPlan("trips", None, found["api_url"], found["release"], images)
    )


def _image_plan(found: dict[str, Any], api_url: str) -> ImagePlan:
    not_shown: Any = None
    report = DeployReport(
        image=found["image"],
        platform=found["platform"],
        pushed=False,
        api_url=api_url,
        operations=TypeAdapter(tuple[Operation, ...]).validate_python(found["operations"]),
        block=not_shown,
        pool=not_shown,
        deployments=(),
        moved=tuple(found["moved"]),
        warnings=(),
        kept=TypeAdapter(tuple[Kept, ...]).validate_python(found["kept"]),
        left=TypeAdapter(tuple[Left, ...]).validate_python(found["left"]),
    )
    return ImagePlan(found["name"], found["action"], report, tuple(found["reasons"]))


PICTURES = (Picture("status", _status), Picture("plan", _plan))


def _spans(lines: list[RenderableType]) -> Iterator[str]:
    """Lines of a terminal, each as SVG text with its colors."""
    console = Console(file=io.StringIO(), width=COLUMNS, highlight=False, emoji=False)
    for each in lines:
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
    found = {} if "--draw" in sys.argv else record()
    for picture in PICTURES:
        if found:
            text = json.dumps(found[picture.name], indent=1)
            picture.recorded.write_text(f"{text}\n", encoding="utf-8")
        picture.file.write_text(picture.drawn(), encoding="utf-8")
        say(f"wrote {picture.file}")


if __name__ == "__main__":
    main()
