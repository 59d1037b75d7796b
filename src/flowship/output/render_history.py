"""Renders the releases of a project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from flowship.deployment.alerts import short_name
from flowship.output import render_plan
from flowship.output.tables import short_digest, table, titled_row, value_text
from flowship.output.terminal import one_line
from flowship.releases import words
from flowship.releases.record import ReleasedDeployment, ReleasedImage

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.operate.rollback import Rollback
    from flowship.releases.record import Release

INDENT = "    "
TAG, WHO = 14, 20
"""Characters of a column on a terminal."""


def to_json(release: Release) -> dict[str, Any]:
    """A release for ``--json``: whole, with what the server adds."""
    return {
        "number": release.number,
        "id": release.id,
        "created": release.created,
        "project": release.project,
        "environment": release.environment,
        "made_by": release.made_by,
        "who": release.who,
        "flowship": release.flowship,
        "format": release.format,
        "incomplete": release.incomplete,
        "changes": words.changes(release),
        "images": [_image_json(image) for image in release.images],
        "deployments": list(release.deployments),
        "operations": list(release.operations),
    }


def _image_json(image: ReleasedImage) -> dict[str, Any]:
    from dataclasses import asdict

    document = asdict(image)
    del document["flows"]  # with their schemas; their entrypoints say which they are
    return document | {
        "digest": image.digest,
        "dirty": image.dirty,
        "entrypoints": [flow.entrypoint for flow in image.flows],
    }


def listed(
    project: str,
    releases: Sequence[Release],
    *,
    environment: str | None = None,
    columns: int | None = None,
) -> list[RenderableType]:
    """The releases, two lines each.

    Args:
        project: The project's name.
        releases: The newest first.
        environment: The only one whose releases these are.
        columns: The width of the terminal: the summary of the changes, the tag and the name of a
            person are shortened, and never the environment. None shortens nothing.
    """
    if not releases:
        of, command = words.of_environment(environment), words.first_release(environment)
        return [escape(f"{project} has no release{of}: `{command}` records the first one")]
    rows = [_row(release, shorten=columns is not None) for release in releases]
    heads = ("", "when", "what", "image", "git", "who")
    widths = [max(len(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    widths[-1] = 0
    lines: list[RenderableType] = [f"[dim]{escape(_line(heads, widths))}[/]"]
    for release, row in zip(releases, rows, strict=True):
        changes = _cropped("; ".join(words.changes(release)), columns and columns - len(INDENT))
        lines.append(f"[bold]{escape(_line(row, widths))}[/]")
        lines.append(f"{INDENT}[dim]{escape(changes)}[/]")
    return lines


def _row(release: Release, *, shorten: bool) -> tuple[str, ...]:
    image = release.images[0] if release.images else None
    more = f" +{len(release.images) - 1}" if len(release.images) > 1 else ""
    texts = (
        str(release.number) if release.number else "-",
        _when(release),
        _what(release),
        (_cropped(_short(image), TAG if shorten else None) if image else "") + more,
        f"{image.commit[:7]}{'*' if image.dirty else ''}" if image else "",
        _cropped(release.who, WHO if shorten else None),
    )
    return tuple(map(one_line, texts))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].rjust(first[1]), *(c.ljust(w) for c, w in others)]).rstrip()


def _cropped(text: str, width: int | None) -> str:
    text = one_line(text)
    return text if width is None or len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def _when(release: Release) -> str:
    return f"{release.created.astimezone():%Y-%m-%d %H:%M}" if release.created else ""


def _what(release: Release) -> str:
    environment = f" ({release.environment})" if release.environment else ""
    return one_line(f"{release.made_by}{environment}")


def _short(image: ReleasedImage) -> str:
    """The tag; without one, the beginning of the digest."""
    tag = image.name.rpartition("/")[2].partition(":")[2]
    return tag or image.digest.removeprefix("sha256:")[:12]


# --- a rollback ---------------------------------------------------------------------------------


def rollback(found: Rollback, *, follows: bool = False) -> list[RenderableType]:
    """What a rollback would change.

    Args:
        found: The rollback.
        follows: It is carried out without a question, and shows each change as it is made.
    """
    target = found.target
    named = (
        f"[bold]release {target.number}[/]"
        f" ({escape(_when(target))}, {escape(one_line(target.made_by))})"
    )
    lines: list[RenderableType] = [
        f"{named} is the present one; what differs from it on the server goes back"
        if target.number == found.last.number
        else f"from release {found.last.number} to {named}"
    ]
    for plan in () if follows else found.plans:
        lines += render_plan.of_report(plan)
    for image in found.images:
        lines += [
            f"  [dim]{escape(place)} is not recorded, and stays as it is[/]" for place in image.kept
        ]
        lines += [
            f"[yellow]warning:[/] {escape(place)} is not recorded, and the server has no value"
            for place in image.lost
        ]
    return lines


# --- one release ---------------------------------------------------------------------------------


def full(release: Release, page: str) -> list[RenderableType]:
    """One release with everything that it holds."""
    lines: list[RenderableType] = [
        f"[bold]release {release.number} of {escape(one_line(release.project))}[/]",
        titled_row(
            "made by", f"flowship {_what(release)}, by {one_line(release.who or 'unknown')}"
        ),
        titled_row("when", _when(release)),
        titled_row("page", page),
    ]
    if release.incomplete:
        lines.append(f"  [yellow]incomplete[/]  {escape(one_line(release.incomplete))}")
    for image in release.images:
        lines += _image(image)
    for deployment in release.deployments:
        lines += _deployment(deployment)
    alerts = [name for image in release.images for name in image.alert_names]
    lines += [f"alert [bold]{escape(one_line(short_name(name)))}[/]" for name in alerts]
    return [*lines, "changed", *(f"  {escape(one_line(text))}" for text in words.changes(release))]


def _image(image: ReleasedImage) -> Iterator[RenderableType]:
    yield f"image [bold]{escape(one_line(image.label))}[/]"
    yield titled_row("name", image.name)
    yield titled_row("digest", short_digest(image.digest) or "none: it was never pushed")
    if image.revision:
        yield titled_row("git", f"{image.commit}{', with changes' if image.dirty else ''}")
    yield titled_row("block", f"docker-container/{image.block}")
    if image.prefect:
        yield titled_row("Prefect", f"{image.prefect}, {image.platform}")


def _deployment(each: ReleasedDeployment) -> Iterator[RenderableType]:
    paused = " (paused)" if each.paused else ""
    yield f"deployment [bold]{escape(one_line(each.full_name))}[/]{paused}"
    for schedule in each.schedules:
        yield titled_row("runs", schedule.words + ("" if schedule.active else " (paused)"))
    rows = [(name, value_text(value)) for name, value in each.parameters.items()]
    if rows:
        yield table(("parameter", "value"), rows)
