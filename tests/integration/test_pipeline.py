"""The cycle's refusals, through the command line: nothing wrong reaches the next step."""

from __future__ import annotations

import io
import json
import urllib.request
import uuid

import pytest

from flowship import check
from flowship.config import loading
from flowship.errors import BuildError, ConfigError
from flowship.project.build_request import prepare_build
from flowship.registry import target
from support.commands import ask, one_object
from support.projects import FLOW, write

RELATIVE = "COPY flow.py opt/prefect/flows/"


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
    for image in engine.images.list(filters={"label": f"io.flowship.project={project.name}"}):
        engine.images.remove(image.id, force=True)


# --- the user's own Dockerfile -------------------------------------------------------------------


@pytest.mark.engine
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_the_failure_flowship_was_born_from_is_stopped_told_and_mended(
    cli, project, images, engine, base_image, newline
):
    text = newline.join(["# Ours", f"FROM {base_image}", RELATIVE, ""])
    write(project, base_image, more='dockerfile = "Dockerfile"\n')
    (project / "Dockerfile").write_bytes(text.encode())
    code, stdout, stderr = cli("build", cwd=project)
    assert (code, stdout) == (3, "")
    assert "Dockerfile:3:14" in stderr
    assert "^" * len("opt/prefect/flows/") in stderr
    assert "/opt/prefect/opt/prefect/flows/" in stderr, "where it would really land"
    assert '"/opt/prefect/flows/"' in stderr, "what was meant"
    assert "flowship check --fix" in stderr
    assert "to the engine" not in stderr, "nothing was sent"
    assert not images()
    assert images() == []

    code, _, stderr = cli("check", "--fix", cwd=project)
    assert code == 0, stderr
    mended = text.replace(RELATIVE, "COPY flow.py /opt/prefect/flows/")
    assert (project / "Dockerfile").read_bytes() == mended.encode()

    code, stdout, stderr = cli("build", "--json", cwd=project)
    assert code == 0, stderr
    assert one_object(stdout)["probe"]["flow_name"] == "hello"
    assert images() == [one_object(stdout)["image"]]


@pytest.mark.engine
def test_where_it_would_land_is_read_from_a_base_that_the_engine_has(
    cli, project, images, engine, base_image
):
    base = f"{project.name}-base:1"
    write(project, base_image, more='dockerfile = "Dockerfile"\n')
    (project / "Dockerfile").write_text(f"FROM {base}\n{RELATIVE}\n")
    text = io.BytesIO(f"FROM {base_image}\nWORKDIR /srv/app\n".encode())
    engine.images.build(fileobj=text, tag=base, rm=True)
    try:
        code, _, stderr = cli("build", cwd=project)
        assert code == 3
        assert "/srv/app/opt/prefect/flows/" in stderr
    finally:
        engine.images.remove(base, force=True)


def test_without_an_engine_a_base_nobody_knows_is_not_guessed_at(cli, project):
    write(project, "x", more='dockerfile = "Dockerfile"\n')
    (project / "Dockerfile").write_text("FROM example.com/base:1\nCOPY flow.py etl/\n")
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    code, stdout, stderr = cli("check", "--json", cwd=project, env=nowhere)
    assert code == 3
    found = one_object(stdout)["findings"]
    told = [f for f in found if f["rule"] == "relative-destination"]
    assert [(f["line"], f["column"]) for f in told] == [(2, 14)]
    assert "/opt/prefect" not in json.dumps(told)
    assert "Traceback" not in stderr


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
        [f"flow.py:{len(FLOW.splitlines()) + 2}:", "SyntaxError", "fix that line"],
    ),
    "renamed flow": (
        {"flow.py": FLOW.replace("def hello", "def hullo")},
        "flow.py:hello",
        ["flow.py has no flow called hello", 'did you mean entrypoint = "flow.py:hullo"?'],
    ),
    "wrong path": (
        {},
        "flows/flow.py:hello",
        ["there is no flows/flow.py in the project", 'entrypoint = "flow.py:hello"?'],
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
    assert code == 5, stderr
    assert stdout == ""
    for word in words:
        assert word in stderr
    assert catalog(registry) == []
    assert images() == []
    pools = ask(prefect_server, "/work_pools/filter", {})
    assert project.name not in [pool["name"] for pool in pools]


@pytest.mark.engine
def test_with_the_users_own_dockerfile_a_wrong_path_is_a_finding_in_it(cli, project, base_image):
    text = f"FROM {base_image}\nCOPY flow.py /opt/prefect/flows/src/\n"
    write(project, base_image, {"Dockerfile": text}, 'dockerfile = "Dockerfile"\n')
    code, _, stderr = cli("build", cwd=project)
    assert code == 3
    assert "Dockerfile:2:14" in stderr
    assert "the deployment will look for the flow at /opt/prefect/flows/flow.py" in stderr


def refused(folder, **overrides):
    settings = loading.load(folder, overrides=overrides, environ={})
    checked = check.check_build(prepare_build(settings))
    check.refuse_missing_flow(checked, settings)
    check.refuse_errors(checked)


def test_a_missing_entrypoint_is_told_before_any_engine_is_asked(project):
    write(project, "python:3.11", {"jobs/taxi.py": FLOW})
    (project / "flow.py").unlink()
    with pytest.raises(BuildError) as caught:
        refused(project, entrypoint="taxi.py:hello")
    assert caught.value.hint == 'did you mean entrypoint = "jobs/taxi.py:hello"?'
    assert "jobs/taxi.py:hello" in caught.value.details
    with pytest.raises(BuildError) as caught:
        refused(project, entrypoint="z.py:q")
    assert caught.value.hint == "mend the entrypoint"


def test_an_entrypoint_that_dockerignore_leaves_out_is_told_so(project):
    write(project, "python:3.11", {".dockerignore": "flow.py\n"})
    with pytest.raises(ConfigError):
        refused(project)
    checked = check.check_project(project)
    (finding,) = checked.errors
    assert "left out by .dockerignore line 1" in finding.message
    assert finding.help == "take it back with !flow.py in .dockerignore"


def test_an_entrypoint_in_a_copied_folder_is_in_its_place(project):
    more = 'copy = { "shared/jobs" = "/opt/prefect/flows/jobs" }\n'
    write(project, "python:3.11", {"shared/jobs/taxi.py": FLOW}, more)
    refused(project, entrypoint="jobs/taxi.py:hello")


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
    # the one that was built can still be named
    assert cli("deploy", "--dry-run", "--image", built, cwd=project, env=env).code == 0
    # and the old files are the old image
    (project / "helper.py").unlink()
    assert cli("build", cwd=project, env=env).stdout.strip() == built
    assert cli("deploy", "--dry-run", cwd=project, env=env).code == 0
    assert images() == [built]


# --- settings ------------------------------------------------------------------------------------


def test_no_project_is_no_mistake_but_a_broken_one_is(tmp_path):
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


@pytest.mark.parametrize(
    ("schedule", "message"),
    [('cron = "0 25 * * *"', "no hour"), ('cron = "0 5 * * *"\ntimezone = "Mars/X"', "Mars/X")],
)
def test_a_schedule_that_never_runs_is_told_before_a_build(project, schedule, message):
    write(project, "base:1", more=f'[[deployments]]\nname = "nightly"\n{schedule}\n')
    with pytest.raises(ConfigError) as caught:
        check.check_project(project)
    assert message in caught.value.message
    assert "flowship.toml:" in caught.value.where
