"""What the probe's container printed: the marker, the answer, and the image's own output.

The containers themselves are tested with a real engine in tests/integration/test_image.py.
"""

from __future__ import annotations

import pytest

from flowship.probe.container import ContainerOutput
from flowship.probe.script import STARTED


def test_the_answer_is_the_first_json_line_after_the_marker():
    stdout = f'{{"printed": "by the ENTRYPOINT"}}\n{STARTED}\nnoise\n{{"flow": 1}}\n{{"flow": 2}}\n'
    output = ContainerOutput(0, stdout, "")
    assert output.started
    assert output.answer == {"flow": 1}


@pytest.mark.parametrize("stdout", ["", "hello\n", '{"flow": 1}\n', f"# {STARTED}\n{{}}\n"])
def test_without_the_marker_there_is_no_answer(stdout):
    output = ContainerOutput(0, stdout, "")
    assert not output.started
    assert output.answer is None


def test_a_script_that_ends_early_has_started_without_an_answer():
    output = ContainerOutput(139, f"{STARTED}\n", "")
    assert output.started
    assert output.answer is None


def test_stderr_explains_a_failure_and_stdout_only_if_stderr_is_empty():
    assert ContainerOutput(1, "out", "err").text == "err"
    assert ContainerOutput(1, "out", "").text == "out"
