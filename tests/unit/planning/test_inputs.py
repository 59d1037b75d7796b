"""Which inputs of an image changed."""

from __future__ import annotations

from flowship.planning.inputs import changed


def test_every_input_that_differs_is_named():
    before = {"flow.py": "1", "helper.py": "2", "gone.py": "3"}
    after = {"flow.py": "9", "helper.py": "2", "new.py": "4"}
    assert changed(before, after) == ["flow.py changed", "gone.py removed", "new.py added"]


def test_the_result_is_empty_where_one_side_is_not_known():
    assert changed({}, {"flow.py": "1"}) == []
    assert changed({"flow.py": "1"}, {}) == []
