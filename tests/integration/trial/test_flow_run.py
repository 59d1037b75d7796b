"""`flowship try` with a real engine, a real Prefect server and a secret on it."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess

import pytest

from flowship.blocks import OF_THE_WORKER
from support.commands import PROGRAM, ask, flowship, until, world
from support.projects import remove_images, write
from support.server import start_server, stop

pytestmark = [pytest.mark.engine, pytest.mark.server]

FLOW = """\
import hashlib
import os
import time
from pathlib import Path

from prefect import flow


@flow(log_prints=True)
def main(n: int, fail: bool = False, wait: int = 0):
    print(f"n is {n + 1} in {os.getcwd()}")
    print("hash", hashlib.sha256(os.environ.get("API_TOKEN", "").encode()).hexdigest())
    print("stage", os.environ.get("STAGE"))
    print("settings", *sorted(name for name in os.environ if name.startswith("PREFECT_")))
    Path("/out/written").write_text(str(n))
    time.sleep(wait)
    if fail:
        raise ValueError("there were no rows at all")


@flow
async def other():
    return 1
"""
SECRET = 'pa"ss $HOME {{ x }} %'
MORE = """\
[block]
env = {{ STAGE = "{{{{ prefect.variables.stage }}}}" }}
secrets = ["API_TOKEN"]
volumes = ["{out}:/out"]
[[deployments]]
name = "nightly"
parameters = {{ n = 4 }}
[[deployments]]
name = "other"
entrypoint = "flow.py:other"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, base_image, engine):
    process, url = start_server(tmp_path_factory.mktemp("prefect"))
    folder = tmp_path_factory.mktemp("p") / "trial-project"
    out = tmp_path_factory.mktemp("out")
    out.chmod(0o777)
    files = {"flow.py": FLOW.replace("def main", "def hello")}
    folder.mkdir()
    write(folder, base_image, files, MORE.format(out=out))
    env = world(tmp_path_factory.mktemp("home"), PREFECT_API_URL=url)
    ask(url, "/variables/", {"name": "stage", "value": "from the server"})
    flowship(
        "secret", "set", "API_TOKEN", "--from-env", "GIVEN",
        cwd=folder, env={**env, "GIVEN": SECRET}, ok=True,
    )  # fmt: skip
    yield folder, env, url, out
    stop(process)
    remove_images(engine, "trial-project")


def test_a_run_gets_parameters_secrets_variables_and_volumes(project, engine):
    folder, env, url, out = project
    done = flowship("try", "nightly", "--json", cwd=folder, env=env, ok=True)
    assert "n is 5 in /opt/prefect/flows" in done.stderr
    assert f"hash {hashlib.sha256(SECRET.encode()).hexdigest()}" in done.stderr
    assert "stage from the server" in done.stderr
    (settings,) = [line for line in done.stderr.splitlines() if " settings " in line]
    assert "PREFECT_API_URL" in settings.split()
    assert {*settings.split()} & {*OF_THE_WORKER} == set()  # the user's own, as PREFECT_HOME is
    assert env.keys() & {*OF_THE_WORKER}
    assert SECRET not in done.stderr + done.stdout
    assert (out / "written").read_text() == "4"
    result = json.loads(done.stdout)
    assert (result["state_type"], result["exit_code"]) == ("COMPLETED", 0)
    stored = ask(url, f"/flow_runs/{result['run']}")
    assert stored["state_type"] == "COMPLETED"
    assert stored["tags"] == ["flowship-try"]
    assert stored["deployment_id"] is None
    assert ask(url, "/deployments/count", {}) == 0


def test_another_deployment_has_another_flow(project):
    folder, env, _url, _out = project
    done = flowship("try", "other", cwd=folder, env=env, ok=True)
    assert done.stdout == "COMPLETED\n"
    refused = flowship("try", cwd=folder, env=env)
    assert refused.code == 2
    assert "nightly, other" in refused.stderr


def test_a_failing_flow_gives_exit_code_8(project):
    folder, env, _url, _out = project
    done = flowship("try", "nightly", "--param", "fail=true", "--param", "n=7", cwd=folder, env=env)
    assert (done.code, done.stdout) == (8, "FAILED\n")
    assert "there were no rows at all" in done.stderr
    assert "n is 8" in done.stderr


def test_a_parameter_of_another_type_is_refused_before_the_run(project):
    folder, env, _url, _out = project
    done = flowship("try", "nightly", "--param", "n=many", cwd=folder, env=env)
    assert done.code == 2
    assert "--param n" in done.stderr


def test_offline_needs_no_server_and_asks_for_what_comes_from_one(project):
    folder, env, _url, _out = project
    alone = {**env, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    refused = flowship("try", "nightly", "--offline", cwd=folder, env=alone)
    assert refused.code == 3
    assert "comes from the server" in refused.stderr
    here = {**alone, "API_TOKEN": "t", "STAGE": "here"}
    done = flowship("try", "nightly", "--offline", cwd=folder, env=here, ok=True)
    assert "stage here" in done.stderr


def the_run(url, wait):
    """The run whose parameter `wait` is this, as soon as it runs and its container is seen."""

    def running():
        found = ask(url, "/flow_runs/filter", {"sort": "START_TIME_DESC"})
        of_it = [each for each in found if each["parameters"].get("wait") == wait]
        return of_it[0] if of_it and of_it[0]["state_type"] == "RUNNING" else None

    return until(running)


def state(url, run):
    found = ask(url, f"/flow_runs/{run['id']}")["state"]
    return found["type"], found["message"]


@pytest.fixture
def begun(project, engine):
    """Begins `flowship try`; gives the process, its run on the server, and its container."""
    folder, env, url, _out = project
    image = flowship("build", cwd=folder, env=env, ok=True).stdout.strip()
    begun = []

    def begin(wait, *more):
        process = subprocess.Popen(
            [str(PROGRAM), "try", "nightly", "--param", f"wait={wait}", *more],
            cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        begun.append(process)
        run = None if "--offline" in more else the_run(url, wait)
        container = until(lambda: saying(engine, image, "n is 5"))
        return process, run, container

    yield begin
    for process in begun:
        process.kill()
        process.wait()
        process.stdout.close()


def saying(engine, image, words):
    listed = engine.containers.list(ignore_removed=True, filters={"ancestor": image})
    return next((c for c in listed if words in c.logs().decode()), None)


def is_gone(engine, container):
    return container.id not in [c.id for c in engine.containers.list(all=True, ignore_removed=True)]


@pytest.mark.parametrize(("sent", "wait"), [(signal.SIGINT, 301), (signal.SIGTERM, 302)])
def test_an_interrupted_run_is_canceled_and_its_container_removed(
    project, engine, begun, sent, wait
):
    url = project[2]
    process, run, container = begun(wait)
    process.send_signal(sent)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 130
    assert is_gone(engine, container)
    kind, message = state(url, run)
    assert kind == "CANCELLED"
    assert message == "Canceled by flowship try, which was interrupted on the machine of the run."
    assert output.splitlines()[-1].startswith("interrupted: the run was canceled: http")
    assert run["id"] in output.splitlines()[-1]
    assert "flowship-try-run" not in output


def test_a_run_whose_container_is_killed_has_crashed(project, begun):
    url = project[2]
    process, run, container = begun(303)
    container.kill()
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 8
    assert "killed" in output
    assert run["id"] in output
    kind, message = state(url, run)
    assert kind == "CRASHED"
    assert message.startswith("flowship try: the container was killed (exit code 137)")


def test_an_interrupted_run_of_a_temporary_server_leaves_nothing(
    project, engine, begun, monkeypatch
):
    monkeypatch.setitem(project[1], "API_TOKEN", "t")
    monkeypatch.setitem(project[1], "STAGE", "here")
    process, _run, container = begun(304, "--offline")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=90)
    assert (process.returncode, output.splitlines()[-1]) == (130, "interrupted")
    assert is_gone(engine, container)
