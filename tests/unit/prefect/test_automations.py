"""The requests about automations."""

from __future__ import annotations

import pytest

from flowship.errors import ApiError
from support.targets import always, api


def test_an_automation_that_is_gone_may_be_deleted_again():
    api(always(404, {"detail": "Automation not found"})).delete_automation("1")


def test_an_update_says_whether_the_automation_is_enabled():
    with pytest.raises(AssertionError):
        api(always(204, {})).update_automation("1", {"name": "x"})


def test_what_the_server_refuses_is_an_error():
    with pytest.raises(ApiError):
        api(always(422, {"detail": "no trigger"})).create_automation({})
