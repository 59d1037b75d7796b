"""Draws the package as it is: folders and root modules as boxes, imports as arrows.

    PYTHONPATH=scripts .venv/bin/python -m parts.architecture          # writes the picture
    PYTHONPATH=scripts .venv/bin/python -m parts.architecture --text   # prints who imports whom

The picture is docs/images/architecture.svg; tests/repository/test_architecture.py fails when it
is out of date. Arrows that follow from others are left out, and so are those to the foundations,
which everything may import.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "flowship"
PICTURE = ROOT / "docs" / "images" / "architecture.svg"

LAYERS: dict[str, tuple[str, ...]] = {
    "command line": ("cli", "commands", "output"),
    "order of the steps": (
        *("pipeline", "operate", "per_image", "promotion", "image_choice", "scope", "doctor"),
    ),
    "steps": ("check", "image", "push", "deploy"),
    "subjects": (
        *("build_request", "config", "project", "dockerfile", "engine", "probe", "trial", "runs"),
        *("releases", "status"),
        *("registry", "planning", "deployment", "prefect", "local"),
    ),
    "inside the image": ("etl", "blocks"),
    "foundations": ("errors", "events", "redaction", "http_client", "rewriting"),
}
"""Every folder and every module of the package's root, from the top down."""

Edge = tuple[str, str]

# --- the imports ---------------------------------------------------------------------------------


def room(path: Path) -> str:
    """The folder of the package, or the root module, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms() -> set[str]:
    """All folders with Python files, and all modules of the root."""
    return {room(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}


def imported(node: ast.AST) -> Iterator[str]:
    """The dotted names of flowship's own that an import statement brings in."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module == "flowship":
        yield from (f"flowship.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


def imports() -> dict[Edge, int]:
    """Which room imports which, with the number of modules that do.

    Imports within functions and for types count too: they are dependencies all the same.
    """
    found: dict[Edge, set[Path]] = defaultdict(set)
    known = rooms()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in imported(node):
                start, _, rest = name.partition(".")
                target = rest.partition(".")[0]
                if start == "flowship" and target in known and target != room(path):
                    found[room(path), target].add(path)
    return {edge: len(paths) for edge, paths in found.items()}


def layer_of(name: str) -> int:
    """The number of the layer that a room is in; 0 is at the top."""
    for number, names in enumerate(LAYERS.values()):
        if name in names:
            return number
    raise SystemExit(f"src/flowship/{name} is in no layer: add it to LAYERS in {__file__}")


# --- the graph -----------------------------------------------------------------------------------


def reachable(start: str, edges: set[Edge]) -> set[str]:
    """Every room that `start` imports, directly or not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        at = waiting.pop()
        following = {b for a, b in edges if a == at} - found
        found |= following
        waiting += sorted(following)
    return found


def without_circles(weights: dict[Edge, int]) -> tuple[set[Edge], set[Edge]]:
    """The edges of a graph without circles, and the edges that would close one.

    The edges that most modules use come first, so it is the weaker direction that is left over.
    """
    kept: set[Edge] = set()
    closing: set[Edge] = set()
    for edge in sorted(weights, key=lambda e: (-weights[e], e)):
        (closing if edge[0] in reachable(edge[1], kept) else kept).add(edge)
    return kept, closing


def reduced(edges: set[Edge]) -> set[Edge]:
    """The edges that do not follow from others."""
    return {edge for edge in edges if edge[1] not in reachable(edge[0], edges - {edge})}


def ranks(edges: set[Edge]) -> list[tuple[str, list[str]]]:
    """The rows of the picture, top down, each with its layer's title."""
    rows: list[tuple[str, list[str]]] = []
    present = rooms()
    for title, names in LAYERS.items():
        here = [name for name in names if name in present]
        inner = {(a, b) for a, b in edges if a in here and b in here}
        depth = dict.fromkeys(here, 0)
        for _ in here:  # the longest path is no longer than there are rooms
            for a, b in sorted(inner):
                depth[b] = max(depth[b], depth[a] + 1)
        for level in sorted(set(depth.values())):
            rows.append((title, [name for name in here if depth[name] == level]))
    return rows


# --- the picture ---------------------------------------------------------------------------------

WIDTH, MARGIN, LABELS = 980, 16, 150
BOX, HEIGHT, GAP = 112, 34, 46
COLOURS = ("#dbeafe", "#e0e7ff", "#dcfce7", "#fef9c3", "#fae8ff", "#e5e7eb")


def ordered(rows: list[tuple[str, list[str]]], edges: set[Edge]) -> list[tuple[str, list[str]]]:
    """The rows, each sorted by where the rooms that import its rooms are: fewer arrows cross."""
    at: dict[str, float] = {}

    def above(name: str) -> float:
        found = [at[a] for a, b in edges if b == name and a in at]
        return sum(found) / len(found) if found else 0.5

    result = []
    for title, unsorted in rows:
        names = sorted(unsorted, key=lambda name: (above(name), name))
        at |= {name: (n + 0.5) / len(names) for n, name in enumerate(names)}
        result.append((title, names))
    return result


def places(rows: list[tuple[str, list[str]]]) -> dict[str, tuple[float, float]]:
    """The upper left corner of each room's box."""
    found: dict[str, tuple[float, float]] = {}
    room_for = WIDTH - LABELS - 2 * MARGIN
    for number, (_, names) in enumerate(rows):
        step = room_for / len(names)
        for n, name in enumerate(names):
            x = LABELS + MARGIN + step * (n + 0.5) - BOX / 2
            found[name] = (x, MARGIN + number * (HEIGHT + GAP))
    return found


def arrow(start: tuple[float, float], end: tuple[float, float], *, circle: bool) -> str:
    """A curve from the lower edge of a box to the upper edge of another (or back up)."""
    down = end[1] >= start[1]
    x1, y1 = start[0] + BOX / 2, start[1] + (HEIGHT if down else 0)
    x2, y2 = end[0] + BOX / 2, end[1] + (0 if down else HEIGHT)
    if start[1] == end[1]:  # next to each other
        right = end[0] > start[0]
        x1, y1 = start[0] + (BOX if right else 0), start[1] + HEIGHT / 2
        x2, y2 = end[0] + (0 if right else BOX), end[1] + HEIGHT / 2
    half = (y1 + y2) / 2
    kind = ' class="circle"' if circle else ""
    mark = "circle" if circle else "end"
    return (
        f'<path{kind} d="M{x1:.0f},{y1:.0f} C{x1:.0f},{half:.0f} {x2:.0f},{half:.0f} '
        f'{x2:.0f},{y2:.0f}" marker-end="url(#{mark})"/>'
    )


STYLE = """\
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2937; }
.room { font-weight: 600; text-anchor: middle; }
.layer { fill: #6b7280; }
rect { stroke: #6b7280; rx: 6px; }
path { fill: none; stroke: #6b7280; stroke-width: 1.2; }
path.circle { stroke: #dc2626; stroke-dasharray: 5 3; }
marker path { fill: #6b7280; stroke: none; }
#circle path { fill: #dc2626; }
.page { fill: #ffffff; stroke: none; }"""


def marker(name: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0,0 L8,4 L0,8 z"/></marker>'
    )


def picture() -> str:
    """The picture, as SVG."""
    for name in sorted(rooms()):
        layer_of(name)
    kept, closing = without_circles(imports())
    foundations = set(LAYERS["foundations"])
    shown = {edge for edge in reduced(kept) if edge[1] not in foundations}
    rows = ordered(ranks(kept), shown)
    at = places(rows)
    height = 2 * MARGIN + len(rows) * (HEIGHT + GAP) - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        "<title>flowship: folders and root modules; an arrow is an import</title>",
        f"<style>{STYLE}</style>",
        f"<defs>{marker('end')}{marker('circle')}</defs>",
        '<rect class="page" width="100%" height="100%"/>',
    ]
    lines += [arrow(at[a], at[b], circle=False) for a, b in sorted(shown)]
    lines += [arrow(at[a], at[b], circle=True) for a, b in sorted(closing)]
    titled = set()
    for title, names in rows:
        y = at[names[0]][1]
        if title not in titled:
            titled.add(title)
            lines.append(f'<text class="layer" x="{MARGIN}" y="{y + 22:.0f}">{title}</text>')
        for name in names:
            label = f"{name}/" if (PACKAGE / name).is_dir() else f"{name}.py"
            x = at[name][0]
            colour = COLOURS[layer_of(name)]
            lines.append(
                f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX}" height="{HEIGHT}" fill="{colour}"/>'
                f'<text class="room" x="{x + BOX / 2:.0f}" y="{y + 22:.0f}">{escape(label)}</text>'
            )
    return "\n".join([*lines, "</svg>"]) + "\n"


def text() -> str:
    """Who imports whom, a room a line."""
    found: dict[str, list[str]] = defaultdict(list)
    for a, b in sorted(imports()):
        found[a].append(b)
    circles = without_circles(imports())[1]
    lines = [f"{name} → {', '.join(found[name])}" for name in sorted(found)]
    return "\n".join([*lines, *(f"circle: {a} → {b}" for a, b in sorted(circles))]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the package's folders and their imports.")
    parser.add_argument("--text", action="store_true", help="print who imports whom instead")
    if parser.parse_args().text:
        sys.stdout.write(text())
        return
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
