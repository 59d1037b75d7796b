"""A plan: the ordered operations that make the server what is desired. Plain values."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Action(str, Enum):
    """What an operation does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Resource(str, Enum):
    """What an operation is about."""

    WORK_POOL = "work-pool"
    BLOCK_TYPE = "block-type"
    BLOCK_SCHEMA = "block-schema"
    BLOCK = "block"
    FLOW = "flow"
    DEPLOYMENT = "deployment"
    SCHEDULE = "schedule"
    AUTOMATION = "automation"


class Editor(str, Enum):
    """Who gave a field the value that an operation replaces."""

    FLOWSHIP = "flowship"
    PERSON = "person"
    """Or another program: the value is not the one of flowship's last release."""
    UNKNOWN = "unknown"
    """No release recorded it, or a later deploy that did not complete may have written it."""


@dataclass(frozen=True)
class Edit:
    """A change on the server that no deploy made.

    Attributes:
        at: When the server last wrote the resource: ISO 8601, UTC; None where it is not known.
        by: Who did, where the server knows: the open-source server does not.
    """

    at: str | None = None
    by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The edit as JSON values only."""
        return {"at": self.at, "by": self.by}


@dataclass(frozen=True)
class IdOf:
    """In the body of an operation: the id of what an earlier operation creates.

    Attributes:
        key: Of the earlier operation.
        prefix: What the id is preceded by: ``prefect.deployment.``.
    """

    key: str
    prefix: str = ""


@dataclass(frozen=True)
class FieldChange:
    """One field of a resource.

    Attributes:
        field: ``mem_limit``, ``parameters.year``, ``schedule``.
        before: What the server has, secrets masked; None for nothing.
        after: What it will have, secrets masked.
        reason: Why it changes.
        edited_by: Who gave it the value that is replaced.
        fingerprint: Of the value replaced, by which a release is compared with it.
    """

    field: str
    before: Any
    after: Any
    reason: str
    edited_by: Editor = Editor.UNKNOWN
    fingerprint: str = dataclasses.field(default="", repr=False)

    def to_json(self) -> dict[str, Any]:
        """The change as JSON values only."""
        return {
            "field": self.field,
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
            "edited_by": self.edited_by.value,
        }


@dataclass(frozen=True)
class Operation:
    """One request that changes something.

    Attributes:
        action: What it does.
        resource: To what.
        name: Which one: ``taxi/nightly``, ``flowship``.
        reason: Why.
        changes: Field by field; empty where something is created or deleted as a whole.
        id: Of what is changed or deleted.
        parent: The deployment of a schedule.
        body: What is sent. Not shown: it may hold secrets.
        key: Under which a later operation finds the id of what this one creates.
        edited: When and by whom the resource was changed since the last release, where it was.
    """

    action: Action
    resource: Resource
    name: str
    reason: str
    changes: tuple[FieldChange, ...] = ()
    id: str | None = None
    parent: str | IdOf | None = None
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    key: str = ""
    edited: Edit | None = None

    def to_json(self) -> dict[str, Any]:
        """The operation as JSON values only; the body is left out."""
        return {
            "action": self.action.value,
            "resource": self.resource.value,
            "name": self.name,
            "reason": self.reason,
            "changes": [change.to_json() for change in self.changes],
            "edited": self.edited.to_json() if self.edited else None,
        }


@dataclass(frozen=True)
class Kept:
    """What the server has, the configuration does not say, and a deploy leaves as it is.

    Attributes:
        resource: Of what.
        name: Which one, as in `Operation`.
        field: ``paused``, ``mem_limit``; empty for the resource as a whole.
        value: What it has, secrets masked.
        reason: Why it differs.
        edited: When and by whom it was changed since the last release, where it was.
    """

    resource: Resource
    name: str
    field: str
    value: Any
    reason: str
    edited: Edit | None = None

    def to_json(self) -> dict[str, Any]:
        """The value as JSON values only."""
        return {
            "resource": self.resource.value,
            "name": self.name,
            "field": self.field,
            "value": self.value,
            "reason": self.reason,
            "edited": self.edited.to_json() if self.edited else None,
        }


@dataclass(frozen=True)
class Plan:
    """Everything that a deploy would change, in order.

    Attributes:
        operations: The changes; empty where the server agrees.
        reschedule: Deployments whose next runs the server is to plan at once, after the operations.
    """

    operations: tuple[Operation, ...]
    reschedule: tuple[str | IdOf, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.operations)

    @property
    def by_person(self) -> bool:
        """Whether any change would replace a person's edit."""
        return any(c.edited_by is Editor.PERSON for o in self.operations for c in o.changes)

    def of(self, resource: Resource, name: str) -> tuple[Operation, ...]:
        """The operations on one resource."""
        return tuple(o for o in self.operations if (o.resource, o.name) == (resource, name))

    def to_json(self) -> list[dict[str, Any]]:
        """The operations as JSON values only."""
        return [operation.to_json() for operation in self.operations]


def fingerprint(value: object) -> str:
    """Eight hexadecimal digits of a value: enough to see that it is another one, too few to
    find a secret by."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def field_key(resource: Resource, name: str, field: str) -> str:
    """Under which a release records a field."""
    return f"{resource.value} {name} {field}"
