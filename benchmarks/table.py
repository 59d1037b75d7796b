"""The table that `benchmarks/run` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measure import Measured, Ratio


@dataclass(frozen=True)
class Row:
    """One line of the result.

    Attributes:
        what: What was compared.
        ours: Seconds of each round, flowship's.
        theirs: Likewise the peer's; empty where flowship is measured alone.
        cpu: Median CPU seconds of ours and theirs; 0 where they say nothing.
        ratio: Ours to theirs.
        target: The ratio that must not be exceeded; None for what is only reported.
    """

    what: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    cpu: tuple[float, float] = (0.0, 0.0)
    ratio: Ratio | None = None
    target: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a target and the medians do not meet it."""
        return bool(self.target and self.ratio and self.ratio.of_medians > self.target)


def row(
    what: str, measured: Measured, ours: str, theirs: str = "", target: float | None = None
) -> Row:
    """The line that compares two of what was measured, or reports one."""
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
    """The rows as a Markdown table: median (lowest to highest) in seconds."""
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
    """``1.23 (1.20-1.31)``."""
    if not walls:
        return ""
    return f"{median(walls):.2f} ({min(walls):.2f}-{max(walls):.2f})"
