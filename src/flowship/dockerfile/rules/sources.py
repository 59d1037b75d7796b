"""Rule `missing-source`: sources of COPY and ADD that are not in the build context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowship.dockerfile.copies import Index, Source, SourceKind, go_match, sources
from flowship.dockerfile.rules.findings import Finding, Severity, View, span
from flowship.dockerfile.stages import Step
from flowship.errors import did_you_mean
from flowship.project.ignore import LeftOutKind

if TYPE_CHECKING:
    from flowship.project.context import Context


def missing_sources(view: View) -> Iterator[Finding]:
    """Find sources that are missing, left out, or outside the context."""
    if view.index is None or view.facts.context is None:
        return
    for step in view.copies():
        # ONBUILD copies from the context of another project.
        if step.stored or "from" in step.instruction.flag_names:
            continue
        written = sources(step)
        brought = [source for source in written if _brings(view.index, source)]
        for source in written:
            if source.kind is not SourceKind.CONTEXT or not source.value.known:
                continue
            if source.is_glob and brought and source not in brought:
                continue  # builders report a pattern only if the whole instruction copies nothing
            if source.outside:
                yield from _outside(view, view.index, step, source)
            elif _is_missing(view.index, source):
                yield from _missing(view, view.index, view.facts.context, step, source)
            else:
                yield from _dead_links(view, view.index, step, source)


def _brings(index: Index, source: Source) -> bool:
    """Whether a source adds something to the image, or may."""
    if source.kind is not SourceKind.CONTEXT or not source.value.known:
        return True
    return not source.outside and not _is_missing(index, source)


def _is_missing(index: Index, source: Source) -> bool:
    """Whether the context has no such file; ``**`` and symbolic links are not followed."""
    if "**" in source.path or index.is_behind_link(source.path):
        return False
    return not index.matches(source)


def _dead_links(view: View, index: Index, step: Step, source: Source) -> Iterator[Finding]:
    """A source that is a link to something outside the context, or to nothing."""
    names = index.matches(source) if source.is_glob else [source.path]
    for name in names:
        target = index.leads_nowhere(name) if index.is_behind_link(name) else ""
        if target:
            yield from view.finding(
                "missing-source",
                span(source.word),
                f'"{view.in_project(name)}" is a link to "{target}", which is not in the build'
                " context",
                "replace the link with the file, or let it lead to a file of the project",
                step=step,
            )
            return


def _outside(view: View, index: Index, step: Step, source: Source) -> Iterator[Finding]:
    """A source above the context: the classic builder fails, BuildKit ignores the dots."""
    inside = source.path or "."
    exists = bool(index.matches(source))
    copied = exists and view.trace.buildkit
    outcome = f'BuildKit copies "{inside}" instead' if copied else "it cannot be copied"
    yield from view.finding(
        "missing-source",
        span(source.word),
        f'"{source.word.raw}" is outside the build context: {outcome}',
        f'use "{inside}": sources are relative to the project folder'
        if exists
        else "move it into the project folder",
        severity=Severity.WARNING if copied else Severity.ERROR,
        step=step,
    )


def _missing(
    view: View, index: Index, context: Context, step: Step, source: Source
) -> Iterator[Finding]:
    written = view.in_project(source.word.raw)
    excluded = _excluded_path(context, source)
    message = f'"{written}" is not in the build context'
    if excluded:
        why = context.left_out[excluded]
        message += f": {_because(view, context, excluded, source.path)}"
        advice = f"{why.remedy(view.in_project(source.path))}, or do not copy it"
        if why.kind is LeftOutKind.SECRETS:
            advice = "do not copy it; pass it to the run with a Prefect block or the block's env"
    elif source.is_glob:
        message = (
            f'"{written}" matches no files in the build context: BuildKit copies nothing and'
            " reports no error, the classic builder fails"
        )
        advice = "correct the pattern, or remove it"
    else:
        advice = _spelling(view, index, source)
    yield from view.finding("missing-source", span(source.word), message, advice, step=step)


def _spelling(view: View, index: Index, source: Source) -> str:
    """The nearest path of the context, or what to check."""
    folder = view.facts.project_folder
    names = [view.in_project(name) for name in index.names if name and name != folder]
    advice = "check the spelling"
    if folder:
        advice = "add it to the project folder, or fix copy = { … } in the configuration"
    return did_you_mean(view.in_project(source.path), names, advice)


def _excluded_path(context: Context, source: Source) -> str:
    """The excluded path that keeps a source out: itself, a folder above, or its content."""
    path = source.path
    while path:
        if path in context.left_out:
            return path
        path = path.rpartition("/")[0]
    if source.is_glob:
        pattern = go_match(source.path)
        matched = next((p for p in context.left_out if pattern.match(p)), "")
        if matched:
            return matched
    return next((p for p in context.left_out if p.startswith(f"{source.path}/")), "")


def _because(view: View, context: Context, excluded: str, path: str) -> str:
    """Which pattern excludes `path`: its own, or that of the folder `excluded` above it."""
    subject = "it" if excluded == path else f'"{view.in_project(excluded)}"'
    return f"{subject} is {context.left_out[excluded]}"


def excluded_by(view: View, context: Context, path: str) -> str:
    """Why the file `path` is not in the context, or "" if no pattern excludes it."""
    folder = path
    while folder:
        if folder in context.left_out:
            return _because(view, context, folder, path)
        folder = folder.rpartition("/")[0]
    return ""
