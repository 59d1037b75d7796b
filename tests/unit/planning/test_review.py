"""What is not the plan that was reviewed is refused, and says what moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowship.errors import ApiError, ConfigError, ExitCode
from flowship.planning.project_plan import ImagePlan
from flowship.planning.review import Review
from flowship.planning.reviewed import reviewed
from support.deploying import settings
from support.planning import KEPT, LEFT, OPERATIONS, project_plan, report

URL = "http://127.0.0.1:4200/api"


def review(action="nothing", found=None, **changes):
    image = ImagePlan(
        "de-taxi", action, found or report(), inputs="ab" * 32, files={"flow.py": "1"}
    )
    return Review(reviewed(project_plan(image, environment=None, **changes)))


def moved(before, after):
    found = replace(review(found=before, name="nightly"), file="../my plan.json")
    with pytest.raises(ApiError) as caught:
        found.require_same_changes(["de-taxi"], [after], 3)
    command = "`flowship plan --name nightly --out '../my plan.json'`"
    assert caught.value.hint == f"make a new plan, and review it: {command}"
    assert (caught.value.code, caught.value.exit_code) == ("plan-outdated", ExitCode.API)
    return caught.value.details.splitlines()


def test_the_same_plan_is_accepted_at_the_same_place():
    same = review()
    same.require_same_place(settings(), URL)
    same.require_same_files("de-taxi", "ab" * 32, {})
    same.require_same_changes(["de-taxi"], [report()], 3)


@pytest.mark.parametrize(
    ("project", "environment", "url", "words"),
    [
        ("other", None, URL, "the plan is for the project de-taxi, but this is other"),
        ("de-taxi", "production", URL, "the environment (none), but this is production"),
        ("de-taxi", None, "http://x/api", f"the server {URL}, but this is http://x/api"),
    ],
    ids=["project", "environment", "server"],
)
def test_a_plan_for_another_place_is_refused(project, environment, url, words):
    here = settings(name=project).model_copy(update={"environment": environment})
    with pytest.raises(ConfigError) as caught:
        review().require_same_place(here, url)
    assert caught.value.code == "plan-for-another"
    assert words in caught.value.message
    if environment is None:
        assert caught.value.hint.endswith("`flowship plan --out plan.json`")


def test_the_environment_of_the_plan_is_in_the_hint():
    found = Review(reviewed(project_plan(environment="production")))
    with pytest.raises(ConfigError) as caught:
        found.require_same_place(settings(), URL)
    assert caught.value.hint == "add --env production"


def test_a_missing_image_is_made_by_ship_with_the_same_plan():
    found = replace(review("build"), file="../my plan.json")
    with pytest.raises(ConfigError) as caught, found.image_present("de-taxi"):
        raise ConfigError("no image for the current files of de-taxi", code="image-not-built")
    assert caught.value.message.endswith("; the plan says that it is built first")
    assert "`flowship ship --plan '../my plan.json'`" in caught.value.hint
    with pytest.raises(ConfigError) as other, found.image_present("de-taxi"):
        raise ConfigError("something else", code="unreadable-file", hint="as it was")
    assert (other.value.message, other.value.hint) == ("something else", "as it was")


def test_files_that_changed_are_named():
    with pytest.raises(ConfigError) as caught:
        review().require_same_files("de-taxi", "cd" * 32, {"flow.py": "2", "new.py": "3"})
    assert (caught.value.code, caught.value.exit_code) == ("plan-files-changed", ExitCode.CONFIG)
    assert caught.value.details.splitlines() == ["flow.py changed", "new.py added"]


def test_an_image_that_the_plan_does_not_have_is_refused():
    with pytest.raises(ConfigError) as caught:
        review().image("other")
    assert caught.value.code == "plan-files-changed"


def test_the_pinned_image_is_that_of_the_plan_if_the_registry_had_it():
    assert review().reference("de-taxi") == report().image
    assert review("build").reference("de-taxi") is None


def test_what_a_person_did_meanwhile_is_named_even_where_a_deploy_keeps_it():
    before = report(kept=KEPT[1:], left=())
    assert moved(before, report(left=())) == [
        "new on the server: schedule taxi/nightly: every day at 05:00 UTC: paused"
    ]
    assert moved(report(left=()), before) == [
        "no longer on the server: schedule taxi/nightly: every day at 05:00 UTC: paused"
    ]
    other = (KEPT[0], replace(KEPT[1], value=["x"]))
    assert moved(report(), report(kept=other)) == [
        "changed on the server: block taxi-docker: privileged"
    ]
    assert moved(report(), report(left=())) == [
        f"no longer on the server: deployment taxi/weekly: {LEFT[0].words}"
    ]


def test_an_operation_that_differs_is_named_with_its_field():
    change = replace(OPERATIONS[1].changes[0], before="9g")
    other = replace(OPERATIONS[1], changes=(change, OPERATIONS[1].changes[1]))
    assert moved(report(), report(operations=(OPERATIONS[0], other, *OPERATIONS[2:]))) == [
        "different: update block taxi-docker (mem_limit)"
    ]


def test_a_release_that_was_made_since_is_named():
    with pytest.raises(ApiError, match=r"\(release 4 by ada@laptop was made since\)"):
        review().require_same_changes(["de-taxi"], [report(operations=())], 4, "ada@laptop")
