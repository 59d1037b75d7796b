"""Four releases of one project, and back to an earlier one: real engine, registry, server, worker.

The tests are one story, in their order.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from parts.ports import free_port

from flowship.operate import rollback
from flowship.prefect.client import PrefectApi
from flowship.releases import store
from flowship.releases.record import Release
from support.commands import ask, flowship, misfits, until, world
from support.deploying import Target
from support.projects import git, remove_images, write_files
from support.shapes import DELETE, HISTORY, PRUNE, ROLLBACK

pytestmark = [pytest.mark.engine, pytest.mark.server]

FLOW = """\
from prefect import flow


@flow(log_prints=True)
def hello(name: str = "world"):
    print("{0} edition", name)
"""
CONFIGURATION = """\
name = "{name}"
entrypoint = "flow.py:hello"
base-image = "{base}"
repo = "{repo}"

[block]
auto-remove = true
{block}

[[deployments]]
name = "greet"
{deployment}
"""
EVERY_MINUTE = 'schedules = [{ cron = "* * * * *" }, { cron = "0 5 * * *" }]'
ALERTS = '[[alerts]]\non = ["failed"]\nnotify = "custom-webhook/ops"\n'
SECRET = 'env = { API_TOKEN = "sk-hunter-2" }'


class Machine:
    """A laptop with a local stack, a registry, and one project in git."""

    def __init__(self, home, base, repository):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.env = world(home)
        self.name = repository.rpartition("/")[2]
        self.values = {"name": self.name, "base": base, "repo": repository}
        self.project = home / self.name
        self.project.mkdir()
        git(self.project, "init", "--quiet")
        self.api = PrefectApi(Target(self.url))

    def __call__(self, *arguments, ok=True, cwd=None):
        return flowship(*arguments, cwd=cwd or self.project, env=self.env, ok=ok)

    def ship(self, edition, deployment="", block="", more=""):
        text = CONFIGURATION.format(**self.values, deployment=deployment, block=block) + more
        write_files(self.project, {"flow.py": FLOW.format(edition), "flowship.toml": text})
        git(self.project, "add", ".")
        git(self.project, "commit", "--quiet", "--message", edition)
        return self("ship", "--json").json

    def stored(self):
        return ask(self.url, "/deployments/name/hello/greet")

    def schedules(self):
        return {s["schedule"]["cron"]: s for s in self.stored()["schedules"]}

    def block(self):
        path = f"/block_types/slug/docker-container/block_documents/name/{self.name}-docker"
        return ask(self.url, path)


@pytest.fixture(scope="module")
def machine(tmp_path_factory, base_image, engine, registry, receiver):
    name = f"t{uuid.uuid4().hex[:10]}"
    made = Machine(tmp_path_factory.mktemp("laptop"), base_image, f"{registry.address}/{name}")
    made("up", "--port", str(made.port))
    receiver.create_block(made.url)
    yield made
    made("down", ok=False)
    remove_images(engine, name)


@pytest.fixture(scope="module")
def shipped(machine):
    """The four releases."""
    return [
        machine.ship("first"),
        machine.ship("second", EVERY_MINUTE, SECRET),
        machine.ship("second", f'{EVERY_MINUTE}\ntags = ["x"]', f'{SECRET}\nmem-limit = "1g"'),
        machine.ship(
            "fourth",
            'schedules = [{ cron = "0 5 * * *" }]\nparameters = { name = "you" }',
            SECRET,
            f'\n[[deployments]]\nname = "extra"\ncron = "30 4 1 1 *"\n{ALERTS}',
        ),
    ]


def test_each_ship_is_a_release(machine, shipped):
    assert [each["deploy"]["release"] for each in shipped] == [1, 2, 3, 4]
    assert machine("ship", "--json").json["deploy"]["release"] is None
    found = machine("history", "--json").json
    assert misfits(found, HISTORY) == []
    assert [each["number"] for each in found["releases"]] == [4, 3, 2, 1]
    digests = [each["images"][0]["digest"] for each in found["releases"]]
    assert digests[1] == digests[2]
    assert len({*digests}) == 3
    commit = git(machine.project, "rev-parse", "HEAD").strip()
    assert found["releases"][0]["images"][0]["revision"] == commit
    assert "flow.py" in found["releases"][0]["images"][0]["files"]
    lines = machine("history").stdout.splitlines()
    assert commit[:7] in lines[1]
    assert lines[2].startswith("    new image; ")
    assert "+ hello/extra" in found["releases"][0]["changes"]
    assert "+ alert failed → custom-webhook/ops" in found["releases"][0]["changes"]


def test_the_releases_hold_no_secret(machine, shipped):
    artifacts = ask(machine.url, "/artifacts/filter", {})
    assert "hunter" not in str(artifacts)
    assert "hunter" in str(machine.block()["data"]["env"])


def test_a_dry_run_of_a_rollback_changes_nothing(machine, shipped):
    before = machine.stored()["updated"], machine.block()["updated"]
    done = machine("rollback", "2", "--dry-run", "--json")
    assert misfits(done.json, ROLLBACK) == []
    assert (done.json["from"], done.json["to"], done.json["release"]) == (4, 2, None)
    assert done.json["added"] == ["hello/extra"]
    assert "API_TOKEN is not recorded, and stays as it is" in done.stderr
    assert STAYS in done.stderr
    [left] = done.json["images"][0]["left"]
    assert left["name"] == "hello/extra"
    assert (machine.stored()["updated"], machine.block()["updated"]) == before


STAYS = """\
not part of the rollback to release 2:
  ! deployment hello/extra
      still runs every 1 January at 04:30 UTC, without alerts;
      `flowship delete hello/extra` deletes it
"""


def test_a_rollback_with_prune_also_deletes_what_later_releases_added(machine, shipped):
    done = machine("rollback", "2", "--prune", "--dry-run", "--json")
    assert "  - delete deployment hello/extra (rollback to release 2)" in done.stderr
    assert "not part of" not in done.stderr
    assert done.json["images"][0]["left"] == []


def test_a_rollback_asks_and_without_a_terminal_needs_yes(machine, shipped):
    done = machine("rollback", "2", "--json", ok=False)
    assert (done.code, done.json["error"]["code"]) == (2, "confirmation-required")


@pytest.fixture(scope="module")
def rolled_back(machine, shipped):
    """Two back, with half-done edits in the folder; and a person has paused one schedule and
    added another."""
    stored, daily = machine.stored(), machine.schedules()["0 5 * * *"]
    path = f"/deployments/{stored['id']}/schedules"
    ask(machine.url, f"{path}/{daily['id']}", {"active": False, "parameters": {}}, "PATCH")
    own = {"schedule": {"cron": "7 7 * * 7", "timezone": "UTC"}, "active": True}
    ask(machine.url, path, [own])
    file = machine.project / "flowship.toml"
    text = file.read_text()
    file.write_text(text.replace("auto-remove = true", "auto-remove = 3"))
    done = machine("rollback", "2", "--yes", "--json")
    file.write_text(text)
    assert STAYS in done.stderr
    return done.json


def test_a_rollback_makes_the_earlier_release_the_desired_state(machine, shipped, rolled_back):
    assert rolled_back["release"] == 5
    assert machine.block()["data"]["image"] == shipped[1]["deploy"]["image"]
    assert machine.block()["data"]["env"] == {"API_TOKEN": "sk-hunter-2"}
    assert machine.block()["data"]["mem_limit"] is None
    stored = machine.stored()
    assert (stored["parameters"], stored["tags"]) == ({}, [])
    found = machine.schedules()
    assert {cron: each["active"] for cron, each in found.items()} == {
        "* * * * *": True,
        "0 5 * * *": False,
        "7 7 * * 7": True,
    }
    assert ask(machine.url, "/deployments/name/hello/extra")["name"] == "extra"
    again = machine("rollback", "2", "--yes", "--json").json
    assert [image["operations"] for image in again["images"]] == [[]]
    newest = machine("history", "-n", "1", "--json").json["releases"][0]
    assert (newest["number"], newest["made_by"]) == (5, "rollback to 2")


def test_the_scheduler_runs_the_earlier_image(machine, rolled_back):
    wanted = {
        "deployments": {"name": {"any_": ["greet"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    run, *_ = until(lambda: ask(machine.url, "/flow_runs/filter", wanted), every=1)
    assert run["auto_scheduled"]
    logs = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "limit": 200}

    def printed():
        messages = [each["message"] for each in ask(machine.url, "/logs/filter", logs)]
        return "second edition world" in messages

    until(printed, every=1)  # the last records arrive after the run has ended


def test_a_release_is_named_by_its_digest_or_revision_too(machine, rolled_back, tmp_path):
    first = machine("history", "1", "--json").json["release"]
    [image] = first["images"]
    for which in (image["digest"], image["digest"][7:20], image["revision"][:8]):
        options = ("--project", machine.name, "--dry-run", "--json")
        environ = {**machine.env, "PREFECT_API_URL": machine.url}
        done = flowship("rollback", which, *options, cwd=tmp_path, env=environ, ok=True)
        assert done.json["to"] == 1
    default = machine("rollback", "--dry-run", "--json").json
    assert default["to"] == 4


def test_a_release_whose_image_is_gone_is_refused_before_anything_changes(machine, rolled_back):
    last = store.find(machine.api, machine.name, "5")
    [image] = last.images
    gone = replace(image, reference=f"{image.name}@sha256:{'0' * 64}")
    local = replace(image, reference=f"{machine.name}:0000", pushed=False)
    before = machine.block()["updated"]
    for number, broken, code in ((90, gone, 6), (91, local, 3)):
        store.record(machine.api, replace(last, number=number, images=(broken,)))
        done = machine("rollback", str(number), "--yes", "--json", ok=False)
        assert done.code == code, done.stderr
        error = done.json["error"]
        assert f"release {number} cannot be deployed" in error["message"]
        assert "choose another release (`flowship history` lists them)" in error["hint"]
        assert f"`git checkout {image.revision[:12]}`, then `flowship ship`" in error["hint"]
    assert machine.block()["updated"] == before


def test_a_release_whose_secret_is_gone_is_refused_with_the_command_that_sets_it(
    machine, rolled_back
):
    last = store.find(machine.api, machine.name, "5")
    greet, *others = last.deployments
    block = f"{machine.name}-gone"
    lacking = replace(greet, secrets={"API_KEY": block})
    store.record(machine.api, replace(last, number=92, deployments=(lacking, *others)))
    before = machine.block()["updated"], machine.stored()["updated"]
    done = machine("rollback", "92", "--yes", "--json", ok=False)
    assert (done.code, done.json["error"]["code"]) == (3, "secret-not-found")
    assert "release 92 cannot be deployed: the server at" in done.json["error"]["message"]
    command = f"flowship secret set --block {block}"
    assert done.json["error"]["hint"] == f"run `{command}`"
    referring = {"env": {"X": f"{{{{ prefect.blocks.secret.{block} }}}}"}}
    other = replace(greet, job_variables=referring)
    store.record(machine.api, replace(last, number=93, deployments=(other, *others)))
    done = machine("rollback", "93", "--yes", "--json", ok=False)
    assert (done.code, done.json["error"]["code"]) == (3, "reference-not-found")
    assert command in done.json["error"]["hint"]
    assert (machine.block()["updated"], machine.stored()["updated"]) == before
    machine(*command.split()[1:], "--from-env", "HOME")
    for number in ("92", "93"):
        assert machine("rollback", number, "--dry-run", "--json").json["to"] == int(number)


def test_prune_keeps_what_history_and_containers_need(machine, rolled_back, engine):
    dry = machine("prune", "--keep", "2", "--dry-run", "--json").json
    assert misfits(dry, PRUNE) == []
    done = machine("prune", "--keep", "2", "--json").json
    assert [each["id"] for each in done["removed"]] == [each["id"] for each in dry["removed"]]
    tags = {name for each in done["kept"] for name in each["names"]}
    left = {tag for image in engine.images.list(name=machine.name) for tag in image.tags}
    assert left == tags
    assert [each["kept"] for each in done["kept"]].count("built last") <= 1


def test_delete_and_back(machine, rolled_back):
    done = machine("delete", "extra", "--yes", "--json").json
    assert misfits(done, DELETE) == []
    assert list(done["kept_blocks"]) == [f"{machine.name}-docker"]
    done = machine("delete", "--yes", "--json").json
    assert done["deployments"] == ["hello/greet"]
    assert ask(machine.url, "/deployments/filter", {}) == []
    done_again = machine("rollback", "5", "--yes", "--json")
    back = done_again.json
    assert done_again.stderr.count("create deployment hello/greet") == 1, "the plan is shown once"
    assert machine.stored()["name"] == "greet"
    assert back["release"] == done["release"] + 1
    assert {c: s["active"] for c, s in machine.schedules().items()}["0 5 * * *"] is False
    deletion = done["release"]
    # The deletion is no release to go back to: neither without a name, nor by its number.
    shown = machine("rollback", "--dry-run", "--json").json
    assert shown["to"] < deletion
    refused = machine("rollback", str(deletion), "--dry-run", ok=False)
    assert refused.code == 2
    assert f"release {deletion} of {machine.name} is a deletion" in refused.stderr
    assert "→ `flowship delete` deletes the project's deployments" in refused.stderr
    again = machine("rollback", str(back["release"]), "--dry-run")
    assert f"release {back['release']} (" in again.stderr
    assert "is the present one" in again.stderr


@pytest.mark.parametrize(
    ("made_by", "incomplete", "number"),
    [
        ("rollback to 2", "interrupted", "2"),
        ("rollback to 2", "", None),
        ("deploy", "interrupted", None),
    ],
)
def test_a_rollback_that_broke_off_is_gone_on_with(made_by, incomplete, number):
    last = Release(5, "de-taxi", made_by, "ada@laptop", incomplete=incomplete)
    assert rollback.unfinished(last) == number
