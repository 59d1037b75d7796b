"""`--json`: one object on stdout, whose shape scripts rely on.

`up` and `down` are compared with the same shapes where they really run, in test_end_to_end.py.
"""

from __future__ import annotations

import uuid

import pytest

from support.commands import Maybe, Running, ask, flowship, misfits, one_object, until, world
from support.projects import remove_images, write
from support.registry_server import ACCOUNTS
from support.shapes import (
    BUILD,
    CHECK,
    DEPLOY,
    ERROR,
    INIT,
    LOGIN,
    PROFILE_CHANGE,
    PROFILE_LS,
    PROFILE_SHOW,
    PUSH,
    RUN,
    RUN_WATCHED,
    SHIP,
    SHIP_DRY_RUN,
)

# --- without an engine ---------------------------------------------------------------------------


def test_check(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\nCOPY a b/\n")
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flow.py:f"\ndockerfile = "Dockerfile"\n[env.staging]\nbase-image = "A"\n'
    )
    code, stdout, _ = cli("check", "--json")
    found = one_object(stdout)
    assert misfits(found, CHECK) == []
    assert code == 3
    assert found["errors"] + found["warnings"] == len(found["findings"])


def test_check_of_a_clean_file(cli, tmp_path):
    (tmp_path / "Dockerfile").write_text('FROM python:3.11\nCMD ["python"]\n')
    code, stdout, _ = cli("check", "Dockerfile", "--json")
    assert (code, one_object(stdout)["findings"]) == (0, [])


def test_the_dockerfile(cli):
    code, stdout, _ = cli("build", "--print-dockerfile", "--json")
    assert code == 0
    assert misfits(one_object(stdout), {"dockerfile": str}) == []


def test_init(cli):
    assert misfits(one_object(cli("init", "--json").stdout), INIT) == []


def test_an_error(cli):
    code, stdout, _ = cli("profile", "use", "nope", "--json")
    error = one_object(stdout)
    assert misfits(error, ERROR) == []
    assert code == error["error"]["exit_code"] == 2


def test_profiles(cli, home):
    (home / ".prefect").mkdir()
    (home / ".prefect" / "profiles.toml").write_text(
        '[profiles.work]\nPREFECT_API_URL = "http://10.0.0.5:4200/api"\n'
        'PREFECT_API_KEY = "pnu_secret"\n'
    )
    listed = cli("profile", "ls", "--json").stdout
    assert misfits(one_object(listed), PROFILE_LS) == []
    used = cli("profile", "use", "work", "--json").stdout
    assert misfits(one_object(used), PROFILE_CHANGE) == []
    shown = cli("profile", "show", "--json").stdout
    assert misfits(one_object(shown), PROFILE_SHOW) == []
    assert one_object(shown)["api"]["url"] == "http://10.0.0.5:4200/api"
    url = "http://10.0.0.6:4200/api"
    change = cli("profile", "set-api", url, "--no-check", "--json").stdout
    assert misfits(one_object(change), PROFILE_CHANGE) == []
    assert one_object(change)["server"] is None
    assert "pnu_secret" not in listed + used + shown + change


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["words", "json"])
def test_a_password_in_the_apis_address_is_shown_nowhere(cli, options):
    address = {"PREFECT_API_URL": "http://ada:hunter2@10.0.0.5:4200/api"}
    code, stdout, stderr = cli("profile", "show", *options, env=address)
    assert code == 0
    assert "http://ada:********@10.0.0.5:4200/api" in stdout
    assert "hunter2" not in stdout + stderr


# --- the cycle -----------------------------------------------------------------------------------

CONFIGURED = '[[deployments]]\nname = "json-nightly"\ncron = "0 5 * * *"\n'


@pytest.fixture(scope="module")
def shipped(tmp_path_factory, base_image, engine, registry, prefect_server):
    """A project that was shipped; its environment, and what `ship --json` said."""
    home = tmp_path_factory.mktemp("home")
    folder = home / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    write(folder, base_image, more=CONFIGURED)
    env = world(home, PREFECT_API_URL=prefect_server, FLOWSHIP_WORK_POOL=folder.name)
    env["FLOWSHIP_REPO"] = f"{registry.address}/{folder.name}"
    yield folder, env, flowship("ship", "--json", cwd=folder, env=env, ok=True)
    remove_images(engine, folder.name)


@pytest.mark.server
@pytest.mark.engine
def test_ship(shipped):
    result = one_object(shipped[2].stdout)
    assert misfits(result, SHIP) == []
    assert result["push"]["reference"] == result["deploy"]["image"]


@pytest.mark.engine
@pytest.mark.server
@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        (["build"], BUILD),
        (["push"], PUSH),
        (["deploy", "--dry-run"], DEPLOY),
        (["ship", "--dry-run"], SHIP_DRY_RUN),
        (["deploy"], DEPLOY),
        (["run"], RUN),
    ],
    ids=["build", "push", "deploy --dry-run", "ship --dry-run", "deploy", "run"],
)
def test_a_step_of_the_cycle(shipped, arguments, shape):
    folder, env, _ = shipped
    done = flowship(*arguments, "--json", cwd=folder, env=env, ok=True)
    assert misfits(one_object(done.stdout), shape) == []


@pytest.mark.engine
@pytest.mark.server
def test_without_json_stdout_is_what_a_script_needs(shipped):
    folder, env, done = shipped
    shipped_as = one_object(done.stdout)
    images = {"build": shipped_as["build"]["image"], "push": shipped_as["push"]["reference"]}
    for command, expected in images.items():
        code, stdout, stderr = flowship(command, cwd=folder, env=env)
        assert (code, stdout) == (0, f"{expected}\n")
        assert stderr.strip()
    code, stdout, _ = flowship("deploy", cwd=folder, env=env)
    assert (code, stdout) == (0, "hello/json-nightly\n")


@pytest.mark.engine
@pytest.mark.server
def test_run_watched(shipped, prefect_server):
    folder, env, _ = shipped
    with Running("run", "--watch", "--json", cwd=folder, env=env) as watching:
        watching.until("page")
        for run in until(lambda: waiting(prefect_server, folder.name)):
            body = {"state": {"type": "COMPLETED"}, "force": True}
            ask(prefect_server, f"/flow_runs/{run['id']}/set_state", body)
        code, stdout, _ = watching.ended()
    assert code == 0
    result = one_object(stdout)
    assert misfits(result, RUN_WATCHED) == []
    assert result["completed"] is True


def waiting(api_url, pool):
    """The runs that were started by hand and wait for a worker of `pool`."""
    wanted = {
        "work_pools": {"name": {"any_": [pool]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    return [run for run in ask(api_url, "/flow_runs/filter", wanted) if not run["auto_scheduled"]]


@pytest.mark.server
def test_an_api_that_answers_is_stored(cli, prefect_server):
    given = prefect_server.removesuffix("/api")
    code, stdout, _ = cli("profile", "set-api", given, "--json")
    change = one_object(stdout)
    assert code == 0
    assert misfits(change, PROFILE_CHANGE) == []
    assert (change["url"], change["corrected_from"]) == (prefect_server, given)
    assert change["server"]["kind"] == "prefect"


@pytest.mark.engine
def test_login(cli, private_registry):
    ((user, password),) = ACCOUNTS.items()
    arguments = ["login", private_registry.address, "--username", user, "--password-stdin"]
    code, stdout, stderr = cli(*arguments, "--json", stdin=f"{password}\n")
    assert code == 0, stderr
    assert misfits(one_object(stdout), LOGIN) == []
    assert password not in stdout + stderr


# --- the tables themselves -----------------------------------------------------------------------


def test_a_shape_notices_what_is_new_missing_or_of_another_type():
    shape = {"a": int, "b": [str], "c": Maybe({"d": bool})}
    assert misfits({"a": 1, "b": ["x"], "c": None}, shape) == []
    assert misfits({"a": True, "b": ["x"], "c": {"d": False}}, shape) == [".a is True, not int"]
    assert sorted(misfits({"a": 1, "b": [], "c": {"e": 1}, "f": 0}, shape)) == [
        ".b is empty, so its items are not pinned",
        ".c.d is missing",
        ".c.e is new",
        ".f is new",
    ]
