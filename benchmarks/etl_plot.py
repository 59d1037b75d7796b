"""Plot memory over time as a small SVG, with one panel for each number of rows."""

from __future__ import annotations

import math

Series = list[tuple[float, float]]  # seconds, MB

COLOURS = ("#b0413e", "#0b6e4f", "#1f8ef1", "#8d6a9f", "#c98b1b")
WIDTH, HEIGHT, LEFT, TOP, GAP = 400, 260, 52, 34, 64


def plot(panels: dict[int, dict[str, Series]]) -> str:
    """Return the SVG. Both axes are logarithmic, because the contenders differ widely."""
    width = LEFT + len(panels) * (WIDTH + GAP)
    titles = list(next(iter(panels.values())))
    height = TOP + HEIGHT + 48 + 18 * len(titles)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, (rows, series) in enumerate(panels.items()):
        parts += _panel(LEFT + number * (WIDTH + GAP), rows, series)
    for number, title in enumerate(titles):
        y = TOP + HEIGHT + 56 + 18 * number
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<rect x="{LEFT}" y="{y - 5}" width="24" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + 32}" y="{y}">{title}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: int, rows: int, series: dict[str, Series]) -> list[str]:
    longest = max(points[-1][0] for points in series.values() if points)
    most = max(mb for points in series.values() for _, mb in points)
    seconds, megabytes = (0.1, longest * 1.1), (20.0, most * 1.2)

    def x(value: float) -> float:
        return left + WIDTH * _share(value, *seconds)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - _share(value, *megabytes))

    parts = [f'<text x="{left}" y="{TOP - 12}" font-weight="bold">{rows:,} rows</text>']
    for tick in _ticks(*seconds):
        parts.append(_line(x(tick), TOP, x(tick), TOP + HEIGHT))
        place = f'x="{x(tick):.0f}" y="{TOP + HEIGHT + 16}" text-anchor="middle"'
        parts.append(f"<text {place}>{tick:g} s</text>")
    for tick in _ticks(*megabytes):
        parts.append(_line(left, y(tick), left + WIDTH, y(tick)))
        place = f'x="{left - 6}" y="{y(tick) + 4:.0f}" text-anchor="end"'
        parts.append(f"<text {place}>{tick:g}</text>")
    parts.append(f'<text x="{left}" y="{TOP + HEIGHT + 34}" fill="#666">MB, over seconds</text>')
    for number, points in enumerate(series.values()):
        shown = " ".join(f"{x(s):.1f},{y(mb):.1f}" for s, mb in _thinned(points))
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{shown}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts


def _share(value: float, low: float, high: float) -> float:
    return math.log(max(value, low) / low) / math.log(high / low)


def _ticks(low: float, high: float) -> list[float]:
    steps = [m * 10.0**e for e in range(-2, 6) for m in (1, 2, 5)]
    return [step for step in steps if low <= step <= high]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} stroke="#ddd"/>'


def _thinned(points: Series, most: int = 200) -> Series:
    """Return fewer points, for a small file, without losing the peaks."""
    step = max(1, len(points) // most)
    return [
        max(points[i : i + step], key=lambda point: point[1]) for i in range(0, len(points), step)
    ]
