"""What a clone has not fetched: the content of Git LFS files, and submodules.

git leaves something else in their place, which would go into the image without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from flowship.project.entry import Entry
from flowship.project.ignore import LeftOut, LeftOutKind

MOST_NAMED = 3

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md; "hawser" was the name of its alpha.
_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github|hawser\.github|git-media\.io)\S*\r?\n"
    rb"(?:ext-\S.*\n)*oid sha256:[0-9a-f]{64}\r?\n"
)
_LONGEST_POINTER = 1024  # bytes, by the same specification
_SHORTEST_POINTER = 100


def is_pointer(entry: Entry) -> bool:
    """Whether a file is Git LFS's pointer to its content, instead of the content."""
    if entry.kind != "file" or not _SHORTEST_POINTER <= entry.size < _LONGEST_POINTER:
        return False
    return _POINTER.match(entry.read(_LONGEST_POINTER)) is not None


def warnings(
    entries: Iterable[Entry], left_out: Mapping[str, LeftOut], prefix: str = ""
) -> Iterator[str]:
    """Warn of what is not in the image because this clone has not fetched it.

    Args:
        entries: The files of the context.
        left_out: What is not in it, and why.
        prefix: The project's folder in the context, with a slash; not shown.
    """
    if pointers := sorted(e.path.removeprefix(prefix) for e in entries if is_pointer(e)):
        yield (
            f"the image gets Git LFS pointers instead of the content of {_named(pointers)}; run"
            " `git lfs pull`, or add them to .dockerignore"
        )
    absent = (path for path, why in left_out.items() if why.kind is LeftOutKind.SUBMODULE)
    if submodules := sorted(path.removeprefix(prefix) for path in absent):
        yield (
            f"not in the image, because the submodule was not fetched: {_named(submodules)}; run"
            " `git submodule update --init --recursive`"
        )


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return ", ".join(paths[:MOST_NAMED]) + more
