"""Parse a Dockerfile into instructions.

The parser follows the builder's own line grammar (moby/buildkit, frontend/dockerfile/parser):
continuations with comments and empty lines inside, words broken by a continuation, the escape
directive, heredocs, JSON form that falls back to words. It accepts any text: what the
builder would reject becomes a `Problem`, never an exception.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from flowship.dockerfile.instructions import (
    KEYWORDS,
    Dockerfile,
    Instruction,
    Lines,
    Logical,
    Pair,
    Problem,
    Word,
)
from flowship.errors import nearest

# Go's `[\t\v\f\r ]+`, which separates words; other Unicode spaces are part of a word.
_SPACE = "\t\v\f\r "
_WORD = re.compile(rf"[^{_SPACE}]+")
_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z][A-Za-z0-9]*)[ \t]*=[ \t]*(.+?)[ \t]*\r?\Z")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]*)\Z")
# Instructions whose arguments are words (and not shell, JSON or pairs), with the number of words
# that must come before what looks like a comment.
_WORDS_BEFORE_COMMENT = {
    **dict.fromkeys(("ARG", "EXPOSE", "FROM", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"), 1),
    **dict.fromkeys(("ADD", "COPY"), 2),
}
_COMMENT = re.compile(r"(?<=[\t\v\f\r ])#")
_NEXT_INSTRUCTION = re.compile(rf"({'|'.join(sorted(KEYWORDS))})[{_SPACE}]")
_SUPPRESSION = re.compile(r"#\s*flowship:\s*ignore\s*=\s*([\w-]+(?:\s*,\s*[\w-]+)*)")


def parse(text: str) -> Dockerfile:
    """Parse any text as a Dockerfile."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.escape = "\\"
        self.directives: set[str] = set()
        self.instructions: list[Instruction] = []
        self.problems: list[Problem] = []
        self.ignored: frozenset[str] = frozenset()
        self.suppressions: list[Word] = []
        start = 1 if text.startswith("\ufeff") else 0
        ends = [m.start() for m in re.finditer("\n", text)]
        starts = [start, *(end + 1 for end in ends)]
        self.lines = list(zip(starts, [*ends, len(text)], strict=True))
        if self.lines[-1][0] >= len(text) and len(self.lines) > 1:
            self.lines.pop()
        self.at = 0

    def parse(self) -> Dockerfile:
        self._read_directives()
        while self.at < len(self.lines):
            start, end = self._next()
            line = self.text[start:end]
            if not line.strip():
                self.ignored = frozenset()
            elif line.lstrip().startswith("#"):
                self._suppress(line, start)
            else:
                self._read_instruction(start, end)
                self.ignored = frozenset()
        return Dockerfile(
            self.text,
            tuple(self.instructions),
            tuple(self.problems),
            self.escape,
            frozenset(self.directives),
            tuple(self.suppressions),
        )

    def _next(self) -> tuple[int, int]:
        self.at += 1
        return self.lines[self.at - 1]

    def _read_directives(self) -> None:
        """Read ``# escape=`` and similar, which count only at the top of the file, once each."""
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
                        f'invalid escape character: "{found[2]}"', start, end, r"use ` or \\"
                    )
            self.at += 1

    def _suppress(self, comment: str, start: int) -> None:
        """Read ``# flowship: ignore=a, b``; free text may follow the last rule."""
        found = _SUPPRESSION.search(comment)
        if not found:
            return
        for name in re.finditer(r"[\w-]+", found[1]):
            first = start + found.start(1) + name.start()
            self.suppressions.append(Word(name[0], first, first + len(name[0])))
            self.ignored |= {name[0]}

    def _problem(self, message: str, start: int, end: int, help: str = "") -> None:
        self.problems.append(Problem(message, start, end, help))

    def _read_instruction(self, start: int, end: int) -> None:
        logical = self._logical_line(start, end)
        instruction = self._instruction(logical)
        if instruction is not None:
            self.instructions.append(instruction)

    def _logical_line(self, start: int, end: int) -> Logical:
        """Join continued lines as the builder does, without comments and empty lines between."""
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
            ended = end
            following = self._skip_between()
            if following is None:
                break
            start, end = following
            if self._swallowed("".join(pieces), (offsets or [start])[0], start, ended):
                self.at -= 1
                break
        return Logical("".join(pieces), tuple(offsets))

    def _swallowed(self, above: str, begin: int, start: int, ended: int) -> bool:
        """Whether the line at `start` is an instruction that a forgotten backslash hides.

        The builder makes it part of the instruction above. It is read as what it was meant to be.
        """
        found = _NEXT_INSTRUCTION.match(self.text, start)
        head = _WORD.search(above)
        if not found or not head or head[0].upper() not in KEYWORDS:
            return False
        if head[0].upper() == "ONBUILD" and len(_WORD.findall(above)) == 1:
            return False
        lines = Lines(self.text)
        owner, last = lines.place(begin, begin)[0], lines.place(ended, ended)[0]
        self._problem(
            f"this {found[1]} is part of the {head[0].upper()} on line {owner}, because line {last}"
            f' ends with "{self.escape}"',
            start,
            start + len(found[1]),
            f'remove the "{self.escape}" at the end of line {last}',
        )
        return True

    def _continued(self, line: str) -> str | None:
        """The line without its continuation character; None if it has none."""
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
        whole = Instruction(keyword, place.start, max(logical.end, place.end), ignored=self.ignored)
        if keyword == "ONBUILD":
            return self._onbuild(whole, rest, nested=trigger)
        flags, rest = _take_flags(rest, self.escape)
        rest = self._without_comment(keyword, rest)
        heredocs = self._heredocs(rest) if keyword in {"ADD", "COPY", "RUN"} else ()
        instruction = Instruction(
            keyword,
            whole.start,
            whole.end,
            _arguments(keyword, rest),
            flags,
            rest,
            heredocs,
            self.ignored,
        )
        self._count_arguments(instruction, place)
        return instruction

    def _without_comment(self, keyword: str, rest: Logical) -> Logical:
        """Record what looks like a comment behind the arguments, and leave it out of them.

        The builder reads it as further arguments: a user named ``root  # why``, a file named
        ``#``. Where it accepts that, the container fails, or works with another value.
        """
        needed = _WORDS_BEFORE_COMMENT.get(keyword)
        if needed is None or rest.text.startswith("["):
            return rest
        for found in _COMMENT.finditer(rest.text):
            before, after = rest.text[: found.start()], rest.text[found.end() :]
            # A file may be named "#a": then a destination follows.
            is_name = after[:1].strip() and "/" in after.rpartition(" ")[2]
            if len(_WORD.findall(before)) < needed or is_name:
                continue
            place = _stripped(rest.part(found.start()))
            self._problem(
                f'"#" begins a comment only at the start of a line: here it is part of {keyword}',
                place.start,
                place.end,
                "put the comment on its own line, above the instruction",
            )
            return _stripped(rest.part(0, found.start()))
        return rest

    def _unknown(self, word: str, place: Logical) -> None:
        close = nearest(word.upper(), KEYWORDS)
        self._problem(
            f'"{word[:40]}" is not an instruction',
            place.start,
            place.end,
            f"did you mean {close}?" if close else "start the line with an instruction",
        )

    def _onbuild(self, whole: Instruction, rest: Logical, *, nested: bool) -> Instruction | None:
        if nested or not rest.text:
            message = "ONBUILD cannot contain ONBUILD" if nested else "ONBUILD needs an instruction"
            self._problem(message, whole.start, whole.end, "put one instruction after ONBUILD")
            return None
        stored = self._instruction(rest, trigger=True)
        if stored is None:
            return None
        if stored.keyword in {"FROM", "MAINTAINER"}:
            message = f"ONBUILD cannot contain {stored.keyword}"
            self._problem(message, whole.start, whole.end, "remove the line")
            return None
        return Instruction(
            "ONBUILD", whole.start, whole.end, rest=rest, ignored=self.ignored, trigger=stored
        )

    def _heredocs(self, rest: Logical) -> tuple[str, ...]:
        """Skip the bodies of the heredocs that this instruction opens; return their names."""
        names = []
        for word in _split_quoted(rest.text, self.escape):
            found = _HEREDOC.match(word)
            name = found[2].strip("'\"") if found else ""
            if not found or not name:
                continue
            names.append(name)
            if not self._skip_body(name, tabs=bool(found[1])):
                self._problem(
                    f"heredoc {name} is not closed",
                    rest.start,
                    rest.end,
                    f"end it with a line that contains only {name}",
                )
        return tuple(names)

    def _skip_body(self, name: str, *, tabs: bool) -> bool:
        while self.at < len(self.lines):
            start, end = self._next()
            line = self.text[start:end].removesuffix("\r")
            if (line.lstrip("\t") if tabs else line) == name:
                return True
        return False

    def _count_arguments(self, instruction: Instruction, place: Logical) -> None:
        """Record a problem where the builder would reject the number of arguments."""
        keyword, count = instruction.keyword, len(instruction.words)
        if keyword in {"COPY", "ADD"} and count < 2:
            reason, advice = "needs a source and a destination", f"{keyword} SOURCE… DESTINATION"
        elif keyword == "FROM" and not _is_valid_from(instruction.words):
            reason, advice = "needs one image, and optionally AS NAME", "FROM IMAGE [AS NAME]"
        elif count == 0 and keyword not in {"CMD", "ENTRYPOINT", "RUN", "SHELL"}:
            reason, advice = "needs an argument", f"add one after {keyword}, or remove the line"
        else:
            return
        self._problem(f"{keyword} {reason}", place.start, instruction.end, advice)


def _is_valid_from(words: tuple[Word, ...]) -> bool:
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
    """A flag as the builder reads it: without quotes, escaped characters kept."""
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
    """The strings of the JSON form; None if it is not valid JSON, and is split into words."""
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
    """Split at spaces outside quotes; the quotes are kept."""
    mark = re.escape(escape)
    double = rf'"(?:{mark}.|[^"{mark}])*"?'
    return re.findall(rf"(?:{double}|'[^']*'?|{mark}.?|[^\s\"'{mark}])+", text, re.DOTALL)


def pairs(instruction: Instruction, escape: str) -> list[Pair]:
    """The ``NAME=value`` pairs of ARG, ENV and LABEL."""
    text, rest = instruction.rest.text, instruction.rest
    words = _split_quoted(text, escape)
    if words and "=" not in words[0] and instruction.keyword in {"ENV", "LABEL"}:
        both = re.split(rf"[{_SPACE}]+", text, maxsplit=1)  # the old form: NAME, then the value
        return [Pair(both[0], both[1] if len(both) > 1 else None, rest.start, rest.end)]
    found: list[Pair] = []
    position = 0
    for word in words:
        position = text.index(word, position)
        place = rest.part(position, position + len(word))
        position += len(word)
        name, equals, value = word.partition("=")
        found.append(Pair(name, value if equals else None, place.start, place.end))
    return found
