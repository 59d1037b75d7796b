"""Which image a command works on, with a real engine."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from flowship import image_choice
from flowship.build_request import prepare_build
from flowship.config import loading
from flowship.config.settings import Settings
from flowship.deployment.desired import Flags
from flowship.deployment.draft import draft
from flowship.engine.client import connect
from flowship.errors import ConfigError, RegistryError
from flowship.push import published, push
from flowship.registry import Reference
from flowship.registry.target import push_target
from support.projects import FLOW, build, write

pytestmark = pytest.mark.engine


def settings_of(project):
    return loading.load(project, environ={})


def test_the_image_of_the_current_files_is_the_default(project, base_image):
    built = build(write(project, base_image))
    settings = settings_of(project)
    assert image_choice.of_current_files(connect(), prepare_build(settings)).id == built.id
    assert image_choice.to_push(connect(), None, settings).id == built.id
    assert image_choice.to_deploy(None, settings)[1] is None  # never pushed


def test_files_changed_since_the_build_have_no_image(project, base_image):
    build(write(project, base_image))
    (project / "flow.py").write_text(FLOW + "# changed\n")
    with pytest.raises(ConfigError) as caught:
        image_choice.to_push(connect(), None, settings_of(project))
    assert caught.value.code == "image-not-built"


def test_a_named_image_needs_no_project(project, base_image):
    built = build(write(project, base_image))
    assert image_choice.to_push(connect(), built.reference, None).id == built.id
    with pytest.raises(ConfigError) as caught:
        image_choice.to_push(connect(), f"{project.name}:other", None)
    assert (caught.value.code, caught.value.where) == ("image-not-found", "--image")


def commit(project) -> str:
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-C", str(project)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    found = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def test_a_tag_an_id_and_a_git_revision_name_an_image_of_the_project(project, base_image):
    write(project, base_image)
    revision = commit(project)
    built = build(project)
    settings = settings_of(project)
    tag = built.inputs[:12]
    for name in (tag, built.reference, built.id, revision, revision[:7]):
        assert image_choice.to_push(connect(), name, settings).id == built.id, name
        found, pushed = image_choice.to_deploy(name, settings)
        assert (found.reference, pushed) == (built.reference, None), name
    other = settings.model_copy(update={"name": "other"})
    with pytest.raises(ConfigError) as caught:  # the tag belongs to this project only
        image_choice.to_deploy(tag, other)
    assert (caught.value.code, caught.value.where) == ("image-not-found", "--image")


def test_an_image_of_a_changed_work_tree_is_not_at_its_revision(project, base_image):
    write(project, base_image)
    revision = commit(project)
    (project / "flow.py").write_text(FLOW + "# changed\n")
    build(project)
    with pytest.raises(ConfigError) as caught:
        image_choice.to_push(connect(), revision, settings_of(project))
    assert caught.value.code == "image-not-found"


def test_a_revision_with_two_images_lists_both(project, base_image):
    write(project, base_image, {".gitignore": "flowship.toml\n"})
    revision = commit(project)
    first = build(project)
    with (project / "flowship.toml").open("a") as file:
        file.write('copy = { "flow.py" = "/opt/data/flow.py" }\n')
    second = build(project)
    assert first.inputs != second.inputs
    with pytest.raises(ConfigError) as caught:
        image_choice.to_push(connect(), revision[:10], settings_of(project))
    assert caught.value.code == "image-ambiguous"
    assert first.reference in caught.value.hint
    assert second.reference in caught.value.hint


def test_a_tag_that_this_engine_lacks_is_asked_of_the_projects_repository(
    project, base_image, registry
):
    built = build(write(project, base_image))
    settings = settings_of(project).model_copy(update={"repo": f"{registry.address}/own"})
    tag = built.inputs[:12]
    target = push_target(None, settings)
    pushed = push(connect(), built, target)
    for name in (tag, f"{project.name}:{tag}", pushed.digest, pushed.digest[7:]):
        assert image_choice.to_deploy(name, settings)[1] == pushed.reference, name
    for name in (built.reference, f"{target.repository}:{tag}"):
        connect().api.remove_image(name, force=True)
    for name in (tag, f"{project.name}:{tag}", pushed.digest, pushed.digest[7:]):
        found, reference = image_choice.to_deploy(name, settings)
        assert found.from_registry
        assert reference.endswith(pushed.digest), name
    with pytest.raises(RegistryError) as caught:
        image_choice.to_deploy("fc90f320e394", settings)
    assert registry.address in f"{caught.value.message} {caught.value.where}"


def test_of_two_builds_of_the_same_files_all_commands_name_the_one_that_the_registry_has(
    project, base_image, registry, engine
):
    """As two `ship` at the same time leave them: this engine has the one, the tag is the other."""
    target = Reference.parse(f"{registry.address}/{project.name}")
    ours = build(write(project, base_image, more=f'repo = "{target}"\n'))
    first = push(connect(), ours, target)
    theirs = build(project, no_cache=True)
    second = push(connect(), theirs, target)
    assert (ours.inputs, first.tag) == (theirs.inputs, second.tag)
    assert first.digest != second.digest
    engine.images.get(ours.id).tag(ours.reference)
    settings = settings_of(project)
    request = prepare_build(settings)

    def require_the_second():
        wanted = draft(settings, Flags())
        found = image_choice.planned(connect(), None, request, target, None, wanted)
        assert found.action is image_choice.ImageAction.NOTHING
        assert found.facts.reference == second.reference
        assert image_choice.to_deploy(None, settings)[1] == second.reference
        made = build(project, elsewhere=lambda inputs: published(connect(), target, inputs))
        assert push(connect(), made, target) == replace(second, already=True, size=made.size)

    require_the_second()
    engine.images.remove(theirs.id, force=True)  # another machine has built it
    assert image_choice.of_current_files(connect(), request).id == ours.id
    require_the_second()


def test_the_image_of_another_project_is_not_deployed(project, base_image):
    built = build(write(project, base_image))
    other = settings_of(project).model_copy(update={"name": "other"})
    with pytest.raises(ConfigError) as caught:
        image_choice.to_deploy(built.reference, other)
    assert caught.value.code == "image-of-another-project"


def test_what_the_probe_found_is_what_the_deployment_uses(project, base_image):
    built = build(write(project, base_image))
    facts = image_choice.facts_of(built, None)
    assert (facts.reference, facts.pushed) == (built.reference, False)
    [flow] = facts.flows
    assert flow.name == "hello"
    assert set(flow.parameters["properties"]) == {"name", "months"}
    assert image_choice.facts_of(built, "repo:1@sha256:0").pushed


@pytest.mark.parametrize(
    ("base", "requirements", "expected"),
    [
        ("prefecthq/prefect:3.6.13-python3.11", "pandas\nprefect-docker\n", "3.6.13"),
        ("prefecthq/prefect:3.6.13-python3.11", "prefect==3.8.8\n", "3.8.8"),  # pip replaces it
        ("prefecthq/prefect:3.6.13-python3.11", "prefect>=3.8\n", None),
        ("python:3.11", "pandas\n", None),
    ],
)
def test_the_base_image_says_which_prefect_a_new_image_has(tmp_path, base, requirements, expected):
    (tmp_path / "requirements.txt").write_text(requirements)
    settings = Settings(root=tmp_path, entrypoint="flow.py:f", name="x", **{"base-image": base})
    assert image_choice.planned_prefect(prepare_build(settings)) == expected


def test_requirements_that_cannot_be_read_end_the_command_before_the_server_is_asked(tmp_path):
    (tmp_path / "requirements.txt").write_text("-r missing.txt\n")
    base = {"base-image": "prefecthq/prefect:3.6.13-python3.11"}
    with pytest.raises(ConfigError):
        prepare_build(Settings(root=tmp_path, entrypoint="flow.py:f", name="x", **base))


def test_a_dockerfile_of_its_own_does_not_say_which_prefect_its_image_has(tmp_path):
    base = {"base-image": "prefecthq/prefect:3.6.13-python3.11"}
    settings = Settings(
        root=tmp_path, entrypoint="flow.py:f", name="x", dockerfile="Dockerfile", **base
    )
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\n")
    assert image_choice.planned_prefect(prepare_build(settings)) is None
