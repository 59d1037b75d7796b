"""Each step's result is shown as it comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flowship.check import Checked
from flowship.dockerfile.rules import Facts, check
from flowship.events import Phase
from flowship.image import BuiltImage
from flowship.output.console import Screen
from flowship.output.listener import ScreenListener
from flowship.probe.result import ProbeResult
from flowship.push import PushedImage

IMAGE = BuiltImage(
    id="sha256:1",
    reference="taxi:4f2a",
    project="taxi",
    inputs="4f2a",
    platform="linux/amd64",
    size=1_000,
    flows=(),
    entrypoint="flow.py:taxi",
)
PUSHED = PushedImage("r.io/taxi:4f2a@sha256:2", "r.io/taxi", "4f2a", "sha256:2", 1_000)


def test_results_go_to_stderr_and_stdout_stays_free_for_the_command(capsys):
    listener = ScreenListener(Screen())
    text = "FROM python:3.11\nCOPY a b/\n"
    findings = tuple(check(text, Facts()))
    listener.checked(Checked("Dockerfile", text, findings, Facts(), Path("Dockerfile")))
    listener.built(IMAGE, "linux/amd64")
    listener.pushed(PUSHED)
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "[relative-destination]" in stderr
    assert "taxi:4f2a" in stderr
    assert "r.io/taxi:4f2a" in stderr


def test_before_a_deployment_parameters_and_warnings_are_left_to_its_end(capsys):
    text = "FROM python:3.11\nCOPY a b/\n"
    findings = tuple(check(text, Facts()))
    parameters = {"properties": {"months": {"default": [1]}}}
    probed = ProbeResult("taxi", "flow.py:taxi", "3.8.8", "3.11.2", "", parameters)
    for image, expected in ((IMAGE, 1), (replace(IMAGE, flows=(probed,)), 0)):
        listener = ScreenListener(Screen(), deploys=True)
        listener.checked(Checked("Dockerfile", text, findings, Facts(), Path("Dockerfile")))
        listener.built(image, "linux/amd64")
        stderr = capsys.readouterr().err
        assert "warning:" not in stderr.partition("taxi:4f2a")[2]
        assert "months" not in stderr
        assert len(listener.attention) == len(findings) + expected
        assert "the check above found: " in listener.attention[0]
    listener = ScreenListener(Screen())
    listener.built(IMAGE, "linux/arm64")
    stderr = capsys.readouterr().err
    assert "warning: the image was not probed (--no-probe)" in stderr
    assert "warning: the image is for linux/amd64, but this engine is linux/arm64" in stderr


def test_progress_is_written_line_by_line_without_a_terminal(capsys):
    with ScreenListener(Screen()).progress() as report:
        report(Phase("sending 2 files"))
    assert "sending 2 files" in capsys.readouterr().err
