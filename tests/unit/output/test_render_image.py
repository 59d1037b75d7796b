"""The output for an image, its flow, a push and a login."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.image import BuiltImage
from flowship.output import render_image
from flowship.probe.result import ProbeResult
from flowship.push import PushedImage
from flowship.redaction import MASK
from flowship.registry import LoginResult, Stored
from support.rendering import shown

SCHEMA = {
    "title": "Parameters",
    "type": "object",
    "properties": {
        "colour": {"position": 2, "allOf": [{"$ref": "#/definitions/Colour"}], "default": "yellow"},
        "months": {
            "position": 0,
            "type": "array",
            "items": {"type": "integer"},
            "default": [1, 2],
        },
        "year": {"position": 1, "type": "integer"},
        "until": {"position": 3, "anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "day": {"position": 4, "type": "string", "format": "date", "default": "2021-01-01"},
        "anything": {"position": 5, "default": "[bold]x[/]"},
    },
    "required": ["year"],
    "definitions": {"Colour": {"enum": ["yellow", "green"]}},
}


def test_parameters_are_listed_in_the_flows_order_each_with_its_type_and_default():
    assert render_image.parameter_rows(SCHEMA) == [
        ("months", "list of integer", "[1, 2]"),
        ("year", "integer", "required"),
        ("colour", '"yellow" | "green"', '"yellow"'),
        ("until", "string | null", "null"),
        ("day", "date", '"2021-01-01"'),
        ("anything", "any", '"[bold]x[/]"'),
    ]


def test_a_flow_without_parameters_has_no_table():
    assert render_image.parameter_rows({}) == []


PROBE = ProbeResult("taxi", "flow.py:taxi", "3.8.8", "3.11.2", "First line.\nSecond.", SCHEMA)
IMAGE = BuiltImage(
    "sha256:1", "taxi:abc", "taxi", "abc", "linux/amd64", 302_000_000, (PROBE,), "flow.py:taxi"
)


def test_a_built_image_shows_its_size_its_flow_and_each_default():
    text = shown(render_image.built(IMAGE))
    assert "built taxi:abc (302 MB, linux/amd64)" in text
    assert "flow taxi loads from flow.py:taxi (Prefect 3.8.8, Python 3.11.2)" in text
    assert "First line." in text
    assert "Second." not in text
    assert "[1, 2]" in text
    assert "[bold]x[/]" in text
    assert "warning" not in text


def test_many_flows_are_a_line_where_their_deployments_follow():
    flows = tuple(replace(PROBE, flow_name=f"f[{n}]") for n in range(6))
    many = replace(IMAGE, flows=flows)
    lines = shown(render_image.built(many, parameters=False)).splitlines()
    expected = "  6 flows load (Prefect 3.8.8, Python 3.11.2): f[0], f[1], f[2] and 3 more"
    assert lines[1:] == [expected]
    assert shown(render_image.built(many)).count("loads from") == 6
    few = replace(IMAGE, flows=flows[:5])
    assert shown(render_image.built(few, parameters=False)).count("loads from") == 5


def test_a_default_that_is_a_secret_is_masked_in_the_table_and_in_json():
    properties = {"api_key": {"default": "hunter2"}, "dsn": {"default": "db://ada:hunter3@x"}}
    image = replace(IMAGE, flows=(replace(PROBE, parameters={"properties": properties}),))
    found = render_image.built_json(image, ())["probe"]["parameters"]["properties"]
    assert found == {"api_key": {"default": MASK}, "dsn": {"default": f"db://ada:{MASK}@x"}}
    assert "hunter" not in shown(render_image.built(image))
    assert properties["api_key"]["default"] == "hunter2"


def test_an_image_for_another_platform_and_one_that_was_not_probed_have_a_warning():
    other = replace(IMAGE, platform="linux/arm64", flows=())
    platform, probe = render_image.image_warnings(other, "linux/amd64")
    assert "the image is for linux/arm64, but this engine is linux/amd64" in platform
    assert "--no-probe" in probe
    assert render_image.image_warnings(IMAGE, "linux/amd64") == ()


def test_the_parameters_can_be_left_to_the_deployment():
    text = shown(render_image.built(IMAGE, parameters=False))
    assert "flow taxi loads" in text
    assert "default" not in text


def test_an_unchanged_image_is_up_to_date():
    text = shown(render_image.built(replace(IMAGE, unchanged=True)))
    assert "taxi:abc is up to date" in text


PUSHED = PushedImage("user/x:1@sha256:00", "user/x", "1", "sha256:00", 5)


@pytest.mark.parametrize(
    ("image", "line"),
    [
        (PUSHED, "✓ pushed user/x:1; digest verified"),
        (replace(PUSHED, verified=False), "✓ pushed user/x:1; digest not verified"),
        (replace(PUSHED, already=True), "✓ already pushed user/x:1"),
    ],
)
def test_a_push_says_whether_its_digest_was_verified(image, line):
    assert shown(render_image.pushed(image)).strip() == line


def test_a_login_says_where_its_credentials_are_and_warns_about_that_place():
    done = LoginResult("ghcr.io", "ada", Stored("/home/ada/config.json", "not encrypted"))
    text = shown(render_image.logged_in(done))
    assert "logged in to ghcr.io as ada" in text
    assert "stored in /home/ada/config.json" in text
    assert "warning: not encrypted" in text
