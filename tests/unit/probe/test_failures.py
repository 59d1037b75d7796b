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


def test_a_package_that_each_file_imports_itself_is_explained_once_with_all_places():
    faults = [
        (f"flows/{name}.py:f", BuildError("the module x is not in the image", code="module-missing",
         hint="add x", where=f"flows/{name}.py:1", details=f"traceback of {name}"))
        for name in ("a1", "a2")
    ]  # fmt: skip
    found = combined(faults, 3)
    assert found.message == (
        "flows/a1.py:f and flows/a2.py:f do not load: the module x is not in the image"
    )
    assert (found.where, found.hint) == ("flows/a1.py:1", "add x")
    assert found.details == "  also at flows/a2.py:1\ntraceback of a1"
    found = combined([*faults, ("b.py:g", error("late"))], 3)
    assert found.details.splitlines() == [
        "flows/a1.py:f and flows/a2.py:f do not load: the module x is not in the image",
        "  at flows/a1.py:1",
        "  at flows/a2.py:1",
        "  traceback of a1",
        "  hint: add x",
        "",
        "b.py:g does not load: late",
        "  traceback",
        "  hint: mend late",
    ]


def test_the_same_words_about_different_lines_are_two_faults():
    found = combined([("a.py:f", error("bad", "a.py:1")), ("b.py:g", error("bad", "b.py:9"))], 2)
    assert found.message == "2 of 2 flows do not load in the image"


def test_a_headline_has_no_words_twice():
    fault = error("the flow does not load: SystemExit: 3", "flows/bad/d.py:4")
    found = combined([("flows/bad/d.py:d", fault)], 9)
    assert found.message == "flows/bad/d.py:d does not load: SystemExit: 3"
