"""Patterns of ignore files, matched in time that is linear in the length of the path.

The patterns are those of Go's ``filepath.Match``, and ``**`` for any number of folders. Regular
expressions are fastest, but with many stars they try every way to divide a path among the stars.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Matcher = Callable[[str], bool]

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?\]?[^\]]*\]|\\.|.", re.DOTALL)
_REGEX = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_STARS = ("**/", "**", "*")
_MOST_STARS = 2  # in a regular expression: with two, the time is at most quadratic


def compile_glob(pattern: str) -> Matcher:
    """A function that says whether a whole path matches `pattern`.

    Raises:
        re.error: A character class is invalid.
    """
    tokens = _TOKEN.findall(pattern)
    if sum(token in _STARS for token in tokens) > _MOST_STARS:
        return _States(tokens).match
    regex = re.compile("".join(map(_translated, tokens)) + r"\Z", re.DOTALL)
    return lambda path: regex.match(path) is not None


def _translated(token: str) -> str:
    if token.startswith("[") and len(token) > 1:
        return token
    return _REGEX.get(token) or re.escape(_literal(token))


def _literal(token: str) -> str:
    return token[1:] if len(token) == 2 and token.startswith("\\") else token


class _States:
    """All places in a pattern that a path can have reached, followed at once as bits of a number.

    Bit `i` says that the first `i` steps of the pattern match what was read so far.
    """

    def __init__(self, tokens: list[str]) -> None:
        self._skips = 0  # steps that also match nothing
        self._stays = 0  # steps that take any character and stay
        self._stays_in_name = 0  # the same, but not a slash
        self._jumps = 0  # the starts of "**/", which may be skipped with the step after it
        self._singles: list[tuple[int, Matcher]] = []
        count = 0
        for token in tokens:
            bit = 1 << count
            if token == "**/":
                self._jumps |= bit
                self._skips |= bit
                self._stays |= bit << 1
                self._singles.append((bit << 1, "/".__eq__))
                count += 1
            elif token == "**":
                self._skips |= bit
                self._stays |= bit
            elif token == "*":
                self._skips |= bit
                self._stays_in_name |= bit
            else:
                self._singles.append((bit, re.compile(_translated(token) + r"\Z").match))  # type: ignore[arg-type] # its truth counts
            count += 1
        self._end = 1 << count
        self._after: dict[str, int] = {}

    def match(self, path: str) -> bool:
        states = self._closed(1)
        for character in path:
            stays = self._stays | (0 if character == "/" else self._stays_in_name)
            states = self._closed((states & stays) | ((states & self._taking(character)) << 1))
            if not states:
                return False
        return bool(states & self._end)

    def _taking(self, character: str) -> int:
        """The steps that take this one character."""
        known = self._after.get(character)
        if known is None:
            known = sum(bit for bit, takes in self._singles if takes(character))
            self._after[character] = known
        return known

    def _closed(self, states: int) -> int:
        """`states` with what follows from them without a character."""
        while True:
            more = states | ((states & self._skips) << 1) | ((states & self._jumps) << 2)
            if more == states:
                return states
            states = more
