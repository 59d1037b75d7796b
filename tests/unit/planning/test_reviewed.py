"""A plan in a file: written without values, read back, and refused if it is something else."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship import __version__
from flowship.deployment.desired import Flags
from flowship.errors import ConfigError
from flowship.planning import reviewed
from flowship.planning.project_plan import ImagePlan, ProjectPlan
from flowship.project import context
from support.deploying import desired, dry_run, settings
from support.projects import write_files

SECRET = {"block": {"env": {"API_TOKEN": "sk-123"}}}


def report(flags: Flags | None = None, facts: dict | None = None, **values):
    return dry_run(desired(settings(**values), flags, **(facts or {})))


def plan(*reports, **changes):
    images = tuple(
        ImagePlan(f"image-{number}", "nothing", each, inputs="ab" * 32, files={"flow.py": "1234"})
        for number, each in enumerate(reports or (report(),))
    )
    values = {"environment": None, "api_url": "http://127.0.0.1:4200/api", "release": 3}
    return ProjectPlan("de-taxi", images=images, **{**values, **changes})


def saved(tmp_path, found):
    path = tmp_path / "plan.json"
    reviewed.save(found, path)
    return path


def test_a_plan_is_read_back_as_it_was_written(tmp_path):
    found = plan(
        environment="production", only="taxi", name="nightly", repo="user/taxi", prune=True
    )
    assert reviewed.load(saved(tmp_path, found)) == reviewed.reviewed(found)


@pytest.mark.parametrize("name", ["plan.json", "plan", "plans/1.json", "flows/[a].json"])
def test_a_plan_that_is_saved_in_the_project_does_not_change_its_image(tmp_path, name):
    write_files(tmp_path, {"flow.py": "", "plans/data.json": "{}", "flows/a.json": "[]"})
    before = context.scan(tmp_path)
    reviewed.save(plan(), tmp_path / name)
    after = context.scan(tmp_path)
    assert after.digest() == before.digest()
    assert str(after.left_out[name]) == "a plan that `flowship plan --out` saved"
    document = json.loads((tmp_path / name).read_text())
    (tmp_path / name).write_text(json.dumps(document))  # as another program formats it
    assert context.scan(tmp_path).digest() == before.digest()


def test_only_the_first_key_says_that_a_file_is_a_plan(tmp_path):
    write_files(tmp_path, {"a.json": '{"a": {"flowship-plan": 1}}', "b.py": '"flowship-plan"'})
    assert context.scan(tmp_path).paths == {"a.json", "b.py"}


def test_a_file_has_no_value_of_the_configuration(tmp_path):
    values = {"deployments": [{"name": "nightly", "parameters": {"year": 1987}}], **SECRET}
    text = saved(tmp_path, plan(report(**values))).read_text()
    assert "sk-123" not in text
    assert "1987" not in text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"flowship-plan": 1}',
        b"[" * 100_000,
        b'"' + b"a" * 30,
    ],
    ids=["empty", "object", "list", "null", "bytes", "incomplete", "deep", "text"],
)
def test_a_file_that_is_not_a_plan_is_refused(tmp_path, content):
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        reviewed.load(path)
    assert caught.value.code == "plan-invalid"


@given(st.data())
def test_a_damaged_plan_is_refused_or_read_and_never_a_bug(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("plans") / "plan.json"
    document = json.loads(reviewed.reviewed(plan()).model_dump_json(by_alias=True))
    names = data.draw(st.sampled_from(sorted(document)))
    document[names] = data.draw(
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({"a": 1})
    )
    path.write_text(json.dumps(document))
    with suppress(ConfigError):
        reviewed.load(path)


def test_a_plan_of_another_version_is_refused(tmp_path):
    path = saved(tmp_path, plan())
    path.write_text(path.read_text().replace(f'"{__version__}"', '"9.9"'))
    with pytest.raises(ConfigError, match=r"made by flowship 9\.9") as caught:
        reviewed.load(path)
    assert caught.value.code == "plan-of-another-version"


def test_a_place_that_cannot_be_written_or_read_is_an_error_with_its_path(tmp_path):
    with pytest.raises(ConfigError) as caught:
        reviewed.save(plan(), tmp_path / "nowhere" / "plan.json")
    assert caught.value.code == "unwritable-file"
    with pytest.raises(ConfigError) as caught:
        reviewed.load(tmp_path)
    assert caught.value.code == "unreadable-file"


def differences(before, after, **options):
    (was,) = reviewed.reviewed(plan(before)).images
    return sorted(reviewed.differences(was, after, **options))


def nightly(**values):
    return {"deployments": [{"name": "nightly", "interval": "15m", **values}]}


def test_the_same_plan_at_another_moment_is_the_same():
    later = report(**nightly())
    assert differences(report(**nightly()), later) == []


def test_what_is_new_gone_or_different_is_named():
    before = report(**nightly())
    assert differences(before, report(**nightly(tags=["a"]))) == [
        "different: create deployment taxi/nightly"
    ]
    operations = before.operations[:-1]
    assert differences(before, replace(before, operations=operations)) == [
        "no longer necessary: create schedule taxi/nightly: every 15 minutes"
    ]
    assert differences(replace(before, operations=operations), before) == [
        "new: create schedule taxi/nightly: every 15 minutes"
    ]


def test_two_operations_with_the_same_words_are_compared_one_by_one():
    twice = [{"cron": "0 5 * * *", "parameters": {"year": y}} for y in (2021, 2022)]
    before = report(**{"deployments": [{"name": "nightly", "schedules": twice}]})
    assert differences(before, before) == []
    fewer = replace(before, operations=before.operations[:-1])
    assert len(differences(before, fewer)) == 1


def test_what_only_the_built_image_gives_may_differ_where_it_was_not_built_yet():
    before = report(facts={"built": False, "reference": "user/de-repo (new image)"})
    after = report(facts={"flow_description": "Another.", "flow_name": "Taxi", "parameters": {}})
    assert differences(before, after, image_known=False) == []
    assert differences(before, after)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (nightly(tags=["a"]), "different: create deployment taxi/nightly"),
        ({**nightly(), "block": {"mem-limit": "1g"}}, "different: create block de-taxi-docker"),
        (nightly(name="x"), "new: create deployment taxi/x"),
    ],
    ids=["a tag", "a field of the block", "another name"],
)
def test_what_the_configuration_gives_may_never_differ(values, words):
    before = report(facts={"built": False}, **nightly())
    assert words in differences(before, report(**values), image_known=False)
