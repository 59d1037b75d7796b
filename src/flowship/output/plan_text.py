"""The words of a plan, shared by the terminal and Markdown: values, edits, sums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flowship.deployment.plan import Editor
from flowship.output.tables import value_text

if TYPE_CHECKING:
    from flowship.deployment.plan import Edit, FieldChange, Kept, Operation
    from flowship.planning.project_plan import ProjectPlan

LONGEST = 160
"""Characters of a value; what is longer loses its middle."""
DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
NOTHING = "nothing"
SEVERAL = 2
"""Changes of one operation, of which each says whose value it replaces."""
IMAGE_WORDS = {
    "nothing": "up to date in the registry",
    "push": "built; would be pushed",
    "probe": "built; its new flows would be loaded, and it would be pushed again",
    "build": "would be built and pushed",
}
"""What `ship` does for an image."""


class Row(NamedTuple):
    """One value that changes.

    Attributes:
        field: ``mem_limit``, ``job_variables.env.A``.
        before: What the server has.
        after: What it will have.
        note: Whose value is replaced, if not flowship's own.
    """

    field: str
    before: str
    after: str
    note: str


def rows(operation: Operation) -> list[Row]:
    """The values that an operation changes, each on its own; references to a block, of which
    several change together, as one."""
    found = [row for change in operation.changes for row in _rows(change, operation.edited)]
    moved = [row for row in found if _refers(row)]
    if len(moved) > 1:
        more = f"and {len(moved) - 1} more references, to the same block"
        first = moved[0]._replace(note="; ".join(filter(None, (moved[0].note, more))))
        found = [first if row is moved[0] else row for row in found if row not in moved[1:]]
    if all_edited(operation):
        found = [
            row._replace(note=row.note.removeprefix(edited(operation.edited)).lstrip("; "))
            for row in found
        ]
    return found


def all_edited(operation: Operation) -> bool:
    """Whether so many changes replace a person's values that the operation says it once."""
    changes = operation.changes
    return len(changes) > SEVERAL and all(c.edited_by is Editor.PERSON for c in changes)


def reason(operation: Operation) -> str:
    """Why, and whose values it replaces if these are all."""
    note = f"; {edited(operation.edited)}" if all_edited(operation) else ""
    return f"{operation.reason}{note}"


def _rows(change: FieldChange, edit: Edit | None) -> Iterator[Row]:
    note = edited(edit) if change.edited_by is Editor.PERSON else ""
    for name, before, after in _inner(change.field, change.before, change.after):
        yield Row(name, value(before), value(after), note)


def _inner(name: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401
    """The entries of an object that differ; other values as they are."""
    objects = [v for v in (before, after) if isinstance(v, Mapping) and v]
    if not objects or any(v is not None and not isinstance(v, Mapping) for v in (before, after)):
        yield name, before, after
        return
    had, gets = before or {}, after or {}
    for key in sorted({*had, *gets}):
        if had.get(key) != gets.get(key):
            yield f"{name}.{key}", had.get(key), gets.get(key)


def value(given: object) -> str:
    """A value as JSON, short enough for a line."""
    if given is None:
        return NOTHING
    text = DIGEST.sub(r"\1…", value_text(given))
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}"


def edited(edit: Edit | None) -> str:
    """When and by whom something was changed, as far as it is known."""
    at = f" {edit.at[:16].replace('T', ' ')} UTC" if edit and edit.at else ""
    return f"edited on the server{at}{f' by {edit.by}' if edit and edit.by else ''}"


def kept_words(kept: Kept) -> str:
    """What stays, in a line: ``block taxi-docker: privileged = true``."""
    text = f"{kept.resource.value} {kept.name}"
    if kept.field in ("paused", "enabled"):  # the reason says so
        return text
    if not kept.field:
        return f"{text} ({kept.value})" if kept.value else text
    return f"{text}: {kept.field} = {value(kept.value)}"


def kept_reason(kept: Kept) -> str:
    """Why it stays, and when it was changed."""
    edit = kept.edited
    at = f", {edit.at[:16].replace('T', ' ')} UTC" if edit and edit.at else ""
    return f"{kept.reason}{at}{f' by {edit.by}' if edit and edit.by else ''}"


def totals(plan: ProjectPlan) -> str:
    """The whole plan in a line: ``plan: 1 image to build, 2 to update; 1 kept``."""
    parts = [*_of_images(plan), *_of_operations(plan.operations)]
    changes = ", ".join(parts) or "no changes"
    kept = sum(len(each.deploy.kept) for each in plan.images)
    left = sum(len(each.deploy.left) for each in plan.images)
    counted = ((kept, "kept"), (left, "no longer in the configuration"))
    stays = [f"{number} {words}" for number, words in counted if number]
    return f"plan: {'; '.join([changes, *stays])}"


def _of_images(plan: ProjectPlan) -> Iterator[str]:
    for action, word in (("build", "build"), ("probe", "load"), ("push", "push")):
        number = sum(each.action == action for each in plan.images)
        if number:
            yield f"{number} image{'s' * (number > 1)} to {word}"


def _of_operations(operations: Sequence[Operation]) -> Iterator[str]:
    for kind in ("create", "update", "delete"):
        number = sum(each.action.value == kind for each in operations)
        if number:
            yield f"{number} to {kind}"


def _refers(row: Row) -> bool:
    """Whether a value that follows the block follows another one, or followed none."""
    return _is_reference(row.after) and (row.before == NOTHING or _is_reference(row.before))


def _is_reference(text: str) -> bool:
    return text.startswith('"{{ prefect.blocks.')


def listed(items: Iterable[str], most: int = 3) -> str:
    """The first of some names, and how many more there are."""
    shown = list(items)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
