"""The pages of the documentation: their sections, blocks and links, and the output they show."""

from __future__ import annotations

import re
from typing import NamedTuple

from support.paths import ROOT


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level, up to the next one."""
    parts = re.split(r"^## ", without_fences(text, keep_places=True), flags=re.MULTILINE)
    at = 0
    for part in parts:
        if part.splitlines()[:1] == [heading] or part.startswith(heading):
            return text[at : at + len(part)]
        at += len(part) + len("## ")
    raise AssertionError(f'there is no heading "{heading}"')


def without_fences(text: str, *, keep_places: bool = False) -> str:
    """The text with its fenced blocks taken out, or overwritten with dots."""
    return re.sub(
        r"^ *```.*?^ *```$",
        lambda found: "." * len(found[0]) if keep_places else "",
        text,
        flags=re.DOTALL | re.MULTILINE,
    )


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, without their indentation."""
    found = re.finditer(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{f[1]}", "", f[2], flags=re.MULTILINE) for f in found]


def targets(text: str) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", without_fences(text))
    return [target for target in found if not re.match(r"https?:", target)]


# --- commands with their output ------------------------------------------------------------------


class Shown(NamedTuple):
    """A command in a page and what it prints there; "…" stands for anything."""

    command: str
    output: str


def shown(text: str) -> list[Shown]:
    examples = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            examples.append(Shown(command, output))
    return examples


TYPED = "[y/N] y"
"""A question on the terminal, and what the reader types."""
VARYING = (
    (re.escape(TYPED), "[y/N]"),
    (r"(127\.0\.0\.1|localhost):\d+", "HOST"),
    (r"sha256:[0-9a-f]{12,64}", "sha256:#"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\b[0-9a-f]{12}\b", "#"),
    (r"\d+(\.\d+)? (B|kB|MB|GB|s)\b", "SIZE"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d+\.\d+\.\d+\b", "VERSION"),
    (r"\bpid \d+", "pid"),
    (r"\b(measure)-[0-9a-f]{3}\b", r"\1-#"),
    # The states of a run are asked for, so a state comes before or after the logs of its moment.
    (r"(?m)^• (Scheduled|Submitting|Pending|Running)$", ""),
    (r"\s+", " "),  # a page may break a long line
)


def normalised(text: str) -> str:
    run = re.search(r"started (\S+) of", text)
    if run:
        text = text.replace(run[1], "RUN")
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text.strip()


def agree(page: str, real: str) -> bool:
    pieces = [re.escape(piece.strip()) for piece in normalised(page).split("…")]
    return re.fullmatch(r"\s*.*?\s*".join(pieces), normalised(real)) is not None
