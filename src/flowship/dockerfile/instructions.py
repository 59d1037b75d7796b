"""A Dockerfile as its instructions, each word with its exact place in the text.

The reader follows the builder's own line grammar (moby/buildkit, frontend/dockerfile/parser):
continuations with comments and empty lines inside, words broken by a continuation, the escape
directive, heredocs, JSON form that falls back to words. It accepts any text: what the builder
would refuse becomes a `Problem`, never an exception. Offsets count characters of the text.
"""

from __future__ import annotations

import difflib
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

KEYWORDS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"}
    | {"MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)

# Go's `[\t\v\f\r ]+`, which is what splits words; other Unicode space belongs to a word.
_SPACE = "\t\v\f\r "
_WORD = re.compile(rf"[^{_SPACE}]+")
_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.+?)[ \t]*\r?\Z")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]*)\Z")
_ALLOWANCE = re.compile(r"#\s*flowship:\s*ignore\s*=\s*([\w-]+(?:\s*,\s*[\w-]+)*)")


@dataclass(frozen=True)
class Problem:
    """Something the builder would refuse, between two character offsets."""

    message: str
    start: int
    end: int
    help: str = ""


@dataclass(frozen=True)
class Logical:
    """Text put together from several lines, and where each character of it stands."""

    text: str
    offsets: tuple[int, ...]

    def part(self, start: int, end: int | None = None) -> Logical:
        """The characters from `start` to `end` (positions in `text`)."""
        return Logical(self.text[start:end], self.offsets[start:end])

    @property
    def start(self) -> int:
        """The offset of the first character; of nothing, 0."""
        return self.offsets[0] if self.offsets else 0

    @property
    def end(self) -> int:
        """The offset behind the last character; of nothing, 0."""
        return self.offsets[-1] + 1 if self.offsets else 0


@dataclass(frozen=True)
class Word:
    """One argument.

    Attributes:
        raw: As the variables' expansion gets it: continuations taken out; in JSON form decoded.
        start: Offset of its first character; in JSON form of its opening quote.
        end: Offset behind its last character.
        quoted: Whether it is a JSON string.
    """

    raw: str
    start: int
    end: int
    quoted: bool = False


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        keyword: In upper case; for an unknown instruction, what stands there.
        words: The arguments without flags; one word for WORKDIR, whose spaces count.
        flags: Words that begin with ``--``, before the arguments; their quotes are taken off.
        rest: Everything behind the flags, for shell commands and ``NAME=value`` pairs.
        heredocs: The names of the heredocs it opens, in their order.
        allowed: Rules that a comment above it allows.
        trigger: For ONBUILD, the instruction it stores.
    """

    keyword: str
    start: int
    end: int
    words: tuple[Word, ...] = ()
    flags: tuple[Word, ...] = ()
    rest: Logical = field(default_factory=lambda: Logical("", ()))
    heredocs: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()
    trigger: Instruction | None = None

    def flag(self, name: str) -> str | None:
        """The value of ``--name=value``, "" for a bare ``--name``, None when not given."""
        for word in self.flags:
            key, _, value = word.raw[2:].partition("=")
            if key.lower() == name:
                return value
        return None

    @property
    def flag_names(self) -> frozenset[str]:
        """The names of all flags given."""
        return frozenset(word.raw[2:].partition("=")[0].lower() for word in self.flags)


@dataclass(frozen=True)
class Dockerfile:
    """A whole Dockerfile, read.

    Attributes:
        allowances: Each rule that a comment allows, where it stands there.
    """

    text: str
    instructions: tuple[Instruction, ...]
    problems: tuple[Problem, ...]
    escape: str = "\\"
    directives: frozenset[str] = frozenset()
    allowances: tuple[Word, ...] = ()


class Lines:
    """From a character offset to line and column, both counted from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def place(self, start: int, end: int) -> tuple[int, int, int]:
        """Line, column, and the column behind the end, which stays on that line.

        A byte order mark does not count: no editor shows it.
        """
        start = min(max(start, 0), len(self._text))
        line = bisect_right(self._starts, start)
        first = self._starts[line - 1]
        last = self._starts[line] - 1 if line < len(self._starts) else len(self._text)
        if last > first and self._text[last - 1] == "\r" and line < len(self._starts):
            last -= 1
        shift = 1 if line == 1 and self._text.startswith("\ufeff") else 0
        column = max(min(start, last) - first - shift, 0)
        behind = max(min(end, last) - first - shift, column)
        return line, column + 1, behind + 1


def line_of(text: str, number: int) -> str:
    """Line `number` as a `Finding`'s columns count it: no line end, no byte order mark."""
    lines = text.removeprefix("\ufeff").split("\n")
    return lines[number - 1].removesuffix("\r") if 0 < number <= len(lines) else ""


def parse(text: str) -> Dockerfile:
    """Read any text as a Dockerfile."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.escape = "\\"
        self.directives: set[str] = set()
        self.instructions: list[Instruction] = []
        self.problems: list[Problem] = []
        self.allowed: frozenset[str] = frozenset()
        self.allowances: list[Word] = []
        start = 1 if text.startswith("\ufeff") else 0
        ends = [m.start() for m in re.finditer("\n", text)]
        starts = [start, *(end + 1 for end in ends)]
        self.lines = list(zip(starts, [*ends, len(text)], strict=True))
        if self.lines[-1][0] >= len(text) and len(self.lines) > 1:
            self.lines.pop()
        self.at = 0

    def read(self) -> Dockerfile:
        self._read_directives()
        while self.at < len(self.lines):
            start, end = self._next()
            line = self.text[start:end]
            if not line.strip():
                self.allowed = frozenset()
            elif line.lstrip().startswith("#"):
                self._allow(line, start)
            else:
                self._read_instruction(start, end)
                self.allowed = frozenset()
        return Dockerfile(
            self.text,
            tuple(self.instructions),
            tuple(self.problems),
            self.escape,
            frozenset(self.directives),
            tuple(self.allowances),
        )

    def _next(self) -> tuple[int, int]:
        self.at += 1
        return self.lines[self.at - 1]

    def _read_directives(self) -> None:
        """``# escape=`` and its like count only before anything else, each once."""
        while self.at < len(self.lines):
            start, end = self.lines[self.at]
            found = _DIRECTIVE.match(self.text[start:end].lstrip())
            name = found[1].lower() if found else ""
            if not found or name not in {"escape", "syntax", "check"} or name in self.directives:
                return
            self.directives.add(name)
            if name == "escape":
                if found[2] in {"\\", "`"}:
                    self.escape = found[2]
                else:
                    self._problem(
                        f'"{found[2]}" is no escape character', start, end, r"use ` or \\"
                    )
            self.at += 1

    def _allow(self, comment: str, start: int) -> None:
        """``# flowship: ignore=a, b``; what follows the last rule may be prose."""
        found = _ALLOWANCE.search(comment)
        if not found:
            return
        for name in re.finditer(r"[\w-]+", found[1]):
            first = start + found.start(1) + name.start()
            self.allowances.append(Word(name[0], first, first + len(name[0])))
            self.allowed |= {name[0]}

    def _problem(self, message: str, start: int, end: int, help: str = "") -> None:
        self.problems.append(Problem(message, start, end, help))

    def _read_instruction(self, start: int, end: int) -> None:
        logical = self._logical_line(start, end)
        instruction = self._instruction(logical)
        if instruction is not None:
            self.instructions.append(instruction)

    def _logical_line(self, start: int, end: int) -> Logical:
        """Lines joined as the builder joins them; comments and empty lines between drop out."""
        pieces: list[str] = []
        offsets: list[int] = []
        start += len(self.text[start:end]) - len(self.text[start:end].lstrip())
        while True:
            line = self.text[start:end].removesuffix("\r")
            body = self._continued(line)
            kept = line if body is None else body
            pieces.append(kept)
            offsets.extend(range(start, start + len(kept)))
            if body is None:
                break
            following = self._skip_between()
            if following is None:
                break
            start, end = following
        return Logical("".join(pieces), tuple(offsets))

    def _continued(self, line: str) -> str | None:
        """The line without its continuation character; None when it has none."""
        body = line.rstrip(" \t")
        if not body.endswith(self.escape):
            return None
        body = body[:-1]
        return None if body.endswith(self.escape) else body

    def _skip_between(self) -> tuple[int, int] | None:
        while self.at < len(self.lines):
            start, end = self._next()
            line = self.text[start:end].strip()
            if line and not line.startswith("#"):
                return start, end
        return None

    def _instruction(self, logical: Logical, *, trigger: bool = False) -> Instruction | None:
        head = _WORD.search(logical.text)
        if head is None:
            return None
        keyword = head[0].upper()
        place = logical.part(head.start(), head.end())
        if keyword not in KEYWORDS:
            self._unknown(head[0], place)
            return None
        rest = _stripped(logical.part(head.end()))
        whole = Instruction(keyword, place.start, max(logical.end, place.end), allowed=self.allowed)
        if keyword == "ONBUILD":
            return self._onbuild(whole, rest, nested=trigger)
        flags, rest = _take_flags(rest, self.escape)
        heredocs = self._heredocs(rest, place) if keyword in {"ADD", "COPY", "RUN"} else ()
        instruction = Instruction(
            keyword,
            whole.start,
            whole.end,
            _arguments(keyword, rest),
            flags,
            rest,
            heredocs,
            self.allowed,
        )
        self._judge(instruction, place)
        return instruction

    def _unknown(self, word: str, place: Logical) -> None:
        close = difflib.get_close_matches(word.upper(), KEYWORDS, n=1)
        self._problem(
            f'"{word[:40]}" is not an instruction',
            place.start,
            place.end,
            f"did you mean {close[0]}?" if close else "each line begins with an instruction",
        )

    def _onbuild(self, whole: Instruction, rest: Logical, *, nested: bool) -> Instruction | None:
        if nested or not rest.text:
            message = "ONBUILD cannot hold another ONBUILD" if nested else "ONBUILD holds nothing"
            self._problem(message, whole.start, whole.end, "write ONBUILD, then one instruction")
            return None
        stored = self._instruction(rest, trigger=True)
        if stored is None:
            return None
        if stored.keyword in {"FROM", "MAINTAINER"}:
            message = f"ONBUILD cannot hold {stored.keyword}"
            self._problem(message, whole.start, whole.end, "remove the line")
            return None
        return Instruction(
            "ONBUILD", whole.start, whole.end, rest=rest, allowed=self.allowed, trigger=stored
        )

    def _heredocs(self, rest: Logical, place: Logical) -> tuple[str, ...]:
        """Pass over the bodies of the heredocs that this instruction opens."""
        names = []
        for word in _split_quoted(rest.text, self.escape):
            found = _HEREDOC.match(word)
            name = found[2].strip("'\"") if found else ""
            if not found or not name:
                continue
            names.append(name)
            if not self._skip_body(name, tabs=bool(found[1])):
                self._problem(
                    f"the heredoc {name} has no end",
                    rest.start,
                    rest.end,
                    f"put {name} alone on a line behind it",
                )
        return tuple(names)

    def _skip_body(self, name: str, *, tabs: bool) -> bool:
        while self.at < len(self.lines):
            start, end = self._next()
            line = self.text[start:end].removesuffix("\r")
            if (line.lstrip("\t") if tabs else line) == name:
                return True
        return False

    def _judge(self, instruction: Instruction, place: Logical) -> None:
        """What the builder refuses by counting arguments."""
        keyword, count = instruction.keyword, len(instruction.words)
        if keyword in {"COPY", "ADD"} and count < 2:
            reason, advice = "needs a source and a destination", f"{keyword} SOURCE… DESTINATION"
        elif keyword == "FROM" and not _from_fits(instruction.words):
            reason, advice = "is an image, or an image AS a name", "FROM IMAGE [AS NAME]"
        elif count == 0 and keyword not in {"CMD", "ENTRYPOINT", "RUN", "SHELL"}:
            reason, advice = "needs an argument", f"write one behind {keyword}, or remove the line"
        else:
            return
        self._problem(f"{keyword} {reason}", place.start, instruction.end, advice)


def _from_fits(words: tuple[Word, ...]) -> bool:
    return len(words) == 1 or (len(words) == 3 and words[1].raw.lower() == "as")


def _stripped(logical: Logical) -> Logical:
    text = logical.text
    start = len(text) - len(text.lstrip())
    return logical.part(start, max(start, len(text.rstrip())))


def _take_flags(rest: Logical, escape: str) -> tuple[tuple[Word, ...], Logical]:
    flags = []
    while rest.text.startswith("--"):
        written = _split_quoted(rest.text, escape)[0]
        place = rest.part(0, len(written))
        rest = _stripped(rest.part(len(written)))
        if written == "--":
            break
        flags.append(Word(_bare(written, escape), place.start, place.end))
    return tuple(flags), rest


def _bare(word: str, escape: str) -> str:
    """A flag as the builder takes it: quotes taken off, what is escaped as it is."""
    pattern = rf"{re.escape(escape)}(.?)|(?P<quote>[\"'])(.*?)(?:(?P=quote)|\Z)|(.)"
    return re.sub(pattern, lambda found: found[1] or found[3] or found[4] or "", word, flags=re.S)


def _arguments(keyword: str, rest: Logical) -> tuple[Word, ...]:
    if keyword in {"COPY", "ADD", "VOLUME"} and rest.text.startswith("["):
        words = _json_words(rest)
        if words is not None:
            return words
    if keyword == "WORKDIR":
        return (Word(rest.text, rest.start, rest.end),) if rest.text else ()
    return tuple(_words(rest))


def _words(rest: Logical) -> Iterator[Word]:
    for found in _WORD.finditer(rest.text):
        place = rest.part(found.start(), found.end())
        yield Word(found[0], place.start, place.end)


def _json_words(rest: Logical) -> tuple[Word, ...] | None:
    """The strings of the JSON form; None when it is none, and then the words count."""
    try:
        value, _ = json.JSONDecoder().raw_decode(rest.text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    strings = list(re.finditer(r'"(?:[^"\\]|\\.)*"', rest.text))
    words = []
    for item, found in zip(value, strings, strict=False):
        place = rest.part(found.start(), found.end())
        words.append(Word(item, place.start, place.end, quoted=True))
    return tuple(words)


def _split_quoted(text: str, escape: str) -> list[str]:
    """Words where quotes hold space together; the quotes stay."""
    mark = re.escape(escape)
    double = rf'"(?:{mark}.|[^"{mark}])*"?'
    return re.findall(rf"(?:{double}|'[^']*'?|{mark}.?|[^\s\"'{mark}])+", text, re.DOTALL)


def pairs(instruction: Instruction, escape: str) -> list[tuple[str, str | None, int, int]]:
    """The ``NAME=value`` pairs of ARG, ENV and LABEL: name, raw value or None, and the place."""
    text, rest = instruction.rest.text, instruction.rest
    words = _split_quoted(text, escape)
    if words and "=" not in words[0] and instruction.keyword in {"ENV", "LABEL"}:
        both = re.split(rf"[{_SPACE}]+", text, maxsplit=1)  # NAME and all that follows
        return [(both[0], both[1] if len(both) > 1 else None, rest.start, rest.end)]
    found_pairs: list[tuple[str, str | None, int, int]] = []
    position = 0
    for word in words:
        position = text.index(word, position)
        place = rest.part(position, position + len(word))
        position += len(word)
        name, equals, value = word.partition("=")
        found_pairs.append((name, value if equals else None, place.start, place.end))
    return found_pairs
