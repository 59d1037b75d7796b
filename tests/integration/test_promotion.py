"""Staging and production as two real servers: the same image, each with its own deployment."""

from __future__ import annotations

import urllib.error
import uuid

import pytest

from support.commands import ask, one_object
from support.projects import remove_images, write
from support.server import start_server, stop

pytestmark = [pytest.mark.engine, pytest.mark.server]

CONFIGURATION = """\
require-env = true
work-pool = "{name}"

[[deployments]]
name = "{name}"
cron = "0 5 * * *"
timezone = "Europe/Berlin"
parameters = {{ name = "Ada" }}

[env.staging]
profile = "staging"
repo = "{registry}/staging/{name}"

[env.staging.deployments.{name}]
interval = "15m"
parameters.name = "test"

[env.production]
profile = "production"
repo = "{registry}/production/{name}"
work-pool = "{name}-production"
block.env = {{ LEVEL = "info" }}

[env.production.deployments.{name}]
concurrency-limit = 2

[env.twin]
profile = "staging"
repo = "{registry}/staging/{name}"
"""

PROFILES = """\
active = "local"

[profiles.staging]
PREFECT_API_URL = "{staging}"

[profiles.production]
PREFECT_API_URL = "{production}"
"""


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    process, url = start_server(tmp_path_factory.mktemp("production"))
    yield url
    stop(process)


@pytest.fixture
def project(tmp_path, home, engine, base_image, registry, prefect_server, production):
    folder = tmp_path / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    more = CONFIGURATION.format(name=folder.name, registry=registry.address)
    write(folder, base_image, more=more)
    (home / ".prefect").mkdir(exist_ok=True)
    profiles = PROFILES.format(staging=prefect_server, production=production)
    (home / ".prefect" / "profiles.toml").write_text(profiles)
    yield folder
    remove_images(engine, folder.name)


def deployed(url, block):
    """The deployment on a server, and the image of its block."""
    found = ask(url, f"/deployments/name/hello/{block.removesuffix('-docker')}")
    document = ask(url, f"/block_types/slug/docker-container/block_documents/name/{block}")
    return found, document["data"]["image"]


PROMOTE = ("promote", "--from", "staging", "--to", "production")


def test_production_runs_the_digest_of_staging_with_its_own_schedules(
    cli, project, prefect_server, production
):
    nothing = cli(*PROMOTE, "--json", cwd=project)
    assert (nothing.code, one_object(nothing.stdout)["error"]["code"]) == (3, "nothing-to-promote")
    refused = cli("ship", cwd=project)
    assert refused.code == 2
    assert "environments: staging, production, twin" in refused.stderr

    shipped = cli("ship", "--env", "staging", cwd=project)
    assert shipped.code == 0, shipped.stderr
    assert shipped.stderr.startswith(f"deploying to staging: {prefect_server} (profile staging)")
    # Whoever follows the hints reaches staging, whatever profile is active.
    name = f"hello/{project.name}"
    assert f"next: `flowship run --env staging {name} --watch`" in shipped.stderr
    assert "start one with `PREFECT_PROFILE=staging " in shipped.stderr
    digest = shipped.stdout.strip().rpartition("@")[2]
    # What is in the folder later does not matter: the image is the one that staging has tested.
    code = (project / "flow.py").read_text()
    (project / "flow.py").write_text("broken(")

    planned = cli(*PROMOTE, "--dry-run", "--json", cwd=project)
    assert planned.code == 0, planned.stderr
    result = one_object(planned.stdout)
    assert (result["copied"], result["deploy"]["dry_run"]) == (True, True)
    assert result["image"].endswith(f"@{digest}")
    with pytest.raises(urllib.error.HTTPError):
        deployed(production, f"{project.name}-docker")

    done = cli(*PROMOTE, cwd=project)
    assert done.code == 0, done.stderr
    assert done.stderr.splitlines()[:2] == [
        f"promoting from staging: {prefect_server} (profile staging)",
        f"deploying to production: {production} (profile production)",
    ]
    copied = done.stderr.index("✓ copied the image to")
    assert copied < done.stderr.index("+ create"), "the block follows the image"

    block = f"{project.name}-docker"
    staging, staged = deployed(prefect_server, block)
    live, promoted = deployed(production, block)
    assert staged.rpartition("@")[2] == promoted.rpartition("@")[2] == digest
    assert "/staging/" in staged
    assert "/production/" in promoted
    assert done.stdout.strip() == promoted
    assert staging["parameters"] == {"name": "test"}
    assert live["parameters"] == {"name": "Ada"}
    [schedule] = live["schedules"]
    assert schedule["schedule"]["cron"] == "0 5 * * *"
    [schedule] = staging["schedules"]
    assert schedule["schedule"]["interval"] == 900
    assert live["work_pool_name"] == f"{project.name}-production"
    assert live["entrypoint"] == staging["entrypoint"]

    again = cli(*PROMOTE, "--json", cwd=project)
    assert again.code == 0, again.stderr
    assert one_object(again.stdout)["copied"] is False

    # A deploy of the same files finds the copy, which this engine never pushed.
    (project / "flow.py").write_text(code)
    own = cli("deploy", "--env", "production", "--json", cwd=project)
    assert own.code == 0, own.stderr
    assert one_object(own.stdout)["image"] == promoted


def test_what_cannot_be_promoted_is_refused(cli, project, prefect_server, production):
    for target, code in (("staging", "same-environment"), ("stagng", "environment-unknown")):
        done = cli("promote", "--from", "staging", "--to", target, "--json", cwd=project)
        assert (done.code, one_object(done.stdout)["error"]["code"]) == (2, code)

    local = cli("build", "--env", "staging", cwd=project)
    assert local.code == 0, local.stderr
    assert cli("deploy", "--env", "staging", "--local", cwd=project).code == 0
    never = cli(*PROMOTE, "--json", cwd=project)
    assert (never.code, one_object(never.stdout)["error"]["code"]) == (3, "image-not-pushed")

    assert cli("ship", "--env", "staging", cwd=project).code == 0
    twin = cli("promote", "--from", "staging", "--to", "twin", "--json", cwd=project)
    assert (twin.code, one_object(twin.stdout)["error"]["code"]) == (3, "same-environment")

    # A deployment whose flow the image of staging does not have.
    text = (project / "flowship.toml").read_text()
    image = deployed(prefect_server, f"{project.name}-docker")[1]
    (project / "new.py").write_text((project / "flow.py").read_text())
    more = '[[deployments]]\nname = "newf"\nentrypoint = "new.py:hello"\n\n[env.staging]'
    (project / "flowship.toml").write_text(text.replace("[env.staging]", more, 1))
    for command, step in (
        (PROMOTE, "run `flowship ship --env staging`, which ships an image with this flow"),
        (("deploy", "--env", "staging", "--image", image), "deploy without --image"),
    ):
        done = cli(*command, "--json", cwd=project)
        error = one_object(done.stdout)["error"]
        assert (done.code, error["code"]) == (3, "flow-not-in-image")
        assert error["hint"].startswith(step)

    other = text.replace(f'name = "{project.name}"', 'name = "other"', 1)
    (project / "flowship.toml").write_text(
        other.replace("[env.staging]", f'[env.staging]\nblock.name = "{project.name}-docker"')
    )
    another = cli(*PROMOTE, "--json", cwd=project)
    assert one_object(another.stdout)["error"]["code"] == "image-of-another-project"

    # A variable that is left over in the shell cannot redirect it.
    (project / "flowship.toml").write_text(text)
    env = {"PREFECT_API_URL": production}
    wrong = cli(*PROMOTE, "--json", cwd=project, env=env)
    assert one_object(wrong.stdout)["error"]["code"] == "api-contradicts-profile"
    named = f"hello/{project.name}"
    assert cli("run", named, "--env", "production", cwd=project).code == 2, "it is on staging only"
    started = cli("run", named, "--env", "staging", cwd=project)
    assert started.code == 0, started.stderr
    assert started.stderr.startswith(f"running in staging: {prefect_server} (profile staging)")


def test_all_images_of_a_project_are_promoted_or_the_chosen_one(
    cli, project, engine, prefect_server, production
):
    file = project / "flowship.toml"
    more = (
        f'[images.more]\nbuild-args = {{ A = "b" }}\n[[deployments]]\nimage = "more"\n'
        f'name = "{project.name}-more"\n'
    )
    file.write_text(file.read_text() + more)
    shipped = one_object(cli("ship", "--env", "staging", "--json", cwd=project).stdout)
    digests = [image["push"]["digest"] for image in shipped["images"]]
    one = cli(*PROMOTE, "--only", "more", cwd=project)
    assert one.stdout.strip().endswith(f"-more:{shipped['images'][1]['push']['tag']}@{digests[1]}")
    both = one_object(cli(*PROMOTE, "--json", cwd=project).stdout)
    assert [image["name"] for image in both["images"]] == [project.name, "more"]
    assert [image["image"].partition("@")[2] for image in both["images"]] == digests
    assert [image["deploy"]["operations"] == [] for image in both["images"]] == [False, True]
    remove_images(engine, f"{project.name}-more")
