"""One error for all flows of an image that do not load."""

from __future__ import annotations

from collections.abc import Sequence

from flowship.errors import BuildError

NOT_IN_THE_FILE = frozenset(
    {
        "file-access-denied",
        "environment-variable-missing",
        "module-missing",
        "package-for-other-platform",
        "packages-incompatible",
        "prefect-2-code",
        "processor-unsupported",
        "pydantic-1-code",
        "system-library-missing",
        "system-too-old",
    }
)
"""Codes of faults of the image: files that meet the same one have the same remedy."""


def combined(errors: Sequence[tuple[str, BuildError]], total: int) -> BuildError:
    """The error for one or more of several flows.

    Flows with the same explanation share it: that of one file that all of them import, or of a
    package that each of them imports itself.

    Args:
        errors: Entrypoint and explanation of each flow that does not load.
        total: How many flows were to be loaded.
    """
    groups: dict[tuple[str, ...], list[tuple[str, BuildError]]] = {}
    for entrypoint, exc in errors:
        place = "" if exc.code in NOT_IN_THE_FILE else exc.where
        key = (exc.code, exc.message, exc.hint, place)
        groups.setdefault(key, []).append((entrypoint, exc))
    if len(groups) == 1:
        exc = errors[0][1]
        also = [f"  also at {place}" for place in _places(errors)[1:]]
        return BuildError(
            _headline([entrypoint for entrypoint, _ in errors], exc),
            code=exc.code, hint=exc.hint, where=exc.where, details="\n".join([*also, exc.details]),
        )  # fmt: skip
    return BuildError(
        f"{len(errors)} of {total} flows do not load in the image",
        code="flows-do-not-load",
        hint="fix each of them as explained above, then build again",
        details="\n\n".join(_explanation(group) for group in groups.values()),
    )


def _headline(entrypoints: Sequence[str], exc: BuildError) -> str:
    names = ", ".join(entrypoints[:-1]) + " and " * (len(entrypoints) > 1) + entrypoints[-1]
    reason = exc.message.removeprefix("the flow does not load: ")
    return f"{names} {'do' if len(entrypoints) > 1 else 'does'} not load: {reason}"


def _places(group: Sequence[tuple[str, BuildError]]) -> list[str]:
    """The different places of the same fault."""
    return list(dict.fromkeys(exc.where for _, exc in group if exc.where))


def _explanation(group: Sequence[tuple[str, BuildError]]) -> str:
    exc = group[0][1]
    lines = [_headline([entrypoint for entrypoint, _ in group], exc)]
    lines += [f"  at {place}" for place in _places(group)]
    lines += [f"  {line}" for line in exc.details.rstrip().splitlines()]
    lines += [f"  hint: {exc.hint}"] if exc.hint else []
    return "\n".join(lines)
