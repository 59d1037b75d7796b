"""The requests about blocks: their types, schemas and documents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from flowship.prefect.wire import Wire, path_part

if TYPE_CHECKING:
    from flowship.prefect.types import BlockDocument, BlockSchema, BlockType


class BlockRequests(Wire):
    """The endpoints of blocks."""

    def block_type(self, slug: str) -> BlockType | None:
        """The block type, or None."""
        return cast("BlockType | None", self._get(f"/block_types/slug/{path_part(slug)}"))

    def create_block_type(self, body: Mapping[str, Any]) -> BlockType:
        """Register a block type."""
        return cast("BlockType", self._must("POST", "/block_types/", body))

    def block_schema(self, checksum: str, version: str) -> BlockSchema | None:
        """The block schema with this checksum, or None."""
        path = f"/block_schemas/checksum/{path_part(checksum)}?version={path_part(version)}"
        return cast("BlockSchema | None", self._get(path))

    def create_block_schema(self, body: Mapping[str, Any]) -> BlockSchema:
        """Register a block schema; the existing one comes back when there is one."""
        return cast("BlockSchema", self._must("POST", "/block_schemas/", body))

    def block_document(
        self, slug: str, name: str, *, include_secrets: bool = False
    ) -> BlockDocument | None:
        """The block document, its secrets obscured unless they are asked for, or None."""
        path = f"/block_types/slug/{path_part(slug)}/block_documents/name/{path_part(name)}"
        path += "?include_secrets=true" if include_secrets else ""
        return cast("BlockDocument | None", self._get(path))

    def create_block_document(self, body: Mapping[str, Any]) -> BlockDocument:
        """Save a new block document."""
        return cast("BlockDocument", self._must("POST", "/block_documents/", body))

    def update_block_document(self, document_id: str, body: Mapping[str, Any]) -> None:
        """Change the fields given in ``data``, keep the others."""
        self._request("PATCH", f"/block_documents/{document_id}", body)

    def block_documents(self, slug: str, names: Collection[str]) -> list[BlockDocument]:
        """The block documents of a type that have one of these names, their secrets obscured."""
        body = {
            "block_types": {"slug": {"any_": [slug]}},
            "block_documents": {"name": {"any_": list(names)}},
        }
        return cast("list[BlockDocument]", list(self._pages("/block_documents/filter", body)))

    def notification_types(self) -> list[str]:
        """The slugs of the block types that can send notifications."""
        body = {"block_schemas": {"block_capabilities": {"all_": ["notify"]}}}
        found = self._list("POST", "/block_types/filter", body)
        return [str(kind["slug"]) for kind in found]

    def delete_block_document(self, document_id: str) -> None:
        """Delete a block document, if it still exists."""
        self._request("DELETE", f"/block_documents/{document_id}", missing=True)

    def newest_schema(self, block_type_id: str) -> BlockSchema | None:
        """The schema of a block type that the server registered last, or None."""
        body = {"block_schemas": {"block_type_id": {"any_": [block_type_id]}}}
        found = self._list("POST", "/block_schemas/filter", body)
        return cast("BlockSchema | None", found[0] if found else None)
