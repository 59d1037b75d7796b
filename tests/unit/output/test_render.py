"""How results look: plain values in, lines out. What must be readable is read here."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from flowship.check import Checked, check_build
from flowship.config import loading
from flowship.deployment.parameters import ParameterValue
from flowship.deployment.report import (
    BlockReport,
    Change,
    DeploymentReport,
    DeployReport,
    NextRun,
    PoolReport,
    ScheduleReport,
)
from flowship.dockerfile import Facts, check
from flowship.image import BuiltImage
from flowship.output import render_check, render_deploy, render_image
from flowship.probe.result import ProbeResult
from flowship.project.build_request import prepare_build
from support.projects import write


def shown(lines, width=120):
    """What a reader without colours sees."""
    stream = io.StringIO()
    screen = Console(file=stream, width=width, highlight=False, soft_wrap=True, _environ={})
    for line in lines:
        screen.print(line)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


# --- check ---------------------------------------------------------------------------------------


def checked(text, **options):
    facts = Facts()
    return Checked("Dockerfile", text, tuple(check(text, facts)), facts, **options)


@pytest.mark.parametrize("indent", ["", "  ", "\t"], ids=["none", "blanks", "a tab"])
def test_the_offending_text_is_underlined_also_behind_a_tab(indent):
    result = checked(f"FROM python:3.11\n{indent}COPY a b/\n")
    lines = shown(render_check.findings(result)).splitlines()
    (row,) = [i for i, line in enumerate(lines) if "COPY a b/" in line]
    source, marks = lines[row].expandtabs(), lines[row + 1].expandtabs()
    assert source[marks.index("^") : marks.rindex("^") + 1] == "b/"


def test_a_line_that_ends_in_a_backslash_is_shown_with_one():
    result = checked("FROM python:3.11\nCOPY a \\\n  b/\nCOPY c d/ \\\n  \n")
    text = shown(render_check.findings(result))
    assert "\\" in text
    assert "\\\\" not in text


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("ENV A=1 DB_PASSWORD=hunter22 B=2", "ENV A=1 DB_PASSWORD=******** B=2"),
        ("ENV DB_PASSWORD hunter22", "ENV DB_PASSWORD ********"),
        ('ARG API_TOKEN="hunter22"', 'ARG API_TOKEN="********"'),
        ("ENV URL=postgresql://me:hunter22@db.example.com/x", "@db.example.com/x"),
    ],
)
def test_a_secret_in_the_dockerfile_is_starred_where_the_line_is_shown(line, kept):
    text = shown(render_check.findings(checked(f"FROM python:3.11\n{line}\n")))
    assert "hunter22" not in text
    assert kept in text


def test_the_advice_about_the_rendered_dockerfile_names_paths_as_the_user_knows_them(tmp_path):
    key = "-----BEGIN PRIVATE KEY-----\\n" + "MIIEvQIBADANBgkqhkiG9w0B" * 3
    creds = f'{{"type": "service_account", "private_key": "{key}"}}'
    (tmp_path / "p").mkdir()
    folder = write(tmp_path / "p", "python:3.11", {"conf/creds.json": creds})
    (finding,) = (
        f
        for f in check_build(prepare_build(loading.load(folder, environ={}))).findings
        if f.rule == "secret"
    )
    assert 'add "conf/creds.json" to .dockerignore' in finding.help
    assert finding.message.startswith("conf/creds.json (")


def test_the_gutter_grows_with_the_line_number():
    result = checked("FROM python:3.11\n" + "# more\n" * 120 + "COPY a b/\n")
    text = shown(render_check.findings(result))
    assert "\n122 | COPY a b/\n" in text
    assert "\n   --> Dockerfile:122:8\n" in text
    assert "\n    |" in text


def test_findings_are_counted_with_the_right_number_of_s():
    assert shown(render_check.findings(checked("FROM python:3.11\n"))) == (
        "✓ Dockerfile: nothing to complain about"
    )
    one = shown(render_check.findings(checked("FROM python:3.11\nCOPY a b/\n")))
    assert one.endswith("Dockerfile: 1 error")
    two = shown(render_check.findings(checked("FROM python\nCOPY a b/\nCOPY a c/\n")))
    assert two.endswith("Dockerfile: 2 errors and 1 warning")


def test_markup_in_a_dockerfile_is_text():
    text = "FROM python:3.11\nCOPY a[red] [/b]c/\n"
    assert "2 | COPY a[red] [/b]c/" in shown(render_check.findings(checked(text)))


# --- build ---------------------------------------------------------------------------------------

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
    "sha256:1", "taxi:abc", "taxi", "abc", "linux/amd64", 302_000_000, PROBE, "flow.py:taxi"
)


def test_a_built_image_tells_its_size_its_flow_and_each_default():
    text = shown(render_image.built(IMAGE, "linux/amd64"))
    assert "built taxi:abc (302 MB, linux/amd64)" in text
    assert "flow taxi loads from flow.py:taxi (Prefect 3.8.8, Python 3.11.2)" in text
    assert "First line." in text
    assert "Second." not in text
    assert "[1, 2]" in text
    assert "[bold]x[/]" in text
    assert "warning" not in text


def test_an_image_for_another_platform_and_one_that_was_not_probed_say_so():
    text = shown(
        render_image.built(replace(IMAGE, platform="linux/arm64", probe=None), "linux/amd64")
    )
    assert "the image is for linux/arm64, this engine is linux/amd64" in text
    assert "--no-probe" in text


def test_an_image_that_was_there_says_why_nothing_was_built():
    text = shown(render_image.built(replace(IMAGE, unchanged=True), "linux/amd64"))
    assert "taxi:abc is there already: no input changed" in text


# --- deploy --------------------------------------------------------------------------------------

SCHEDULE = ScheduleReport(
    id="1",
    outcome="created",
    source="configuration",
    words="every day at 05:00 Pacific/Auckland",
    timezone="Pacific/Auckland",
    active=True,
    next_runs=(
        NextRun("2024-09-29T05:00:00+13:00", "2024-09-28T16:00:00+00:00"),
        NextRun("2024-09-30T05:00:00+13:00", "2024-09-29T16:00:00+00:00"),
    ),
    parameters={},
)


def report(**changes):
    deployment = {
        "id": "1",
        "name": "nightly",
        "flow_name": "taxi",
        "outcome": "created",
        "paused": False,
        "schedules": (SCHEDULE,),
        "removed_schedules": (),
        "parameters": (
            ParameterValue("months", [1, 2], "default", "a list"),
            ParameterValue("year", None, "missing", "a whole number"),
        ),
        "changes": (),
        "url": "http://127.0.0.1:4200/deployments/deployment/1",
        "warnings": (),
    }
    pool = {
        "name": "flowship",
        "outcome": "created",
        "widened": True,
        "live": ("image", "env"),
        "copied": (),
        "paused": False,
        "worker_online": False,
        "start_command": 'prefect worker start --pool "flowship" --type docker',
        "url": "",
    }
    whole = {
        "image": "user/taxi:1@sha256:2",
        "platform": "linux/amd64",
        "pushed": True,
        "api_url": "http://127.0.0.1:4200/api",
        "block": BlockReport("taxi-docker", "2", "created", (), {"privileged": True}, ""),
        "moved": (),
        "warnings": (),
    }
    for key, value in changes.items():
        next(part for part in (deployment, pool, whole) if key in part)[key] = value
    return DeployReport(
        **whole, pool=PoolReport(**pool), deployments=(DeploymentReport(**deployment),)
    )


def test_what_a_schedule_gives_to_its_runs_is_told_below_it():
    schedules = (replace(SCHEDULE, parameters={"day": "2026-01-31", "full": True}),)
    text = shown(render_deploy.deployed(report(schedules=schedules)))
    assert 'with day = "2026-01-31", full = true' in text


def test_a_deployment_that_moves_to_another_block_says_so_once():
    fields = ("image", "auto_remove", "volumes")
    changes = tuple(
        Change(f"job_variables.{f}", *(f"{{{{ prefect.blocks.docker-container.{b}.{f} }}}}"
                                       for b in ("old", "new")))
        for f in fields
    )  # fmt: skip
    other = Change("description", "a", "b")
    text = shown(render_deploy.deployed(report(changes=(*changes, other))))
    assert text.count("wrote over") == 2
    assert "docker-container.old.image" in text
    assert "and 2 more references" in text


def test_seconds_are_shown_where_a_run_has_some():
    runs = (NextRun("2024-09-29T05:00:30+13:00", "2024-09-28T16:00:30+00:00"),)
    schedules = (replace(SCHEDULE, words="every 90 seconds", next_runs=runs),)
    text = shown(render_deploy.deployed(report(schedules=schedules)))
    assert "2024-09-29 05:00:30 +13:00  2024-09-28 16:00:30 UTC" in text
    assert "2024-09-29 05:00 +13:00  2024-09-28 16:00 UTC" in shown(
        render_deploy.deployed(report())
    )


def test_a_deployment_tells_what_runs_when_with_which_parameters_and_who_runs_it():
    text = shown(render_deploy.deployed(report()))
    assert "created taxi/nightly" in text
    assert "every day at 05:00 Pacific/Auckland" in text
    assert "2024-09-29 05:00 +13:00  2024-09-28 16:00 UTC" in text
    assert text.count(" UTC") == 2
    assert "[1, 2]" in text
    assert "missing" in text
    assert "user/taxi:1@sha256:2" in text
    assert "docker-container/taxi-docker" in text
    assert 'none online: start one with `prefect worker start --pool "flowship"' in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pushed": False}, "only on this engine"),
        ({"worker_online": True}, "online"),
        ({"schedules": ()}, "only when started: no schedule"),
        ({"paused": True}, "taxi/nightly (paused)"),
        ({"paused": True}, "would run   every day at 05:00"),
        ({"removed_schedules": ("every hour",)}, "removed     every hour"),
        ({"moved": ("taxi/[weekly]",)}, "also runs the new image: taxi/[weekly]"),
        ({"warnings": ("beware of [x]",)}, "warning: beware of [x]"),
        ({"changes": (Change("tags", ["a"], ["[b]"]),)}, 'its tags: ["a"] → ["[b]"]'),
        (
            {"copied": ("networks",), "widened": False, "outcome": "found"},
            "image, env follow the block at each run; networks were copied",
        ),
        (
            {"block": BlockReport("b", "2", "unchanged", (), {"volumes": ["a:/b"]}, "")},
            'the block keeps volumes = ["a:/b"], which the configuration does not name',
        ),
        (
            {"block": BlockReport("b", "2", "updated", (Change("mem_limit", "1g", "2g"),), {}, "")},
            'the block\'s mem_limit: "1g" → "2g"',
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_out_of_the_ordinary_is_said(changes, words):
    ordinary = shown(render_deploy.deployed(report()))
    text = shown(render_deploy.deployed(report(**changes)))
    assert words in text
    assert words not in ordinary or words == "online"


def test_schedules_of_a_person_and_paused_ones_are_marked():
    added = replace(SCHEDULE, source="server", active=False)
    text = shown(render_deploy.deployed(report(schedules=(added,))))
    assert "(paused, added by a person)" in text


def test_the_result_of_deploy_is_a_name_that_run_takes():
    assert render_deploy.deployment_names(report()) == "taxi/nightly"
