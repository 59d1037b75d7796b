"""The notification blocks that alerts name: found on the server before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowship.errors import ConfigError, nearest

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi

NOTIFY = "notify"
"""What the server calls it that a block can send notifications."""


def found(api: PrefectApi, wanted: Mapping[str, str]) -> dict[str, str]:
    """The ids of notification blocks, in one request for each type of block.

    Args:
        api: The server; not asked where nothing is wanted.
        wanted: The blocks, ``type/name``, and where each is written.

    Raises:
        ConfigError: One does not exist, or is not a notification block.
        ApiError: The API does not answer or refuses.
    """
    names: dict[str, list[str]] = {}
    for block in wanted:
        slug, _, name = block.partition("/")
        names.setdefault(slug, []).append(name)
    documents = {
        f"{slug}/{document['name']}": document
        for slug, listed in names.items()
        for document in api.block_documents(slug, listed)
    }
    for block, where in wanted.items():
        if block not in documents:
            raise _missing(api, block, where)
        if NOTIFY not in documents[block]["block_schema"]["capabilities"]:
            raise ConfigError(
                f'notify: the block "{block}" cannot send notifications',
                code="block-not-notification",
                hint=f"name a notification block, or create one: {api.ui_url('blocks/catalog')}",
                where=where,
            )
    return {block: documents[block]["id"] for block in wanted}


def _missing(api: PrefectApi, block: str, where: str) -> ConfigError:
    slug, _, name = block.partition("/")
    if api.block_type(slug) is not None:
        return ConfigError(
            f'notify: the server has no block "{name}" of the type "{slug}"',
            code="notification-block-not-found",
            hint=f"create it: {api.ui_url(f'blocks/catalog/{slug}/create')}",
            where=where,
        )
    close = nearest(slug, api.notification_types())
    return ConfigError(
        f'notify: the server has no block type "{slug}"',
        code="notification-block-not-found",
        hint=f'did you mean "{close}/{name}"?'
        if close
        else f"the types are listed at {api.ui_url('blocks/catalog')}",
        where=where,
    )
