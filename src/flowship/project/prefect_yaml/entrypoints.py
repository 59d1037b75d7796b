"""The entrypoint of a deployment in a ``prefect.yaml``, in flowship's spelling."""

from __future__ import annotations

import re
from pathlib import Path

from flowship.config.discovery import flows_in
from flowship.project.prefect_yaml.placeholders import translated, unknown


def translate(value: object, folder: Path) -> tuple[str, str]:
    """The entrypoint, and why flowship cannot use it; the reason is empty if it can.

    Args:
        value: As the file has it.
        folder: The file's, to which entrypoints are relative.
    """
    if value in (None, "", [], {}):
        return "", "it has no entrypoint"
    if placeholder := unknown(value):
        return "", f"flowship has no counterpart for {placeholder} in an entrypoint"
    if not isinstance(value, str):
        only = value[0] if isinstance(value, list) and len(value) == 1 else None
        instead = _flows(_spelled(only), folder) if isinstance(only, str) else ""
        return "", f"its entrypoint is not text: write FILE:FUNCTION{instead}"
    text = _spelled(value)
    file, _, function = text.partition(":")
    if function:
        return text, ""
    if file.endswith(".py") or "/" in file or file != text:
        instead = _flows(file, folder)
        return text, f'its entrypoint "{text}" names no function: write FILE:FUNCTION{instead}'
    return ":".join(text.rsplit(".", 1)), ""  # Prefect's own spelling of a function in a module


def _spelled(text: str) -> str:
    """With forward slashes, and relative without saying so."""
    return re.sub(r"^(\./)+", "", str(translated(text)).strip().replace("\\", "/"))


def _flows(entrypoint: str, folder: Path) -> str:
    """The flows of a file as entrypoints, to choose from; empty if it has none."""
    file = entrypoint.partition(":")[0]
    flows = [f'"{file}:{flow.function}"' for flow in flows_in(folder / file)]
    return f", such as {' or '.join(flows)}" if flows else ""
