"""The `flowship` commands that messages name: they reach the project and the server of this one.

People type the next step that a message names. A command that was given ``--env staging`` must not
name one that acts on the server of the active profile, nor one that was given ``-C trips`` a
command for another folder. All output goes through `followed`, so a message has no part in it.
``FLOWSHIP_ENV`` is still set for the next command, so it is not added.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

WITH_ENV = frozenset({
    *("build", "cancel", "check", "delete", "deploy", "doctor", "history", "logs", "pause", "plan"),
    *("profile show", "prune", "ps", "push", "resume", "rollback", "run", "secret ls"),
    *("secret rm", "secret set", "ship", "status", "try", "unlock", "up"),
})  # fmt: skip
"""The commands that have the option ``--env``."""

ADVICE = frozenset(
    {"attention", "found", "hint", "hints", "meaning", "place", "remedy", "warnings"}
)
"""The keys of ``--json`` whose texts name commands."""

_COMMAND = re.compile(r"`((?:PREFECT_PROFILE=[^ `]+ )?flowship)( [^`]+)`")


@dataclass
class _Given:
    """The options of the command that is running; threads that print share them."""

    environment: str = ""
    folder: str = ""


_given = _Given()


@contextmanager
def of_environment(name: str | None) -> Iterator[None]:
    """Within, next steps are for the environment that ``--env`` names; None if it was not given."""
    before, _given.environment = _given.environment, name or ""
    try:
        yield
    finally:
        _given.environment = before


def choose_environment(name: str) -> None:
    """Until the end of the command, next steps are for the environment that an option of another
    name names, as ``--to`` of promote."""
    _given.environment = name


def of_folder(folder: str) -> None:
    """From now on, next steps are for the folder that ``--folder`` names."""
    _given.folder = folder


def followed(text: str, *, markup: bool = False) -> str:
    """`text`, in which each `flowship …` between backticks has the options of this command.

    Args:
        text: A message.
        markup: Whether it has Rich's markup.
    """
    if not (_given.environment or _given.folder) or "flowship " not in text:
        return text
    environment, folder = _option("--env", _given.environment), _option("-C", _given.folder)
    if markup:
        from rich.markup import escape

        environment, folder = escape(environment), escape(folder)
    return _COMMAND.sub(lambda found: f"`{found[1]}{_with(found[2], environment, folder)}`", text)


def _option(option: str, value: str) -> str:
    return f" {option} {shlex.quote(value)}" if value else ""


def _with(words: str, environment: str, folder: str) -> str:
    """The words of a command after `flowship`, each with a blank before it, with the options."""
    given = words.split()
    if given[:1] == ["-C"]:
        return words
    command = next((c for c in (" ".join(given[:2]), *given[:1]) if c in WITH_ENV), "")
    if command and not any(word.split("=")[0] == "--env" for word in given):
        words = words.replace(f" {command}", f" {command}{environment}", 1)
    return f"{folder}{words}"


def followed_line(line: RenderableType) -> RenderableType:
    """A line with markup as `followed`; a `Text`, which is from outside, or a table unchanged."""
    return followed(line, markup=True) if isinstance(line, str) else line


def followed_json(value: object, *, advice: bool = False) -> object:
    """JSON whose advice, such as hints, is `followed`; logs and the like stay as they are.

    Args:
        value: Of JSON's own types.
        advice: Whether it is part of an advice.
    """
    if isinstance(value, dict):
        return {k: followed_json(v, advice=advice or k in ADVICE) for k, v in value.items()}
    if isinstance(value, list):
        return [followed_json(each, advice=advice) for each in value]
    return followed(value) if advice and isinstance(value, str) else value
