"""Renders what `delete` and `prune` remove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from flowship.events import readable_size
from flowship.output.tables import warning_lines
from flowship.output.terminal import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from flowship.operate.delete import Deleted, Deletion
    from flowship.operate.prune import PrunedImage

SHOWN = 3
"""Deployments that the configuration still has; the others are counted."""


def planned(deletion: Deletion, *, follows: bool = False) -> Iterator[RenderableType]:
    """What would be deleted, and what stays.

    Args:
        deletion: The plan.
        follows: It is carried out without a question, and shows each change as it is made.
    """
    for operation in () if follows else deletion.plan.operations:
        yield (
            f"  [red]-[/] {operation.action.value} {operation.resource.value}"
            f" [bold]{escape(one_line(operation.name))}[/] [dim]({escape(operation.reason)})[/]"
        )
    for block, user in deletion.kept.items():
        yield (
            f"  [dim]the block {escape(block)} stays: the deployment {escape(one_line(user))}"
            " uses it[/]"
        )
    yield "  [dim]runs, images, Secret blocks and the work pool stay[/]"
    if not follows:
        yield from _configured(deletion)


def _configured(deletion: Deletion) -> Iterator[RenderableType]:
    """That the next deploy creates again what the configuration still has."""
    places = deletion.configured
    for name, place in list(places.items())[:SHOWN]:
        yield (
            f"[yellow]note:[/] the configuration still has {escape(one_line(name))}, so the next"
            f" deploy creates it again: remove it at {escape(place)}"
        )
    if len(places) > SHOWN:
        yield f"[yellow]note:[/] and {len(places) - SHOWN} more that it still has"


def done(deletion: Deletion, what: Deleted, *, dry_run: bool) -> Iterator[RenderableType]:
    """What was deleted, and how it comes back."""
    if dry_run:
        yield "nothing was changed (--dry-run)"
        return
    for name in deletion.deployments:
        yield f"[green]✓[/] deleted [bold]{escape(one_line(name))}[/]"
    release = what.release
    if release is None and not what.warnings and deletion.deployments:
        yield "  [dim]no release knew it, so nothing was recorded[/]"
    elif release and deletion.last:
        last = deletion.last
        where = f"--env {last.environment}" if last.environment else f"--project {last.project}"
        yield f"  back: `flowship rollback {last.number} {escape(where)}`"
    yield from _configured(deletion)
    yield from warning_lines(what.warnings)


def pruned(images: Sequence[PrunedImage], freed: int | None) -> Iterator[RenderableType]:
    """Which images were removed, or would be, and which were kept.

    Args:
        images: From the plan.
        freed: Bytes; None in a dry run.
    """
    removed = [each for each in images if not each.kept]
    for image in images:
        name = escape(one_line(image.names[0] if image.names else image.id[:19]))
        size = readable_size(image.size)
        if image.kept:
            yield f"  [dim]keep   {name}  {size}  ({escape(image.kept)})[/]"
        else:
            yield f"  [red]remove[/] {name}  {size}"
    if not removed:
        yield "nothing to remove"
    elif freed is None:
        yield f"{len(removed)} of {len(images)} would be removed; nothing was changed (--dry-run)"
    else:
        yield f"[green]✓[/] removed {len(removed)} of {len(images)}, freed {readable_size(freed)}"
