"""The Docker Container block: what is registered, created and changed. Pure.

Only the fields that the configuration names are changed, and the image. What a person set in the
UI stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowship.deployment import docker_block
from flowship.deployment.plan import (
    Action,
    Editor,
    FieldChange,
    IdOf,
    Operation,
    Resource,
    fingerprint,
)
from flowship.redaction import mask_value

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.observed import ServerState
    from flowship.prefect.types import BlockDocument

CREDENTIALS = "registry_credentials"

NEW_IMAGE = "new image"
OTHER_IMAGE = "the block has another image"
"""A deploy of the desired image began before: it broke off, or the block was changed since."""

EDITED_IMAGE = "the block's image was edited"


def operations(desired: DesiredState, state: ServerState) -> Iterator[Operation]:
    """Register the block's type and schema where they are missing; create or change the block."""
    yield from _registration(state)
    document, wanted = state.block, wanted_fields(desired, state)
    name = desired.block.name
    type_id, schema_id = _ids(state)
    if document is None:
        body = {"name": name, "data": wanted, "block_type_id": type_id}
        yield Operation(
            Action.CREATE,
            Resource.BLOCK,
            name,
            "it does not exist",
            body={**body, "block_schema_id": schema_id},
        )
        return
    differing = {k: v for k, v in wanted.items() if stored_field(document, k) != v}
    outdated = document["block_schema_id"] != schema_id
    if not differing and not outdated:
        return
    # A reference that a PATCH does not repeat is dropped by the server, and the field with it.
    data = {CREDENTIALS: stored_field(document, CREDENTIALS)} | differing
    yield Operation(
        Action.UPDATE,
        Resource.BLOCK,
        name,
        _reason(desired, state, differing),
        changes=tuple(_change(desired, document, k, v) for k, v in differing.items()),
        id=document["id"],
        body={"data": data, "block_schema_id": schema_id},
    )


def explained(operation: Operation) -> Operation:
    """The same change of a block, with a reason that says who is behind its image.

    Args:
        operation: With the editor of each change.
    """
    reasons = {Editor.FLOWSHIP: NEW_IMAGE, Editor.PERSON: EDITED_IMAGE}
    editor = next((c.edited_by for c in operation.changes if c.field == "image"), Editor.UNKNOWN)
    reason = operation.reason.replace(OTHER_IMAGE, reasons.get(editor, OTHER_IMAGE))
    return replace(operation, reason=reason)


def wanted_fields(desired: DesiredState, state: ServerState) -> dict[str, Any]:
    """The fields to write: what the configuration gives, the image, and what is not there yet."""
    current = state.block["data"] if state.block else {}
    given = desired.block.fields
    absent = {k: v for k, v in docker_block.DEFAULTS.items() if k not in current}
    image, stored = desired.image.reference, str(current.get("image") or "")
    same = docker_block.is_same_image(image, stored)
    wanted = {**absent, **given, "image": stored if same else image}
    clear_text = desired.block.secrets & (current.get("env") or {}).keys()
    if clear_text and "env" not in given:  # from before it was a secret
        wanted["env"] = {k: v for k, v in current["env"].items() if k not in clear_text}
    if not desired.image.pushed:
        wanted["image_pull_policy"] = "Never"
    elif "image_pull_policy" not in given and current.get("image_pull_policy") == "Never":
        # From when the image was not pushed: a worker elsewhere could never start it.
        wanted["image_pull_policy"] = docker_block.DEFAULTS["image_pull_policy"]
    if state.ground.credentials is not None:
        wanted[CREDENTIALS] = {"$ref": {"block_document_id": state.ground.credentials["id"]}}
    return wanted


def block_after(desired: DesiredState, state: ServerState) -> dict[str, Any]:
    """Everything that the block holds after the deploy; of credentials only whether there are."""
    current = state.block["data"] if state.block else {}
    wanted = wanted_fields(desired, state)
    has = state.ground.credentials is not None or bool(current.get(CREDENTIALS))
    return {**current, **wanted, CREDENTIALS: {} if has else wanted.get(CREDENTIALS)}


def stored_field(document: BlockDocument, name: str) -> Any:  # noqa: ANN401 JSON
    """A field as the API takes it: credentials as their reference."""
    if name != CREDENTIALS:
        return document["data"].get(name)
    references = document.get("block_document_references") or {}
    held = (references.get(CREDENTIALS) or {}).get("block_document")
    return {"$ref": {"block_document_id": held["id"]}} if held else None


def _registration(state: ServerState) -> Iterator[Operation]:
    shipped = docker_block.registration()
    for body in shipped["block_types"]:
        slug = body["slug"]
        if state.registration.types.get(slug, "") is None:
            yield Operation(
                Action.CREATE,
                Resource.BLOCK_TYPE,
                slug,
                "it is not registered",
                body=body,
                key=f"block-type {slug}",
            )
    if state.registration.schema is None:
        yield Operation(
            Action.CREATE,
            Resource.BLOCK_SCHEMA,
            docker_block.SLUG,
            "it is not registered",
            body={**shipped["block_schema"], "block_type_id": _ids(state)[0]},
            key="block-schema",
        )


def _ids(state: ServerState) -> tuple[str | IdOf, str | IdOf]:
    kind = state.registration.types[docker_block.SLUG]
    return kind or IdOf(f"block-type {docker_block.SLUG}"), (
        state.registration.schema or IdOf("block-schema")
    )


def _reason(desired: DesiredState, state: ServerState, differing: Mapping[str, Any]) -> str:
    """Why the block changes; a new image must not hide that other fields change too."""
    if not differing:
        return "the block's schema is outdated"
    reasons = []
    if "image" in differing:
        began = state.has_deployed(desired.image.reference)
        reasons.append(OTHER_IMAGE if began else NEW_IMAGE)
        reasons += ["not pushed"] * (not desired.image.pushed)
    if not all(_follows_the_image(desired, name) for name in differing):
        reasons.append("the configuration differs")
    return ", ".join(reasons)


def _follows_the_image(desired: DesiredState, name: str) -> bool:
    """Whether the image decides a field, and not the configuration."""
    by_image = not desired.image.pushed or name not in desired.block.fields
    return name == "image" or (name == "image_pull_policy" and by_image)


def _change(
    desired: DesiredState, document: BlockDocument, name: str, value: object
) -> FieldChange:
    before = stored_field(document, name)
    if name == CREDENTIALS:
        shown = ("another block" if before else None, "the configured block" if value else None)
    else:
        shown = mask_value(before, name), mask_value(value, name)
    reason = NEW_IMAGE if _follows_the_image(desired, name) else "configuration"
    return FieldChange(name, *shown, reason=reason, fingerprint=fingerprint(before))
