"""One error for all flows of an image that do not load."""

from __future__ import annotations

from flowship.errors import BuildError
from flowship.probe.failures import combined


def error(message: str, where: str = "") -> BuildError:
    return BuildError(message, code="c", hint=f"mend {message}", where=where, details="traceback")


def test_one_flow_is_named_and_keeps_its_explanation():
    found = combined([("a.py:f", error("no module x", "a.py:1"))], 3)
    assert found.message == "a.py:f does not load: no module x"
    assert (found.code, found.hint, found.where, found.details) == (
        "c", "mend no module x", "a.py:1", "traceback",
    )  # fmt: skip


def test_flows_with_the_same_fault_share_its_explanation():
    faults = [(f"{name}.py:f", error("no module x", "shared.py:1")) for name in "abc"]
    found = combined(faults, 4)
    assert found.message == "a.py:f, b.py:f and c.py:f do not load: no module x"


def test_each_of_several_causes_is_explained():
    found = combined([("a.py:f", error("no module x", "a.py:1")), ("b.py:g", error("late"))], 9)
    assert (found.message, found.code) == (
        "2 of 9 flows do not load in the image",
        "flows-do-not-load",
    )
    assert found.details.splitlines() == [
        "a.py:f does not load: no module x",
        "  at a.py:1",
        "  traceback",
        "  hint: mend no module x",
        "",
        "b.py:g does not load: late",
        "  traceback",
        "  hint: mend late",
    ]
