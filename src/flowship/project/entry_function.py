"""Whether a file has the function that an entrypoint names, as far as its text says."""

from __future__ import annotations

import re
import tokenize
import unicodedata
from pathlib import Path

from flowship.config.discovery import flows_in
from flowship.config.settings import Settings
from flowship.errors import ConfigError, nearest

# Code with one of these can define a name that the file does not contain.
_DYNAMIC_NAMES = re.compile(
    r"import\s*\(?\s*\*|\b(?:globals|locals|vars|exec|setattr|__dict__|__getattr__)\b"
)


def require(settings: Settings, entrypoint: str, file: str, source: Path) -> None:
    """Refuse an entrypoint whose function's name is nowhere in the file.

    Args:
        settings: The project.
        entrypoint: What is required.
        file: The path of the file, for messages.
        source: The file.
    """
    target, function = entrypoint.rsplit(":", 1)
    try:
        with tokenize.open(source) as stream:
            text = unicodedata.normalize("NFKC", stream.read())  # as Python does with names
    except (OSError, SyntaxError, ValueError):
        return  # the probe explains a file that Python cannot read
    names = unicodedata.normalize("NFKC", function).split(".")
    occurring = [re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names]
    if all(occurring) or _DYNAMIC_NAMES.search(text):
        return
    flows = [flow.function for flow in flows_in(source)]
    raise ConfigError(
        f"{file} has no flow named {function}",
        code="flow-not-found",
        hint=_function_hint(target, function, flows),
        where=settings.place_of_entrypoint(entrypoint),
        details=f"flows in that file: {', '.join(flows)}" if flows else "",
    )


def registered_name(entrypoint: str, source: Path) -> str | None:
    """The name of an entrypoint's flow, as far as its file says it; None if only the code knows."""
    function = entrypoint.rpartition(":")[2]
    names = [flow.name for flow in flows_in(source) if flow.function == function]
    return names[-1] if names else None  # the last definition counts, as in Python


def _function_hint(file: str, function: str, flows: list[str]) -> str:
    if close := nearest(function, flows, cutoff=0.5):
        return f'did you mean entrypoint = "{file}:{close}"?'
    if flows:
        return f'choose one of its flows, for example entrypoint = "{file}:{flows[0]}"'
    return f"decorate the function in {file} with @flow (from prefect import flow)"
