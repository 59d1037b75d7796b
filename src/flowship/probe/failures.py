"""One error for all flows of an image that do not load."""

from __future__ import annotations

from collections.abc import Sequence

from flowship.errors import BuildError


def combined(errors: Sequence[tuple[str, BuildError]], total: int) -> BuildError:
    """The error for one or more of several flows.

    Flows with the same explanation, such as a package that all of them import, share it.

    Args:
        errors: Entrypoint and explanation of each flow that does not load.
        total: How many flows were to be loaded.
    """
    groups: dict[tuple[str, ...], list[tuple[str, BuildError]]] = {}
    for entrypoint, exc in errors:
        key = (exc.code, exc.message, exc.hint, exc.where)
        groups.setdefault(key, []).append((entrypoint, exc))
    if len(groups) == 1:
        exc = errors[0][1]
        return BuildError(
            _headline([entrypoint for entrypoint, _ in errors], exc),
            code=exc.code, hint=exc.hint, where=exc.where, details=exc.details,
        )  # fmt: skip
    return BuildError(
        f"{len(errors)} of {total} flows do not load in the image",
        code="flows-do-not-load",
        hint="fix each of them as explained above, then build again",
        details="\n\n".join(_explanation(group) for group in groups.values()),
    )


def _headline(entrypoints: Sequence[str], exc: BuildError) -> str:
    names = ", ".join(entrypoints[:-1]) + " and " * (len(entrypoints) > 1) + entrypoints[-1]
    return f"{names} {'do' if len(entrypoints) > 1 else 'does'} not load: {exc.message}"


def _explanation(group: Sequence[tuple[str, BuildError]]) -> str:
    exc = group[0][1]
    lines = [_headline([entrypoint for entrypoint, _ in group], exc)]
    lines += [f"  at {exc.where}"] if exc.where else []
    lines += [f"  {line}" for line in exc.details.rstrip().splitlines()]
    lines += [f"  hint: {exc.hint}"] if exc.hint else []
    return "\n".join(lines)
