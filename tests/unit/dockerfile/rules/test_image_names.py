"""Names of images and stages."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts
from support.dockerfiles import CONTEXT, only, underlined


@pytest.mark.parametrize(
    ("line", "place", "message", "help"),
    [
        ("COPY --from=3 a /b", "--from=3", "no earlier stage 3", "an earlier stage"),
        ("COPY --from=0 a /b", "--from=0", "stage 0 is this stage", "an earlier stage"),
        ("COPY --from=first a /b", "--from=first", "cannot copy from itself", " first:…"),
        ("COPY --from=$X a /b", "--from=$X", "does not expand variables", '"FROM $X AS other"'),
        ("COPY --from=Python:3 a /b", "--from=Python:3", "must be lowercase", 'use "python:3"'),
        ("FROM Python:3", "Python:3", 'invalid image name: "Python"', 'use "python:3"'),
        ("FROM q:1 AS 1st", "1st", "invalid stage name", "start it with a letter"),
        ("FROM q:1 AS FIRST", "FIRST", "already used on line 1", "rename one"),
    ],
)
def test_a_name_that_no_builder_accepts_is_an_error(line, place, message, help):
    text = f"FROM q:1 AS first\n{line}\n"
    (finding,) = only("syntax", text)
    assert finding.severity == "error"
    assert (finding.line, underlined(text, finding)) == (2, place)
    assert message in finding.message
    assert help in finding.help


def test_a_first_part_with_uppercase_letters_may_be_a_host():
    assert [f.severity for f in only("syntax", "FROM Prefecthq/prefect:3\n")] == ["warning"]
    assert [f.severity for f in only("syntax", "FROM prefecthq/Prefect:3\n")] == ["error"]
    assert only("syntax", "FROM Registry.example.com/prefect:3\nFROM LOCAL:5000/x:1\n") == []


def test_onbuild_instructions_belong_to_another_build():
    text = "FROM q:1\nONBUILD COPY --from=4 a /b\nONBUILD COPY *.py /x\n"
    assert only("syntax", text, Facts(context=CONTEXT)) == []
