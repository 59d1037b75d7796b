"""`flowship plan`, and the commands that carry out a plan which was reviewed, on real parts."""

from __future__ import annotations

import json
import uuid

import pytest

from support.commands import ask, flowship, misfits, one_object, world
from support.projects import FLOW, remove_images, write
from support.shapes import PLAN

DEPLOYMENTS = '[[deployments]]\nname = "nightly"\ncron = "0 5 * * *"\ntags = ["a"]\n'


class Place:
    """A project with a repository and a server, whose commands run as a user's."""

    def __init__(self, home, base, registry, server):
        self.server = server
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self.folder = home / self.name
        self.base = base
        self.folder.mkdir()
        self.repo = f"{registry.address}/{self.name}"
        self.env = world(home / "home", PREFECT_API_URL=server, FLOWSHIP_WORK_POOL=self.name)
        self.env["FLOWSHIP_REPO"] = self.repo
        self.configure()

    def configure(self, more=DEPLOYMENTS, flow=FLOW):
        write(self.folder, self.base, {"flow.py": flow}, more)

    def __call__(self, *arguments, ok=True):
        return flowship(*arguments, cwd=self.folder, env=self.env, ok=ok)

    def plan(self, *arguments):
        """The only image of the plan."""
        (image,) = self("plan", "--json", *arguments).json["images"]
        return image

    def save(self):
        done = self("plan", "--out", "../plan.json")
        assert done.stderr.splitlines()[-1] == (
            "saved in ../plan.json: `flowship ship --plan ../plan.json` carries it out"
        )

    def refused(self, *arguments):
        done = self(*arguments, "--plan", "../plan.json", "--json", ok=False)
        error = one_object(done.stdout)["error"]
        assert done.code == error["exit_code"]
        return error

    def stored(self):
        wanted = {"deployments": {"name": {"any_": ["nightly"]}}, "limit": 200}
        found = ask(self.server, "/deployments/filter", wanted)
        (own,) = [d for d in found if d["work_pool_name"] == self.name]
        return own

    def patch(self, path, body):
        ask(self.server, path, body, "PATCH")


@pytest.fixture(scope="module")
def place(tmp_path_factory, base_image, engine, registry, prefect_server):
    made = Place(tmp_path_factory.mktemp("place"), base_image, registry, prefect_server)
    yield made
    remove_images(engine, made.name)


@pytest.fixture(scope="module")
def shipped(place):
    """The first plan, carried out."""
    place.save()
    first = place("plan", "--json", "--exit-code", ok=False)
    done = place("ship", "--plan", "../plan.json", "--json").json
    return first, done


@pytest.mark.engine
@pytest.mark.server
def test_the_plan_of_a_new_project_is_carried_out_as_it_was_reviewed(place, shipped):
    first, done = shipped
    document = one_object(first.stdout)
    assert misfits(document, PLAN) == []
    assert first.code == 10
    (image,) = document["images"]
    assert (image["action"], document["changes"], document["release"]) == ("build", True, 0)
    planned = [(o["action"], o["resource"]) for o in image["operations"]]
    assert [(o["action"], o["resource"]) for o in done["deploy"]["operations"]] == planned
    assert ("create", "deployment") in planned


@pytest.mark.engine
@pytest.mark.server
def test_right_after_it_there_is_nothing_to_change(place, shipped):
    again = place("plan", "--exit-code")
    assert again.stdout.splitlines()[-1] == "plan: no changes"
    assert place.plan()["action"] == "nothing"
    place.save()
    assert place("deploy", "--plan", "../plan.json", "--json").json["operations"] == []


@pytest.mark.engine
@pytest.mark.server
def test_a_plan_that_is_saved_in_the_project_changes_nothing_of_it(place, shipped):
    inputs = place.plan()["inputs"]
    place("plan", "--out", "plan.json")
    try:
        assert place.plan()["inputs"] == inputs
        done = place("ship", "--plan", "plan.json", "--json").json
        assert done["deploy"]["operations"] == []
        assert place("plan").stdout.splitlines()[-1] == "plan: no changes"
        assert "plan.json" not in place("status").stdout
    finally:
        (place.folder / "plan.json").unlink()


@pytest.mark.engine
@pytest.mark.server
def test_a_plan_names_the_files_for_which_the_image_is_built_and_is_refused_for_others(
    place, shipped
):
    place.save()
    place.configure(flow=FLOW + "# changed\n")
    image = place.plan()
    assert (image["action"], image["reasons"]) == ("build", ["flow.py changed"])
    error = place.refused("ship")
    assert (error["code"], error["exit_code"]) == ("plan-files-changed", 3)
    assert error["details"] == "flow.py changed"
    assert place.plan()["action"] == "build", "a plan that is refused builds nothing"
    place.save()
    missing = place.refused("deploy")
    assert missing["code"] == "image-not-built"
    assert missing["message"].endswith("; the plan says that it is built first")
    assert missing["hint"] == "run `flowship ship --plan ../plan.json`, which builds it"
    place("ship", "--plan", "../plan.json")
    assert place("plan").stdout.splitlines()[-1] == "plan: no changes"


@pytest.mark.engine
@pytest.mark.server
def test_what_a_person_does_after_the_review_is_named_and_nothing_is_changed(place, shipped):
    place.save()
    path = f"/deployments/{place.stored()['id']}"
    place.patch(path, {"tags": ["a", "urgent"]})
    for command in ("deploy", "ship"):
        error = place.refused(command)
        assert (error["code"], error["exit_code"]) == ("plan-outdated", 7)
        assert error["details"] == "new: update deployment hello/nightly"
    assert sorted(place.stored()["tags"]) == ["a", "urgent"]
    text = place("plan").stdout
    assert 'tags: ["a", "urgent"] → ["a"]' in text
    assert "edited on the server 20" in text
    place.save()
    place("deploy", "--plan", "../plan.json")
    assert place.stored()["tags"] == ["a"]


@pytest.mark.engine
@pytest.mark.server
def test_a_deployment_that_left_is_listed_and_removed_with_prune(place, shipped):
    weekly = '[[deployments]]\nname = "weekly"\ncron = "0 6 * * 1"\n'
    place.configure(DEPLOYMENTS + weekly)
    place("ship")
    place.configure(DEPLOYMENTS)
    text = place("plan").stdout
    assert "no longer in the configuration:" in text
    assert "! deployment hello/weekly" in text
    told = place("deploy")
    assert "hello/weekly" in told.stderr
    place("plan", "--prune", "--out", "../plan.json")
    place("deploy", "--plan", "../plan.json")
    assert place("plan").stdout.splitlines()[-1] == "plan: no changes"


@pytest.mark.engine
@pytest.mark.server
def test_a_plan_as_markdown_is_the_result(place, shipped):
    done = place("plan", "--markdown")
    assert done.stdout.startswith(f"### flowship plan: `{place.name}`\n")
    assert "**no changes**" in done.stdout


@pytest.mark.engine
@pytest.mark.server
def test_a_plan_of_another_project_or_server_is_refused(place, shipped):
    place.save()
    path = place.folder.parent / "plan.json"
    document = json.loads(path.read_text())
    for key, value in {"project": "other", "api_url": "http://x/api", "environment": "e"}.items():
        path.write_text(json.dumps({**document, key: value}))
        assert place.refused("deploy")["code"] == "plan-for-another"
        assert place.refused("ship")["code"] == "plan-for-another"


def test_two_forms_of_output_cannot_be_combined(cli, project):
    code, _, stderr = cli("plan", "--markdown", "--json")
    assert code == 2
    assert "--markdown and --json cannot be combined" in stderr
