"""Two images of one project, on a real engine, registry, server and worker."""

from __future__ import annotations

import json
import urllib.request
import uuid

import pytest
from parts.ports import free_port

from flowship.config import loading
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from support.commands import ask, flowship, misfits, world
from support.projects import remove_images, write_files
from support.shapes import BUILD, CHECK, DEPLOY, PUSH, SHIP, SHIP_DRY_RUN

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("two-images")]

FLOW = "from prefect import flow\n\n\n@flow(log_prints=True)\ndef {0}():\n    print({1})\n"
FILES = {
    "light.py": FLOW.format("light", '"light"'),
    "heavy.py": "import six\n" + FLOW.format("heavy", "six.__version__"),
    "heavy.txt": "six==1.16.0\n",
}
CONFIGURATION = """\
name = "{name}"
entrypoint = "light.py:light"
base-image = "{base}"
repo = "{repo}"

[images.heavy]
requirements = "heavy.txt"

[[deployments]]
name = "hourly"
cron = "0 * * * *"

[[deployments]]
name = "nightly"
entrypoint = "heavy.py:heavy"
image = "heavy"
cron = "0 5 * * *"

[[deployments]]
name = "daily"
"""


class Machine:
    """A laptop with a local stack, a registry, and a project with two images."""

    def __init__(self, home, base, registry):
        self.port = free_port()
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self.registry = registry
        self.env = world(home)
        self.project = home / self.name
        repo = f"{registry.address}/team/{self.name}"
        text = CONFIGURATION.format(name=self.name, base=base, repo=repo)
        write_files(self.project, {**FILES, "flowship.toml": text})

    def __call__(self, *arguments, ok=True):
        return flowship(*arguments, cwd=self.project, env=self.env, ok=ok)

    def ask(self, path, body=None):
        return ask(f"http://127.0.0.1:{self.port}/api", path, body)

    def tags(self, image=""):
        url = f"{self.registry.url}/v2/team/{self.name}{image}/tags/list"
        with urllib.request.urlopen(url) as response:
            return json.load(response)["tags"]

    def deployments(self):
        found = self.ask("/deployments/filter", {})
        return {each["name"]: each for each in found}

    def state(self):
        """What the server and the registry have."""
        blocks = self.ask("/block_documents/filter", {})
        stored = [*self.deployments().values(), *blocks]
        return sorted((each["id"], each["updated"]) for each in stored), (
            self.tags(), self.tags("-heavy")
        )  # fmt: skip


@pytest.fixture(scope="module")
def machine(tmp_path_factory, base_image, engine, registry):
    made = Machine(tmp_path_factory.mktemp("laptop"), base_image, registry)
    made("up", "--port", str(made.port))
    yield made
    made("down", ok=False)
    for name in (made.name, f"{made.name}-heavy"):
        remove_images(engine, name)


@pytest.fixture(scope="module")
def planned(machine):
    """What `ship --dry-run` says first of all."""
    return machine("ship", "--dry-run", "--json").json


@pytest.fixture(scope="module")
def shipped(machine, planned):
    return machine("ship", "--json").json


def parts(document):
    return {image["name"]: image for image in document["images"]}


def unlike(document, shape):
    """What of the result of one or several images has another shape."""
    images = document.get("images")
    of_image = {"name": str, **{key: kind for key, kind in shape.items() if key not in document}}
    found = (
        [misfit for each in images for misfit in misfits(each, of_image)]
        if images
        else misfits(document, shape)
    )
    return [misfit for misfit in found if "is empty" not in misfit]


def test_a_dry_run_shows_both_images_and_changes_nothing(machine, planned):
    assert unlike(planned, SHIP_DRY_RUN) == []
    assert {n: p["image_action"] for n, p in parts(planned).items()} == {
        machine.name: "build",
        "heavy": "build",
    }


def test_what_both_images_share_is_created_in_the_plan_of_the_first_one_only(machine):
    env = {**machine.env, "FLOWSHIP_WORK_POOL": machine.name}
    plan = flowship("ship", "--dry-run", "--json", cwd=machine.project, env=env).json
    created = [
        (o["resource"], o["name"])
        for image in plan["images"]
        for o in image["operations"]
        if o["action"] == "create"
    ]
    assert ("work-pool", machine.name) in created
    assert len(created) == len({*created})
    assert [image["pool"]["outcome"] for image in plan["images"]] == ["created", "found"]


def test_each_image_has_its_own_repository_block_and_deployments(machine, shipped):
    assert unlike(shipped, SHIP) == []
    own, heavy = parts(shipped)[machine.name], parts(shipped)["heavy"]
    assert own["push"]["repository"] == f"{machine.registry.address}/team/{machine.name}"
    assert heavy["push"]["repository"] == f"{own['push']['repository']}-heavy"
    assert heavy["build"]["image"].startswith(f"{machine.name}-heavy:")
    assert [f["flow_name"] for f in own["build"]["flows"]] == ["light"]
    assert [f["flow_name"] for f in heavy["build"]["flows"]] == ["heavy"]
    names = {
        name: (part["deploy"]["block"]["name"], [d["name"] for d in part["deploy"]["deployments"]])
        for name, part in parts(shipped).items()
    }
    assert names == {
        machine.name: (f"{machine.name}-docker", ["hourly", "daily"]),
        "heavy": (f"{machine.name}-docker-heavy", ["nightly"]),
    }
    assert [part["deploy"]["warnings"] for part in shipped["images"]] == [[], []]
    assert [d["entrypoint"] for d in machine.deployments().values()].count("heavy.py:heavy") == 1


def test_an_unchanged_project_is_not_built_pushed_or_deployed_again(machine, shipped):
    before = machine.state()
    again = machine("ship", "--json").json
    assert [part["build"]["unchanged"] for part in again["images"]] == [True, True]
    assert [part["push"]["already"] for part in again["images"]] == [True, True]
    assert [part["deploy"]["operations"] for part in again["images"]] == [[], []]
    assert machine.state() == before
    actions = [p["image_action"] for p in machine("ship", "--dry-run", "--json").json["images"]]
    assert actions == ["nothing", "nothing"]


def test_runs_of_both_images_complete(machine, shipped):
    for deployment in ("light/daily", "heavy/nightly"):
        done = machine("run", deployment, "--watch")
        assert "Completed" in done.stdout + done.stderr
    assert "1.16.0" in done.stderr


def test_each_command_does_all_images_or_the_chosen_one(machine, shipped):
    built = machine("build").stdout.splitlines()
    assert [line.partition(":")[0] for line in built] == [machine.name, f"{machine.name}-heavy"]
    assert machine("build", "--only", "heavy").stdout.splitlines() == built[1:]
    assert machine("build", "--name", "daily").stdout.splitlines() == built[:1]
    assert machine("build", "--only", machine.name).stdout.splitlines() == built[:1]
    pushed = machine("push").stdout.splitlines()
    assert pushed == [part["push"]["reference"] for part in shipped["images"]]
    assert machine("push", "--only", "heavy").stdout.splitlines() == pushed[1:]
    assert machine("deploy").stdout.split() == ["light/hourly", "light/daily", "heavy/nightly"]
    assert machine("deploy", "--name", "nightly").stdout.split() == ["heavy/nightly"]
    assert machine("deploy", "--only", machine.name).stdout.split() == [
        "light/hourly",
        "light/daily",
    ]
    assert machine("ship", "--name", "nightly").stdout.splitlines() == pushed[1:]
    tag = built[1].partition(":")[2]
    assert machine("push", "--only", "heavy", "--image", tag).stdout.splitlines() == pushed[1:]


def test_the_shapes_of_one_chosen_image_are_those_of_a_project_with_one(machine, shipped):
    for command, shape in {"check": CHECK, "build": BUILD, "push": PUSH, "deploy": DEPLOY}.items():
        assert unlike(machine(command, "--json").json, shape) == []
        assert unlike(machine(command, "--only", "heavy", "--json").json, shape) == []
    assert unlike(machine("ship", "--only", "heavy", "--json").json, SHIP) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("ship", "--repo", "a/b"), "image-required"),
        (("push", "--repo", "a/b"), "image-required"),
        (("push", "--image", "a:1"), "image-required"),
        (("deploy", "--image", "a:1"), "image-required"),
        (("build", "--tag", "a:1"), "image-required"),
        (("build", "--print-dockerfile"), "image-required"),
        (("ship", "--only", "havy"), "image-unknown"),
        (("build", "--name", "nightli"), "deployment-unknown"),
        (("deploy", "--only", "heavy", "--name", "daily"), "options-exclude-each-other"),
        (("ship", "--cron", "0 5 * * *"), "deployment-name-required"),
    ],
)
def test_what_several_images_cannot_share_is_refused(machine, arguments, code):
    done = machine(*arguments, "--json", ok=False)
    assert (done.code, done.json["error"]["code"]) == (2, code)


def test_the_failure_of_one_image_comes_before_anything_is_pushed_or_deployed(machine, shipped):
    before = machine.state()
    write_files(machine.project, {"light.py": FLOW.format("light", '"other"')})
    for name, text, code in (
        ("heavy.txt", "there-is-no-such-package-of-flowship==1\n", 5),
        ("heavy.py", FILES["heavy.py"].replace("import six", "import sixx"), 5),
    ):
        write_files(machine.project, {name: text})
        failed = machine("ship", "--json", ok=False)
        assert failed.code == code
        assert failed.json["error"]["message"].startswith("image heavy: ")
        write_files(machine.project, {name: FILES[name]})
    write_files(machine.project, {"light.py": FILES["light.py"]})
    assert machine.state() == before


def test_only_the_image_whose_requirements_changed_is_built_and_pushed_again(machine, shipped):
    write_files(machine.project, {"heavy.txt": "six==1.17.0\n"})
    again = parts(machine("ship", "--json").json)
    assert again[machine.name]["build"]["unchanged"]
    assert again[machine.name]["push"]["already"]
    assert again[machine.name]["deploy"]["operations"] == []
    assert not again["heavy"]["build"]["unchanged"]
    assert not again["heavy"]["push"]["already"]
    [update] = [o for o in again["heavy"]["deploy"]["operations"] if o["resource"] == "block"]
    assert (update["reason"], update["name"]) == ("new image", f"{machine.name}-docker-heavy")
    # A release holds what was applied for all images: nobody else's edit is seen.
    edited = [c["edited_by"] for o in again["heavy"]["deploy"]["operations"] for c in o["changes"]]
    assert set(edited) == {"flowship"}


def test_the_images_share_the_lock_and_the_release_record(machine, shipped):
    artifacts = {each["key"] for each in machine.ask("/artifacts/filter", {}) if each["key"]}
    releases = {key for key in artifacts if key.startswith("flowship-release-")}
    assert releases == {f"flowship-release-{machine.name}"}
    wanted = loading.load(machine.project, environ={}).per_image()
    drafts = [draft(settings, Flags()) for settings in wanted]
    assert {each.block.lock for each in drafts} == {f"{machine.name}-docker"}
    assert {each.block.name for each in drafts} == {
        f"{machine.name}-docker",
        f"{machine.name}-docker-heavy",
    }


def test_a_deployment_that_moves_to_another_image_is_not_reported_as_left_over(machine, shipped):
    file = machine.project / "flowship.toml"
    text = file.read_text()
    file.write_text(text.replace('name = "daily"', 'name = "daily"\nimage = "heavy"'))
    moved = parts(machine("ship", "--json").json)
    warned = [moved[machine.name]["deploy"], *moved["heavy"]["deploy"]["deployments"]]
    assert [each["warnings"] for each in warned] == [[], [], []]
    assert [d["name"] for d in moved["heavy"]["deploy"]["deployments"]] == ["nightly", "daily"]
    block = f"docker-container.{machine.name}-docker-heavy."
    assert block in json.dumps(machine.deployments()["daily"]["job_variables"])
    back = parts(machine("ship", "--json").json)
    assert [part["deploy"]["operations"] for part in back.values()] == [[], []]
    file.write_text(text)
