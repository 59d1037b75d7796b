"""The cycle's refusals, through the command line: nothing wrong reaches the next step."""

from __future__ import annotations

import json
import urllib.request
import uuid

import pytest

from flowship.config import loading
from flowship.dockerfile import python_version
from flowship.errors import ConfigError
from flowship.project.entry_syntax import VERSION
from flowship.registry import target
from support.commands import ask, one_object
from support.projects import FLOW, remove_images, write


@pytest.fixture
def project(tmp_path):
    """An empty folder whose name, and so whose images, are this test's own."""
    folder = tmp_path / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    return folder


@pytest.fixture
def images(project, engine):
    """The images of `project`, and no trace of them afterwards."""

    def named():
        return [tag for image in engine.images.list(project.name) for tag in image.tags]

    yield named
    remove_images(engine, project.name)


# --- projects that cannot run --------------------------------------------------------------------


def catalog(registry):
    with urllib.request.urlopen(f"{registry.url}/v2/_catalog") as response:
        return json.load(response)["repositories"]


# What a data engineer reads: the place, what is wrong, and what to do.
BROKEN = {
    "missing module": (
        {"flow.py": "import pandsa\n" + FLOW, "docker-requirements.txt": ""},
        "flow.py:hello",
        ["flow.py:1", "the module pandsa is not in the image", "docker-requirements.txt"],
    ),
    "syntax error": (
        {"flow.py": FLOW + "\ndef broken(:\n"},
        "flow.py:hello",
        [f"flow.py:{len(FLOW.splitlines()) + 2}:", "invalid syntax", "fix that line"],
    ),
    "renamed flow": (
        {"flow.py": FLOW.replace("def hello", "def hullo")},
        "flow.py:hello",
        ["the file has no flow named hello", 'did you mean entrypoint = "flow.py:hullo"?'],
    ),
    "wrong path": (
        {},
        "flows/flow.py:hello",
        ["entrypoint file not found: flows/flow.py", 'entrypoint = "flow.py:hello"?'],
    ),
}


@pytest.mark.engine
@pytest.mark.server
@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_run_fails_the_build_and_is_not_pushed(
    cli, project, images, base_image, own_registry, prefect_server, case
):
    files, entrypoint, words = BROKEN[case]
    registry = own_registry()
    write(project, base_image, files)
    env = {
        "PREFECT_API_URL": prefect_server,
        "FLOWSHIP_WORK_POOL": project.name,
        "FLOWSHIP_ENTRYPOINT": entrypoint,
        "FLOWSHIP_REPO": f"{registry.address}/team/{project.name}",
    }
    code, stdout, stderr = cli("ship", "--cron", "0 5 * * *", cwd=project, env=env)
    same_python = python_version(base_image) == VERSION  # then a syntax error is found early
    before_the_build = {"wrong path", *(["syntax error"] if same_python else [])}
    assert code == (3 if case in before_the_build else 5), stderr
    assert stdout == ""
    for word in words:
        assert word in stderr
    assert catalog(registry) == []
    assert images() == []
    pools = ask(prefect_server, "/work_pools/filter", {})
    assert project.name not in [pool["name"] for pool in pools]


# --- files that changed since --------------------------------------------------------------------


@pytest.mark.engine
@pytest.mark.server
def test_files_changed_since_the_build_are_neither_pushed_nor_deployed(
    cli, project, images, base_image, registry, prefect_server
):
    write(project, base_image)
    env = {
        "PREFECT_API_URL": prefect_server,
        "FLOWSHIP_WORK_POOL": project.name,
        "FLOWSHIP_REPO": f"{registry.address}/{project.name}",
    }
    for command in ("push", "deploy"):
        code, stdout, stderr = cli(command, cwd=project, env=env)
        assert (code, stdout) == (3, ""), "never built"
        assert "flowship build" in stderr
    built = cli("build", cwd=project, env=env).stdout.strip()
    (project / "helper.py").write_text("")
    for command in ("push", "deploy"):
        code, stdout, stderr = cli(command, cwd=project, env=env)
        assert (code, stdout) == (3, ""), "a file was added"
        assert "flowship build" in stderr
        assert "changed" in stderr
    assert project.name not in catalog(registry)
    pools = ask(prefect_server, "/work_pools/filter", {})
    assert project.name not in [pool["name"] for pool in pools]
    # the one that was built can still be named, and is not deployed by mistake: it was not pushed
    local = ("deploy", "--dry-run", "--local", "--image", built)
    assert cli(*local, cwd=project, env=env).code == 0
    refused = cli("deploy", "--dry-run", "--image", built, "--json", cwd=project, env=env)
    assert refused.code == 3
    assert one_object(refused.stdout)["error"]["code"] == "image-not-pushed"
    # and the old files are the old image
    (project / "helper.py").unlink()
    assert cli("build", cwd=project, env=env).stdout.strip() == built
    assert cli("deploy", "--dry-run", "--local", cwd=project, env=env).code == 0
    assert images() == [built]


# --- settings ------------------------------------------------------------------------------------


def test_a_missing_project_is_allowed_but_a_broken_one_is_not(tmp_path):
    assert loading.settings_or_none(tmp_path) is None
    (tmp_path / "flow.py").write_text(FLOW)
    assert loading.settings_or_none(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert loading.settings_or_none(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text('[tool.flowship]\nentrypont = "flow.py:hello"\n')
    with pytest.raises(ConfigError, match="entrypo"):
        loading.settings_or_none(tmp_path)


@pytest.mark.parametrize(
    ("repo", "configured", "expected"),
    [
        ("user/a:v1", "user/b", "user/a:v1"),
        (None, "user/b", "user/b"),
        ("example.com:5000/team/a", None, "example.com:5000/team/a"),
    ],
)
def test_the_repository_given_wins_over_the_configured_one(tmp_path, repo, configured, expected):
    write(tmp_path / "p", "python:3.11")
    settings = loading.load(tmp_path / "p", overrides={"repo": configured}, environ={})
    assert str(target.push_target(repo, settings)) == expected


# --- dry runs ------------------------------------------------------------------------------------


@pytest.mark.engine
@pytest.mark.server
def test_a_dry_run_of_ship_says_what_happens_to_the_image_and_on_the_server(
    cli, project, images, base_image, registry, prefect_server
):
    write(project, base_image)
    env = {
        "PREFECT_API_URL": prefect_server,
        "FLOWSHIP_WORK_POOL": project.name,
        "FLOWSHIP_REPO": f"{registry.address}/{project.name}",
    }

    def planned() -> tuple[str, list[tuple[str, str]]]:
        done = cli("ship", "--dry-run", "--json", cwd=project, env=env)
        assert done.code == 0, done.stderr
        plan = one_object(done.stdout)
        return plan["image_action"], [(o["action"], o["resource"]) for o in plan["operations"]]

    shown = cli("ship", "--dry-run", cwd=project, env=env).stderr
    assert "not known before the build" not in shown
    code = (project / "flow.py").read_text()
    (project / "flow.py").write_text(code.replace("@flow(", "@flow(name='Greeting', "))
    assert "Greeting/" in cli("ship", "--dry-run", cwd=project, env=env).stderr
    (project / "flow.py").write_text(code.replace("@flow(", "@flow(name=str.lower('Greeting'), "))
    shown = cli("ship", "--dry-run", cwd=project, env=env).stderr
    assert "the name of the flow flow.py:hello is not known before the build" in shown
    (project / "flow.py").write_text(code)

    action, operations = planned()
    assert action == "build"
    assert ("create", "deployment") in operations
    assert (images(), project.name in catalog(registry)) == ([], False)
    pools = ask(prefect_server, "/work_pools/filter", {})
    assert project.name not in [pool["name"] for pool in pools]

    assert cli("ship", cwd=project, env=env).code == 0
    assert planned() == ("nothing", [])
    new_image = [("update", "block")]  # a deployment reads the image from its block
    (project / "helper.py").write_text("")
    assert planned() == ("build", new_image)
    assert cli("build", cwd=project, env=env).code == 0
    assert planned() == ("push", new_image)
    assert cli("ship", cwd=project, env=env).code == 0
    assert planned() == ("nothing", [])
