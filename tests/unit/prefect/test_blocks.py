"""The requests about blocks."""

from __future__ import annotations

import pytest

from flowship.prefect.errors import ConflictError
from support.targets import always, api


def test_a_block_that_does_not_exist_is_not_found():
    server = api(always(404, {"detail": "Block type not found"}))
    assert server.block_type("secret") is None
    assert server.block_document("secret", "x") is None


@pytest.mark.parametrize("change", ["create_block_document", "create_block_schema"])
def test_what_another_client_creates_at_the_same_time_is_a_conflict(change):
    with pytest.raises(ConflictError):
        getattr(api(always(409, {"detail": "already exists"})), change)({"name": "x"})
