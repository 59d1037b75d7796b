"""The parts of a Dockerfile: instructions, words and flags, each with its position in the text.

Offsets count characters of the text; `Lines` turns them into lines and columns.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"}
    | {"MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)


@dataclass(frozen=True)
class Problem:
    """Something the builder would refuse, between two character offsets."""

    message: str
    start: int
    end: int
    help: str = ""


@dataclass(frozen=True)
class Logical:
    """A logical line joined from several lines, with the offset of each character."""

    text: str
    offsets: tuple[int, ...]

    def part(self, start: int, end: int | None = None) -> Logical:
        """The characters from `start` to `end` (positions in `text`)."""
        return Logical(self.text[start:end], self.offsets[start:end])

    @property
    def start(self) -> int:
        """The offset of the first character; 0 for an empty text."""
        return self.offsets[0] if self.offsets else 0

    @property
    def end(self) -> int:
        """The offset after the last character; 0 for an empty text."""
        return self.offsets[-1] + 1 if self.offsets else 0


@dataclass(frozen=True)
class Word:
    """One argument.

    Attributes:
        raw: The text before variables are expanded: continuations removed, JSON strings decoded.
        start: Offset of its first character; for a JSON string, of the opening quote.
        end: Offset after its last character.
        quoted: Whether it is a JSON string.
    """

    raw: str
    start: int
    end: int
    quoted: bool = False


class Pair(NamedTuple):
    """A ``NAME=value`` of ARG, ENV or LABEL; the value is None where only a name is given."""

    name: str
    value: str | None
    start: int
    end: int


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        keyword: In upper case.
        words: The arguments without flags. WORKDIR has one word, because its spaces count.
        flags: Words that start with ``--``, before the arguments; quotes are removed.
        rest: Everything after the flags, for shell commands and ``NAME=value`` pairs.
        heredocs: The names of the heredocs it opens, in order.
        ignored: Rules that a comment above it turns off.
        trigger: For ONBUILD, the instruction it stores.
    """

    keyword: str
    start: int
    end: int
    words: tuple[Word, ...] = ()
    flags: tuple[Word, ...] = ()
    rest: Logical = field(default_factory=lambda: Logical("", ()))
    heredocs: tuple[str, ...] = ()
    ignored: frozenset[str] = frozenset()
    trigger: Instruction | None = None

    def flag(self, name: str) -> str | None:
        """The value of ``--name=value``, "" for a bare ``--name``, None if it is missing."""
        for word in self.flags:
            key, _, value = word.raw[2:].partition("=")
            if key.lower() == name:
                return value
        return None

    @property
    def flag_names(self) -> frozenset[str]:
        """The names of all flags."""
        return frozenset(word.raw[2:].partition("=")[0].lower() for word in self.flags)


@dataclass(frozen=True)
class Dockerfile:
    """A parsed Dockerfile.

    Attributes:
        suppressions: The rules named in ``# flowship: ignore=…`` comments.
    """

    text: str
    instructions: tuple[Instruction, ...]
    problems: tuple[Problem, ...]
    escape: str = "\\"
    directives: frozenset[str] = frozenset()
    suppressions: tuple[Word, ...] = ()


class Lines:
    """Converts a character offset to a line and a column, both counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def place(self, start: int, end: int) -> tuple[int, int, int]:
        """The line, the column, and the column after the end, limited to the same line.

        A byte order mark does not count, because editors do not show it.
        """
        start = min(max(start, 0), len(self._text))
        line = bisect_right(self._starts, start)
        first = self._starts[line - 1]
        last = self._starts[line] - 1 if line < len(self._starts) else len(self._text)
        if last > first and self._text[last - 1] == "\r" and line < len(self._starts):
            last -= 1
        shift = 1 if line == 1 and self._text.startswith("\ufeff") else 0
        column = max(min(start, last) - first - shift, 0)
        after = max(min(end, last) - first - shift, column)
        return line, column + 1, after + 1


def line_of(text: str, number: int) -> str:
    """Line `number` without its line ending and byte order mark, as columns are counted."""
    lines = text.removeprefix("\ufeff").split("\n")
    return lines[number - 1].removesuffix("\r") if 0 < number <= len(lines) else ""
