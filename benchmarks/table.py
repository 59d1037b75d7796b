"""The table of `benchmarks/run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measure import Measured, Ratio


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        what: The title of the comparison.
        ours: Seconds of each round of flowship.
        theirs: Seconds of each round of the peer; empty if there is no peer.
        cpu: Median CPU seconds of ours and theirs; 0 if not measured.
        ratio: The ratio of ours to theirs.
        target: The highest allowed ratio; None if there is no target.
    """

    what: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    cpu: tuple[float, float] = (0.0, 0.0)
    ratio: Ratio | None = None
    target: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a target that the medians exceed."""
        return bool(self.target and self.ratio and self.ratio.of_medians > self.target)


def row(
    what: str, measured: Measured, ours: str, theirs: str = "", target: float | None = None
) -> Row:
    """Return the row that compares two commands, or shows one."""
    if not theirs:
        return Row(what, measured.walls(ours), cpu=(measured.cpu(ours), 0.0))
    return Row(
        what,
        measured.walls(ours),
        measured.walls(theirs),
        (measured.cpu(ours), measured.cpu(theirs)),
        measured.compare(ours, theirs),
        target,
    )


HEAD = ("what", "flowship", "peer", "CPU", "ratio", "of pairs", "target", "")


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table: median (lowest to highest) in seconds."""
    cells = [HEAD, *(_cells(r) for r in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _cells(r: Row) -> tuple[str, ...]:
    return (
        r.what,
        seconds(r.ours),
        seconds(r.theirs),
        " / ".join(f"{c:.2f}" for c in r.cpu if c),
        f"{r.ratio.of_medians:.2f}" if r.ratio else "",
        f"{r.ratio.of_pairs:.2f}" if r.ratio else "",
        f"≤ {r.target}" if r.target else "",
        ("MISSED" if r.missed else "met") if r.target else "",
    )


def seconds(walls: Sequence[float]) -> str:
    """Return median, lowest and highest as ``1.23 (1.20-1.31)``."""
    if not walls:
        return ""
    return f"{median(walls):.2f} ({min(walls):.2f}-{max(walls):.2f})"
