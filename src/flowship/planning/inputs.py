"""Which inputs of an image changed, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """``flows/taxi.py changed``, for each input that differs.

    Args:
        before: The short hash of each input.
        after: The same now; the result is empty where one of both is not known.
    """
    if not before or not after:
        return []
    return [
        f"{name} {_what(name in before, name in after)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _what(was: bool, now: bool) -> str:
    return "changed" if was and now else "added" if now else "removed"
