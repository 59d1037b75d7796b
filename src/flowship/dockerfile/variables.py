"""The variables of a Dockerfile: what a word is once ``$NAME`` and ``${NAME:-x}`` are replaced.

Follows the builder's own small shell (moby/buildkit, frontend/dockerfile/shell). What only a build
or a base image knows stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from flowship.dockerfile.instructions import Word

# A longer value is treated as unknown: text like `ENV A=$A$A` doubles with every line.
_LONGEST_VALUE = 65_536
_DEEPEST_NESTING = 32

Env = Mapping[str, "str | None"]
"""Variables by name. None: set to a value that the file does not show."""


class WordError(str, Enum):
    """Why the builder rejects a word; the value is the message for the user."""

    UNCLOSED_BRACE = '"${" is not closed'
    UNCLOSED_SINGLE_QUOTE = "single quote is not closed"
    UNCLOSED_DOUBLE_QUOTE = "double quote is not closed"
    MISSING_NAME = '"${" is not followed by a variable name'
    TOO_DEEP = "variables are nested too deeply"

    @property
    def is_quote(self) -> bool:
        """Whether a quote is not closed."""
        return self in {WordError.UNCLOSED_SINGLE_QUOTE, WordError.UNCLOSED_DOUBLE_QUOTE}


@dataclass(frozen=True)
class Value:
    """A word after variable expansion.

    Attributes:
        text: The result; variables that could not be resolved are left as written.
        leading: The part of `text` before the first unresolved variable.
        unknown: The names of the variables that could not be resolved.
        error: Why the builder would reject the word.
        simple: Whether the word contains no variables.
    """

    text: str
    leading: str = ""
    unknown: tuple[str, ...] = ()
    error: WordError | None = None
    simple: bool = True

    @property
    def known(self) -> bool:
        """Whether everything in it was resolved."""
        return not self.unknown and self.error is None

    @property
    def variable(self) -> str | None:
        """The text as the value of a variable; None if it is unknown."""
        return self.text if self.known and len(self.text) <= _LONGEST_VALUE else None


class _Expander:
    """Expands one word as buildkit's `shell.Lex` does; unknown variables stay unknown."""

    def __init__(self, word: str, env: Env, escape: str, *, missing_is_empty: bool) -> None:
        self.word = word
        self.env = env
        self.escape = escape
        self.missing_is_empty = missing_is_empty
        self.at = 0
        self.error: WordError | None = None
        self.variables = 0
        self.depth = 0

    def expand(self) -> Value:
        pieces = self._until("")
        text = "".join(piece for piece, _ in pieces)
        leading = ""
        for piece, name in pieces:
            if name:
                break
            leading += piece
        unknown = tuple(dict.fromkeys(name for _, name in pieces if name))
        return Value(text, leading, unknown, self.error, simple=not self.variables)

    def _until(self, stop: str) -> list[tuple[str, str]]:
        """Pieces up to `stop`: (text, "") if known, (as written, variable name) if not."""
        pieces: list[tuple[str, str]] = []
        while self.at < len(self.word):
            char = self.word[self.at]
            if stop and char == stop:
                self.at += 1
                return pieces
            if char == "'":
                pieces.append((self._single(), ""))
            elif char == '"':
                pieces += self._double()
            elif char == "$":
                pieces += self._dollar()
            elif char == self.escape:
                pieces.append((self.word[self.at + 1 : self.at + 2], ""))
                self.at += 2
            else:
                pieces.append((char, ""))
                self.at += 1
        if stop:
            self.error = self.error or WordError.UNCLOSED_BRACE
        return pieces

    def _single(self) -> str:
        end = self.word.find("'", self.at + 1)
        if end < 0:
            self.error = self.error or WordError.UNCLOSED_SINGLE_QUOTE
            end = len(self.word)
        text = self.word[self.at + 1 : end]
        self.at = end + 1
        return text

    def _double(self) -> list[tuple[str, str]]:
        pieces: list[tuple[str, str]] = []
        self.at += 1
        while self.at < len(self.word):
            char = self.word[self.at]
            if char == '"':
                self.at += 1
                return pieces
            if char == "$":
                pieces += self._dollar()
                continue
            if char == self.escape and self.word[self.at + 1 : self.at + 2] in {
                '"',
                "$",
                self.escape,
            }:
                self.at += 1
                char = self.word[self.at]
            pieces.append((char, ""))
            self.at += 1
        self.error = self.error or WordError.UNCLOSED_DOUBLE_QUOTE
        return pieces

    def _dollar(self) -> list[tuple[str, str]]:
        start = self.at
        self.at += 1
        if self.word[self.at : self.at + 1] == "{":
            self.at += 1
            return self._braced(start)
        found = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+|[@*#?!-]").match(self.word, self.at)
        if not found:
            return [("$", "")]
        self.at = found.end()
        return self._plain(found[0], start)

    def _plain(self, name: str, start: int) -> list[tuple[str, str]]:
        self.variables += 1
        value = self.env.get(name)
        if value is not None:
            return [(value, "")]
        if name not in self.env and self.missing_is_empty:
            return []
        return [(self.word[start : self.at], name)]

    def _braced(self, start: int) -> list[tuple[str, str]]:
        found = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+|[@*#?!$-]").match(self.word, self.at)
        if not found:
            self.error = self.error or WordError.MISSING_NAME
            self.at = len(self.word)
            return []
        name = found[0]
        self.at = found.end()
        operator = re.compile(r"\}|:?[-+?]").match(self.word, self.at)
        if not operator:  # a pattern: ${X#a}, ${X%b}, ${X/a/b}
            self.variables += 1
            self._nested()
            return [(self.word[start : self.at], name)]
        self.at = operator.end()
        if operator[0] == "}":
            return self._plain(name, start)
        self.variables += 1
        alternative = self._nested()
        return self._modified(name, operator[0], alternative, self.word[start : self.at])

    def _nested(self) -> list[tuple[str, str]]:
        self.depth += 1
        if self.depth > _DEEPEST_NESTING:
            self.error = self.error or WordError.TOO_DEEP
            self.at = len(self.word)
            return []
        pieces = self._until("}")
        self.depth -= 1
        return pieces

    def _modified(
        self, name: str, operator: str, alternative: list[tuple[str, str]], written: str
    ) -> list[tuple[str, str]]:
        if name in self.env and self.env[name] is None:
            return [(written, name)]
        value = self.env.get(name)
        given = value is not None and (bool(value) or ":" not in operator)
        kind = operator[-1]
        if kind == "+":
            return alternative if given else []
        if given:
            return [(value or "", "")]
        return alternative if kind == "-" else [(written, name)]


def expand(word: Word | str, env: Env, escape: str, *, missing_is_empty: bool = False) -> Value:
    """Replace the variables in `word`.

    Args:
        word: As written, with quotes.
        env: The variables that are set at this point.
        escape: The escape character of the file.
        missing_is_empty: Whether a variable that the file never sets is empty (FROM scratch).
            Otherwise the base image may set it, and it is unknown.
    """
    raw = word if isinstance(word, str) else word.raw
    return _Expander(raw, env, escape, missing_is_empty=missing_is_empty).expand()
