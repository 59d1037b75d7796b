"""The values of an examination, and their JSON."""

from __future__ import annotations

from flowship.doctor.result import Examination, Result, Severity, error, of_error, ok, skipped
from flowship.errors import ConfigError


def test_warnings_are_healthy_and_errors_are_not():
    good = Examination("p", None, (Result("a", ok("fine")), Result("b", skipped("no project"))))
    assert (good.healthy, good.count(Severity.OK), good.fixed) == (True, 1, ())
    bad = Examination("p", None, (*good.results, Result("c", error("x", "y", "`z`"))))
    assert bad.healthy is False
    found = bad.to_json()
    assert (found["errors"], found["warnings"], found["healthy"]) == (1, 0, False)
    assert found["checks"][2] == {
        "code": "c",
        "severity": "error",
        "found": "x",
        "meaning": "y",
        "remedy": "`z`",
        "details": "",
    }


def test_what_was_fixed_is_listed():
    fixed = Examination(None, None, (Result("a", ok("nothing is left", ["removed a lock"])),))
    assert fixed.fixed == ("removed a lock",)
    assert fixed.to_json()["fixed"] == ["removed a lock"]


def test_an_error_of_a_step_keeps_its_place_and_its_advice():
    finding = of_error(ConfigError("x is wrong", hint="do y", where="f.toml:1:2"), "Nothing works.")
    assert (finding.found, finding.remedy) == ("f.toml:1:2: x is wrong", "do y")
    assert finding.severity is Severity.ERROR
