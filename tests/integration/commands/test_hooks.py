"""The project's hooks in whole commands: what each knows, and what a failure stops."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest

from support.commands import flowship, world
from support.projects import remove_images, write

RECORD = "env | grep ^FLOWSHIP_HOOK | sort >> seen.txt; echo >> seen.txt"
POINTS = ("pre-build", "post-build", "post-push", "post-deploy", "on-failure")
ALL = "\n".join(f'{point} = "{RECORD}"' for point in POINTS)


def seen(project):
    """The variables of each hook, in order."""
    path = project / "seen.txt"
    records = path.read_text().split("\n\n") if path.exists() else []
    path.unlink(missing_ok=True)
    lines = [record.strip().splitlines() for record in records if record.strip()]
    return [dict(line.split("=", 1) for line in record if "=" in line) for record in lines]


def names(project):
    return [told["FLOWSHIP_HOOK"] for told in seen(project)]


@pytest.mark.engine
@pytest.mark.server
def test_a_ship_runs_every_hook_at_its_point(engine, base_image, registry, prefect_server, home):
    name = f"t{uuid.uuid4().hex[:10]}"
    repo = f"{registry.address}/team/{name}:v1"
    more = f'repo = "{repo}"\n[hooks]\n{ALL}\n'
    project = write(home / name, base_image, {".dockerignore": "seen.txt\n"}, more)
    env = {**world(home), "PREFECT_API_URL": prefect_server}
    try:
        plan = flowship("ship", "--dry-run", cwd=project, env=env, ok=True)
        assert "hook" not in plan.stderr
        assert seen(project) == []

        shipped = flowship("ship", "--json", cwd=project, env=env, ok=True)
        result = json.loads(shipped.stdout)  # hooks print nothing there
        before, built, pushed, deployed = seen(project)
        assert before["FLOWSHIP_HOOK_COMMAND"] == "ship"
        assert before["FLOWSHIP_HOOK_PROJECT"] == name
        assert built["FLOWSHIP_HOOK_IMAGE"].startswith(f"{name}:")
        assert built["FLOWSHIP_HOOK_CHANGED"] == "true"
        assert pushed["FLOWSHIP_HOOK_IMAGE"] == result["push"]["reference"]
        assert deployed["FLOWSHIP_HOOK_DEPLOYMENTS"] == f"hello/{name}"
        assert [each["FLOWSHIP_HOOK"] for each in (before, built, pushed, deployed)] == [
            "pre-build", "post-build", "post-push", "post-deploy",
        ]  # fmt: skip

        flowship("ship", cwd=project, env=env, ok=True)
        assert [told.get("FLOWSHIP_HOOK_CHANGED") for told in seen(project)] == [
            None, "false", "false", "false",
        ]  # fmt: skip

        failing = {**env, "FLOWSHIP_HOOKS__POST_PUSH": "exit 3"}
        stopped = flowship("ship", cwd=project, env=failing)
        assert stopped.code == 3
        assert "the post-push hook failed with exit code 3: exit 3" in stopped.stderr
        assert names(project) == ["pre-build", "post-build", "on-failure"]
    finally:
        remove_images(engine, name)


def test_a_file_that_a_hook_writes_is_part_of_the_build(cli, project):
    text = (project / "flowship.toml").read_text()
    lines = "FROM python:3.11\\\\nCOPY flow.py here/\\\\n"
    hook = f"mkdir -p docker && printf '{lines}' > docker/Dockerfile"
    text += f'dockerfile = "docker/Dockerfile"\n[hooks]\npre-build = "{hook}"\n'
    (project / "flowship.toml").write_text(text)
    done = cli("build", env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert done.code == 3
    assert "docker/Dockerfile:2" in done.stderr


def test_a_failure_is_shown_before_its_hook_and_keeps_its_exit_code(cli, project):
    text = (project / "flowship.toml").read_text()
    hook = "echo $FLOWSHIP_HOOK_ERROR_CODE $FLOWSHIP_HOOK_EXIT_CODE; exit 1"
    (project / "flowship.toml").write_text(f'{text}[hooks]\non-failure = "{hook}"\n')
    done = cli("build", env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert done.code == 4
    error, _, hook_output = done.stderr.partition("on-failure hook: ")
    assert "error:" in error
    assert " 4\n" in hook_output
    assert "warning: the on-failure hook failed with exit code 1" in hook_output


def test_what_a_hook_prints_does_not_reach_the_terminal_unescaped(cli, project):
    text = (project / "flowship.toml").read_text()
    hook = "printf 'a\\\\033[31mb'; exit 1"
    (project / "flowship.toml").write_text(f'{text}[hooks]\npre-build = "{hook}"\n')
    done = cli("build")
    assert "a␛[31mb" in done.stderr
    assert "\x1b[31m" not in done.stderr


def test_an_interruption_of_the_last_hook_says_that_everything_is_deployed(project):
    text = (project / "flowship.toml").read_text()
    hook = "kill -INT $PPID; sleep 1"
    (project / "flowship.toml").write_text(f'{text}[hooks]\npost-deploy = "{hook}"\n')
    command = (
        "from pathlib import Path\n"
        "from flowship.commands.hooks import after_deploy, begin\n"
        "from flowship.config.loading import load\n"
        "from flowship.output.console import Screen\n"
        "screen = Screen()\n"
        "after_deploy(screen, begin(screen, load(Path.cwd()), 'ship'), [])\n"
    )
    arguments = [sys.executable, "-c", command]
    done = subprocess.run(arguments, cwd=project, capture_output=True, text=True, check=False)
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert "everything is deployed; only the post-deploy hook did not end" in done.stderr
