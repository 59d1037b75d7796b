"""The Docker Container block on the server: registered, created, and kept as configured.

Only the fields that the configuration gives are written, and the image: what a person set in
the UI beside them stays, and what is written over is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowship.config.settings import Settings
from flowship.deployment import docker_block
from flowship.deployment.desired import ImageFacts, image_version
from flowship.deployment.report import BlockReport, Change
from flowship.events import Phase, Report
from flowship.prefect.client import Json, PrefectApi


def converge(
    api: PrefectApi,
    settings: Settings,
    image: ImageFacts,
    document: Json | None,
    *,
    credentials: Json | None,
    own_versions: frozenset[str],
    report: Report,
) -> tuple[BlockReport, dict[str, Any]]:
    """Make the document hold the image and what the configuration gives.

    Args:
        api: The server.
        settings: The project's.
        image: What its runs start.
        document: As the server has it; None where it is to be created.
        credentials: The block for the worker's pull that the configuration names, if any.
        own_versions: The images that flowship itself deployed on this block: to write over one
            of these is no news.
        report: Told what is being done.

    Returns:
        What was done, and everything the document now holds.
    """
    name = settings.block_name
    type_id, schema_id = _registered(document) or _register(api)
    current: dict[str, Any] = dict(document["data"]) if document else {}
    wanted = _wanted(settings, image, current, credentials)
    stated = {**current, **wanted, **_reference(credentials, current, wanted)}
    if document is None:
        report(Phase(f"creating the block {docker_block.SLUG}/{name}"))
        body = {"name": name, "data": wanted, "block_type_id": type_id}
        document = api.create_block_document({**body, "block_schema_id": schema_id})
        return _block_report(api, document, "created", ()), stated
    differing = {k: v for k, v in wanted.items() if not _same_field(document, k, v)}
    if not differing and document["block_schema_id"] == schema_id:
        return _block_report(api, document, "unchanged", ()), stated
    report(Phase(f"updating the block {docker_block.SLUG}/{name}"))
    # A reference that a PATCH does not repeat is dropped by the server, and the field with it.
    repeated = {"registry_credentials": _stored_reference(document)} | differing
    api.update_block_document(document["id"], {"data": repeated, "block_schema_id": schema_id})
    edits = _edits(current, differing, own_versions)
    return _block_report(api, document, "updated", edits), stated


def _registered(document: Json | None) -> tuple[str, str] | None:
    """The ids of the type and the schema where the document is of our schema already."""
    if document is None or document["block_schema"]["checksum"] != _checksum():
        return None
    return document["block_type_id"], document["block_schema_id"]


def _checksum() -> str:
    checksum: str = docker_block.registration()["checksum"]
    return checksum


def _register(api: PrefectApi) -> tuple[str, str]:
    """Make sure of the block type and its schema.

    Returns:
        Their ids.
    """
    shipped = docker_block.registration()
    kind: Json = {}
    for body in shipped["block_types"]:
        kind = api.block_type(body["slug"]) or api.create_block_type(body)
    wanted = shipped["block_schema"]
    schema = api.block_schema(_checksum(), wanted["version"])
    if schema is None or schema["block_type_id"] != kind["id"]:
        schema = api.create_block_schema({**wanted, "block_type_id": kind["id"]})
    return kind["id"], schema["id"]


def _wanted(
    settings: Settings, image: ImageFacts, current: Mapping[str, Any], credentials: Json | None
) -> dict[str, Any]:
    """The fields to write: what the configuration gives, the image, and what is not there yet."""
    given = docker_block.configured_fields(settings.block)
    absent = {k: v for k, v in docker_block.DEFAULTS.items() if k not in current}
    wanted = absent | given | {"image": image.reference}
    if not image.pushed:
        wanted["image_pull_policy"] = "Never"
    elif "image_pull_policy" not in given and current.get("image_pull_policy") == "Never":
        # Ours from when the image was not pushed: a worker elsewhere could never start.
        wanted["image_pull_policy"] = docker_block.DEFAULTS["image_pull_policy"]
    if credentials is not None:
        wanted["registry_credentials"] = {"$ref": {"block_document_id": credentials["id"]}}
    return wanted


def _reference(
    credentials: Json | None, current: Mapping[str, Any], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Whether the block has credentials, without looking at what they are."""
    has = credentials is not None or bool(current.get("registry_credentials"))
    return {"registry_credentials": {} if has else wanted.get("registry_credentials")}


def _same_field(document: Json, name: str, value: object) -> bool:
    data = document["data"]
    if name == "registry_credentials" and isinstance(value, Mapping):
        return _stored_reference(document) == value
    return name in data and data[name] == value


def _stored_reference(document: Json) -> Json | None:
    """The document's registry credentials as the API takes them."""
    references = document.get("block_document_references") or {}
    held = (references.get("registry_credentials") or {}).get("block_document")
    return {"$ref": {"block_document_id": held["id"]}} if held else None


def _edits(
    current: Mapping[str, Any], written: Mapping[str, Any], ours: frozenset[str]
) -> tuple[Change, ...]:
    """What stood in the fields written over; an image only where it was not flowship's own."""
    edits = []
    for name, value in written.items():
        if name not in current or name == "registry_credentials":
            continue
        if name == "image" and image_version(str(current[name])) in ours:
            continue
        was, now = docker_block.masked(current[name]), docker_block.masked(value)
        edits.append(Change(name, was, now))
    return tuple(edits)


def _block_report(
    api: PrefectApi, document: Json, outcome: str, edits: tuple[Change, ...]
) -> BlockReport:
    url = api.ui_url(f"blocks/block/{document['id']}")
    return BlockReport(document["name"], document["id"], outcome, edits, {}, url)
