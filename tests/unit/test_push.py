"""The parts of a push that need neither an engine nor a registry."""

from __future__ import annotations

import pytest

from flowship.errors import RegistryError
from flowship.push import check_digest
from support.streams import HERE


def test_a_tag_that_someone_else_moved_is_an_error():
    check_digest("sha256:aa", "sha256:aa", HERE)
    with pytest.raises(
        RegistryError, match="in the registry is not the one that was pushed"
    ) as caught:
        check_digest("sha256:aa", "sha256:bb", HERE)
    assert caught.value.code == "registry-tag-moved"
    assert caught.value.details == "pushed:   sha256:aa\nregistry: sha256:bb"
