"""Shortens the tracebacks in a run's log: the frames of the flow's own files, each error once.

Prefect logs one error up to three times (task, flow, engine), and most of its frames are
Prefect's own. The complete traceback stays on the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

# The lines between the exceptions of one traceback, as Python writes them.
_LINKS = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
# A group of exceptions has a margin: "  + " at its head, "  | " at each further line.
_HEAD = re.compile(
    r"^(?:  \+ Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE
)
_FRAME = re.compile(r'(?P<margin>(?:  \| )?  )File "(?P<file>[^"\n]+)", line \d+')
_FOREIGN = re.compile(
    r"/(?:site|dist)-packages/(?:(?P<prefect>prefect(?:_\w+)?)|(?P<flowship>flowship)/(?!etl/))"
    r"|^<frozen importlib"
)
"""Files of Prefect, of flowship (except the included flow), and of Python's import system."""


@dataclass(frozen=True)
class _Frame:
    lines: tuple[str, ...]
    margin: str
    package: str  # of a frame that is folded; empty for others


@dataclass
class _Part:
    """One exception of a traceback: its first line, its frames, and its text."""

    head: str = ""
    frames: list[_Frame] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    link: str = ""  # how it leads to the next one

    @property
    def own(self) -> tuple[_Frame, ...]:
        """The frames that are shown."""
        return tuple(frame for frame in self.frames if not frame.package)


class TracebackFolder:
    """Folds the tracebacks in the messages of one run; remembers which errors it has shown."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[_Frame, ...]] = {}

    def fold(self, message: str) -> str:
        """The message with a short traceback; unchanged if it has none.

        Frames of Prefect and flowship become one line, and frames that an earlier message
        showed for the same error are left out. The last line is the cause.
        """
        found = _HEAD.search(message)
        if not found:
            return message
        parts = _parts(message[found.start() :])
        if all(self._new_frames(part) == () for part in parts):
            parts = parts[-1:]
        own = any(part.own for part in parts)
        lines = [line for part in parts for line in self._lines(part, hidden=own and not part.own)]
        return message[: found.start()] + "\n".join(f"  {line}".rstrip() for line in lines)

    def _new_frames(self, part: _Part) -> tuple[_Frame, ...] | None:
        """The frames above those that were shown for this exception; None if it was not shown."""
        shown = self._shown.get("\n".join(part.text))
        above = len(part.own) - len(shown or ())
        return part.own[:above] if shown is not None and part.own[above:] == shown else None

    def _lines(self, part: _Part, *, hidden: bool) -> Iterator[str]:
        """The lines of one exception; only its text if `hidden`."""
        new = self._new_frames(part)
        self._shown["\n".join(part.text)] = part.own
        frames = part.frames if new is None else new
        if frames and not hidden:
            yield part.head
            yield from _folded(frames)
        if new is not None and part.text:
            yield f"{part.text[0]} (shown above)"
        else:
            yield from part.text
        if part.link:
            yield part.link


def _folded(frames: Iterable[_Frame]) -> Iterator[str]:
    for (package, margin), found in groupby(frames, key=lambda f: (f.package, f.margin)):
        run = list(found)
        if package:
            yield f"{margin}… {len(run)} frame{'s' * (len(run) > 1)} of {package}"
        else:
            yield from (line for frame in run for line in frame.lines)


def _parts(trace: str) -> list[_Part]:
    """The exceptions of a traceback; the cause is the last one."""
    parts = [_Part()]
    for line in trace.rstrip().splitlines():
        part = parts[-1]
        if line in _LINKS:
            part.link = line
            while part.text and not part.text[-1]:
                part.text.pop()
            parts.append(_Part())
        elif part.text:
            part.text.append(line)
        elif _HEAD.match(line):
            part.head = line
        elif found := _FRAME.match(line):
            part.frames.append(_Frame((line,), found["margin"], _package(found["file"])))
        elif part.frames and line.startswith(part.frames[-1].margin):  # the code of a frame
            last = part.frames[-1]
            part.frames[-1] = _Frame((*last.lines, line), last.margin, last.package)
        elif line:
            part.text.append(line)
    return parts


def _package(file: str) -> str:
    found = _FOREIGN.search(file)
    if not found:
        return ""
    return "Prefect" if found["prefect"] else "flowship" if found["flowship"] else "Python"
