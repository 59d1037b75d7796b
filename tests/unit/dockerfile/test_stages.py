"""Stages, their variables and their working directories."""

from __future__ import annotations

import pytest

from flowship.dockerfile.parser import parse
from flowship.dockerfile.stages import base_images, trace


def test_base_images_are_the_external_ones_with_variables_expanded():
    text = (
        "ARG V=3.11\nARG R\nFROM python:${V}-slim AS a\nFROM a AS b\nFROM scratch\n"
        "FROM ${R:-hub}/x:1\nFROM $R/y\nFROM python:$V-slim\nFROM A\n"
    )
    assert base_images(text) == ["python:3.11-slim", "hub/x:1"]
    assert base_images(text, {"V": "3.12", "R": "r.example.com"}) == [
        "python:3.12-slim",
        "r.example.com/x:1",
        "r.example.com/y",
    ]


def messages(text):
    return [problem.message for problem in trace(parse(text)).problems]


def test_a_file_without_from_has_no_stages():
    assert messages("# nothing\n") == ["no FROM instruction"]
    assert messages("RUN x\n") == ["no FROM instruction"]


def test_only_arg_may_come_before_from():
    assert messages("ARG A=1\nRUN x\nFROM q:1\n") == ["RUN is not allowed before the first FROM"]
    assert trace(parse("ARG A=1\nFROM q:1\n")).arguments == {"A"}


@pytest.mark.parametrize(
    ("text", "path", "origin"),
    [
        ("FROM q:1\n", None, "the base image q:1"),
        ("FROM scratch\n", "/", "the base image scratch"),
        ("FROM prefecthq/prefect:3\n", "/opt/prefect", "the base image prefecthq/prefect:3"),
        ("FROM q:1\nWORKDIR /a\nWORKDIR b\n", "/a/b/", "WORKDIR b"),
        ("FROM q:1\nENV D=/d\nWORKDIR $D\n", "/d", "WORKDIR $D"),
        ("FROM q:1\nWORKDIR $D\n", None, "WORKDIR $D"),
        ("FROM q:1\nWORKDIR b\n", None, "the base image q:1"),
        ("FROM $NOT_SET\n", None, "the base image $NOT_SET"),
    ],
)
def test_the_working_directory_is_followed_with_its_origin(text, path, origin):
    workdir = trace(parse(text)).stages[-1].workdir
    assert (workdir.path and workdir.path.rstrip("/"), workdir.origin) == (
        path and path.rstrip("/"),
        origin,
    )


def test_the_engine_knows_the_working_directory_of_a_base_image():
    (stage,) = trace(parse("FROM q:1\n"), workdirs={"q:1": "/srv"}).stages
    assert stage.workdir.path == "/srv"


def test_a_stage_starts_with_the_variables_and_the_folder_of_its_parent():
    traced = trace(parse("FROM q:1 AS a\nENV E=1\nWORKDIR /a\nFROM A\nRUN x\n"))
    parent, child = traced.stages
    (step,) = child.steps
    assert (step.env["E"], step.workdir.path) == ("1", "/a")
    assert child.lineage == traced.final_lineage == (parent, child)
    assert child.root == "q:1"
    assert traced.stage("a") is traced.stage("0") is parent
    assert traced.stage("b") is None


def test_an_onbuild_instruction_runs_in_the_next_stage():
    traced = trace(parse("FROM q:1 AS a\nONBUILD WORKDIR /next\nFROM a\nRUN x\n"))
    assert [(s.instruction.keyword, s.stored) for s in traced.steps] == [
        ("WORKDIR", True),
        ("RUN", False),
    ]
    assert traced.stages[1].workdir.path == "/next"


def test_a_build_argument_replaces_a_default():
    (stage,) = trace(parse("FROM q:1\nARG V=1\n"), build_args={"V": "2"}).stages
    assert stage.env["V"] == "2"


def test_an_argument_after_a_different_env_of_that_name_is_unknown():
    (stage,) = trace(parse("FROM q:1\nENV V=1\nARG V=2\n")).stages
    assert stage.env["V"] is None


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        (
            "ARG A=1\nARG V\nFROM image:$V\n",
            '"image:$V" is not a valid image name: ARG V on line 2 has no value',
            'give it a default, "ARG V=…", or set V in build-args',
        ),
        (
            "ARG V\nFROM $V\n",
            '"$V" is not a valid image name: ARG V on line 1 has no value',
            'give it a default, "ARG V=…", or set V in build-args',
        ),
        (
            "FROM python:${V}-slim\n",
            '"python:${V}-slim" is not a valid image name: $V is not set, because no ARG V is above'
            " the first FROM",
            'add "ARG V=…" above the first FROM',
        ),
        (
            "FROM q:1\nARG V=1\nFROM q:$V\n",
            '"q:$V" is not a valid image name: $V is not set, because no ARG V is above the first'
            " FROM",
            'add "ARG V=…" above the first FROM',
        ),
    ],
)
def test_an_image_name_that_an_empty_variable_spoils_names_the_argument(text, message, help):
    (problem,) = trace(parse(text)).problems
    assert (problem.message, problem.help) == (message, help)


@pytest.mark.parametrize(
    "text",
    [
        "ARG SUFFIX\nFROM image$SUFFIX\n",
        "ARG S\nFROM host.example.com:5000/a/image:1$S\n",
        "ARG R\nFROM ${R}image:1\n",
        "ARG V\nFROM image:${V:-3}\n",
        "ARG TARGETARCH\nFROM image:$TARGETARCH\n",
        "FROM image:$TARGETARCH\n",
        "ARG S\nFROM image@sha256:ab$S\n",
    ],
)
def test_an_image_name_that_is_valid_without_the_value_has_no_problem(text):
    assert trace(parse(text)).problems == ()


def test_a_build_argument_gives_the_image_name_its_value():
    dockerfile = parse("ARG V\nFROM image:$V\n")
    assert trace(dockerfile, build_args={"V": "1"}).problems == ()
