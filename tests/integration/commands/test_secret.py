"""`flowship secret` as a user types it, against a real server."""

from __future__ import annotations

import os
import pty
import subprocess
import time

import pytest

from support.commands import PROGRAM, ask, misfits, one_object, world
from support.shapes import SECRET_CHANGE, SECRETS

pytestmark = pytest.mark.server

VALUE = "hunter2-and-more"
MORE = 'work-pool = "POOL"\n[block]\nsecrets = ["API_TOKEN"]\n[[deployments]]\nname = "nightly"\n'


@pytest.fixture
def folder(project, tmp_path):
    config = project / "flowship.toml"
    text = config.read_text().replace('"p"', f'"p-{tmp_path.name.replace("_", "-")}"'.lower())
    config.write_text(text + MORE)
    return project


@pytest.fixture
def secret(folder, tmp_path, prefect_server):
    env = world(tmp_path / "home", PREFECT_API_URL=prefect_server)

    def run(*arguments: str, value: bytes | None = None, cwd=folder, **more: str):
        done = subprocess.run(
            [str(PROGRAM), "secret", *arguments],
            cwd=cwd, env={**env, **more}, input=value or b"", capture_output=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert VALUE.encode() not in done.stdout + done.stderr
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


def held(api: str, block: str) -> str:
    path = f"/block_types/slug/secret/block_documents/name/{block}?include_secrets=true"
    return str(ask(api, path)["data"]["value"])


def test_set_list_and_remove(secret, prefect_server):
    code, stdout, _ = secret("ls")
    assert (code, "missing" in stdout) == (0, True)
    code, stdout, stderr = secret("set", "API_TOKEN", value=f"{VALUE}\n".encode())
    assert (code, "created API_TOKEN" in stderr) == (0, True)
    block = stdout.strip()
    assert held(prefect_server, block) == VALUE
    listed = one_object(secret("ls", "--json")[1])
    assert misfits(listed, SECRETS) == []
    (found,) = listed["secrets"]
    assert (found["name"], found["block"], found["state"]) == ("API_TOKEN", block, "present")
    assert found["deployments"] == ["nightly"]
    code, stdout, _ = secret("set", "API_TOKEN", "--from-env", "MY", "--json", MY=f"{VALUE}\n")
    changed = one_object(stdout)
    assert misfits(changed, SECRET_CHANGE) == []
    assert (code, changed["outcome"], changed["block"]) == (0, "updated", block)
    assert held(prefect_server, block) == f"{VALUE}\n"  # a variable is taken as it is
    code, stdout, _ = secret("rm", "API_TOKEN", "--json")
    assert (code, one_object(stdout)["error"]["code"]) == (2, "secret-in-use")
    code, stdout, _ = secret("rm", "API_TOKEN", "--force", "--json")
    assert (code, one_object(stdout)["outcome"]) == (0, "removed")
    code, _, stderr = secret("rm", "API_TOKEN", "--force")
    assert (code, "nothing was removed" in stderr) == (0, True)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"x\n", "x"),
        (b"x\r\n", "x"),
        (b"x\n\n", "x\n"),
        (b"a\r\nb", "a\r\nb"),
        (b" x ", " x "),
        (b"x\r", "x\r"),
        ("é😀\n".encode(), "é😀"),
    ],
    ids=["echo", "windows", "two", "inside", "spaces", "carriage return", "unicode"],
)
def test_of_stdin_one_line_ending_is_removed_and_nothing_else(secret, prefect_server, sent, stored):
    code, stdout, _ = secret("set", "API_TOKEN", value=sent)
    assert code == 0
    assert held(prefect_server, stdout.strip()) == stored


@pytest.mark.parametrize(
    ("arguments", "value", "code"),
    [
        (["set", "API_TOKEN"], b"", "secret-value-invalid"),
        (["set", "API_TOKEN"], b"\n", "secret-value-invalid"),
        (["set", "API_TOKEN"], b"a\0b", "secret-value-invalid"),
        (["set", "API_TOKEN"], b"\xff\xfe", "invalid-stdin"),
        (["set", "API_TOKEN", "--from-env", "NOT_THERE"], b"", "variable-not-set"),
        (["set"], b"x", "secret-name-required"),
        (["set", "API-TOKEN"], b"x", "secret-name-invalid"),
        (["rm"], b"", "secret-name-required"),
    ],
)
def test_what_cannot_be_a_secret_is_a_usage_error(secret, arguments, value, code):
    exit_code, stdout, _ = secret(*arguments, "--json", value=value)
    assert (exit_code, one_object(stdout)["error"]["code"]) == (2, code)


def test_a_block_is_set_and_removed_without_a_project(secret, tmp_path, prefect_server):
    empty = tmp_path / "empty"
    empty.mkdir()
    block = f"free-{int(time.time() * 1000)}"
    code, stdout, _ = secret("set", "--block", block, value=VALUE.encode(), cwd=empty)
    assert (code, stdout) == (0, f"{block}\n")
    assert held(prefect_server, block) == VALUE
    assert secret("rm", "--block", block, cwd=empty)[0] == 0
    assert secret("ls", cwd=empty)[0] == 3


def test_a_name_that_no_deployment_uses_is_set_with_a_warning(secret):
    code, _, stderr = secret("set", "API_TOKNE", value=b"x")
    assert (code, 'did you mean "API_TOKEN"?' in stderr) == (0, True)


def test_the_environment_says_which_server_and_the_command_for_it(secret, folder, prefect_server):
    config = folder / "flowship.toml"
    config.write_text(config.read_text() + '[env.staging]\nname = "staged"\n')
    code, stdout, stderr = secret("set", "API_TOKEN", "--env", "staging", value=b"x")
    assert (code, stdout) == (0, "staged-api-token\n")
    assert "storing a secret in" in stderr
    assert prefect_server in stderr
    assert secret("ls", "--env", "staging")[1].count("present") == 1
    assert secret("ls", "--env", "stagign")[0] != 0
    code, _, stderr = secret("rm", "API_TOKEN", "--env", "staging", "--force")
    assert (code, "removed API_TOKEN" in stderr) == (0, True)


def test_on_a_terminal_the_value_is_asked_for_and_not_shown(folder, tmp_path, prefect_server):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(PROGRAM), "secret", "set", "API_TOKEN"],
        cwd=folder, env=world(tmp_path / "home", PREFECT_API_URL=prefect_server),
        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"value of API_TOKEN" not in seen:
        seen += os.read(ours, 1024)
    os.write(ours, f"{VALUE}\n".encode())
    assert process.stdout is not None
    block = process.stdout.read().decode().strip()
    assert process.wait(30) == 0
    assert held(prefect_server, block) == VALUE
    while True:
        try:
            more = os.read(ours, 1024)
        except OSError:
            break
        seen += more
        if not more:
            break
    os.close(ours)
    assert VALUE.encode() not in seen
