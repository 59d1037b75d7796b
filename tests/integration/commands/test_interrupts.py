"""Ctrl-C: exit code 130, and nothing that looks finished but is not.

test_image.py interrupts a build, test_stack.py each step of `up`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import uuid
from pathlib import Path

import pytest
from parts.ports import free_port

from support.commands import Running, ask, flowship, one_object, until, world
from support.projects import FLOW, remove_images, write

INTERRUPTED = 130


@pytest.fixture(scope="module")
def built(tmp_path_factory, base_image, engine):
    """A built project, with a layer that is too big for one packet."""
    home = tmp_path_factory.mktemp("home")
    folder = home / f"t{uuid.uuid4().hex[:10]}"
    folder.mkdir()
    write(folder, base_image)
    (folder / "ballast.bin").write_bytes(os.urandom(20_000_000))
    env = world(home)
    done = flowship("build", cwd=folder, env=env, ok=True)
    yield folder, env, done.stdout.strip()
    remove_images(engine, folder.name)


class Stalling:
    """A TCP proxy that stops forwarding after clients have sent `limit` bytes in total."""

    def __init__(self, target: str, limit: int) -> None:
        host, port = target.split(":")
        self.target = (host, int(port))
        self.left = limit
        self.stalled = threading.Event()
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:  # the test is over, and so is the registry
                return
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pass_back, args=(server, client), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                self.left -= len(data)
                if self.left < 0:
                    self.stalled.set()
                    self.over.wait()
                    break
                server.sendall(data)
        except OSError:
            pass
        finally:
            client.close()
            server.close()

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass

    def __enter__(self) -> Stalling:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.listener.close()


@pytest.mark.engine
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_an_interrupted_push_leaves_no_name_of_a_pushed_image(built, engine, own_registry, as_json):
    folder, env, reference = built
    registry = own_registry()
    with Stalling(registry.address, limit=1_000_000) as proxy:
        repository = f"{proxy.address}/{folder.name}:v1"
        options = ["--json"] if as_json else []
        with Running("push", "--repo", repository, *options, cwd=folder, env=env) as pushing:
            until(lambda: proxy.stalled.is_set() or pushing.process.poll() is not None)
            code, stdout, stderr = pushing.interrupt()
    assert code == INTERRUPTED
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    if as_json:
        assert one_object(stdout)["error"]["exit_code"] == INTERRUPTED
    else:
        assert stdout == ""
    image = engine.images.get(reference)
    assert image.tags == [reference]
    assert image.attrs["RepoDigests"] == []
    assert not list(registry.folder.rglob("_manifests/tags/*"))


@pytest.mark.engine
@pytest.mark.server
def test_a_ship_that_is_interrupted_during_the_push_does_not_deploy(
    built, engine, own_registry, prefect_server
):
    folder, env, reference = built
    env = {**env, "PREFECT_API_URL": prefect_server, "FLOWSHIP_WORK_POOL": folder.name}
    with Stalling(own_registry().address, limit=1_000_000) as proxy:
        repository = f"{proxy.address}/{folder.name}:v1"
        with Running("ship", "--repo", repository, cwd=folder, env=env) as shipping:
            until(lambda: proxy.stalled.is_set() or shipping.process.poll() is not None)
            code, stdout, _ = shipping.interrupt()
    assert (code, stdout) == (INTERRUPTED, "")
    assert engine.images.get(reference).tags == [reference]
    pools = ask(prefect_server, "/work_pools/filter", {})
    assert folder.name not in [pool["name"] for pool in pools]


@pytest.mark.engine
@pytest.mark.server
def test_the_run_continues_when_watching_is_interrupted(built, prefect_server):
    folder, env, _ = built
    env = {**env, "PREFECT_API_URL": prefect_server, "FLOWSHIP_WORK_POOL": folder.name}
    flowship("deploy", cwd=folder, env=env, ok=True)
    with Running("run", "--watch", "--json", cwd=folder, env=env) as watching:
        watching.until("page")
        code, stdout, stderr = watching.interrupt()
    assert code == INTERRUPTED
    result = json.loads(stdout)
    assert result["error"]["exit_code"] == INTERRUPTED
    assert "Traceback" not in stderr
    assert "the run continues" in stderr
    run = re.search(r"flowship cancel (\S+)`$", stderr, re.MULTILINE)
    assert run, stderr
    assert run[1] == result["id"]
    assert ask(prefect_server, f"/flow_runs/{result['id']}")["state"]["type"] == "SCHEDULED"


@pytest.mark.engine
@pytest.mark.server
def test_an_interrupted_up_leaves_no_process_and_no_profile(tmp_path, home):
    port = free_port()
    env = world(home, FLOWSHIP_STATE_DIR=str(tmp_path / "state"))
    with Running("up", "--port", str(port), cwd=tmp_path, env=env) as starting:
        starting.until("starting a Prefect server")
        code, stdout, stderr = starting.interrupt()
    assert (code, stdout) == (INTERRUPTED, "")
    assert "interrupted" in stderr
    assert flowship("down", cwd=tmp_path, env=env).stderr.startswith("nothing")
    assert not (home / ".prefect" / "profiles.toml").exists()
    with socket.socket() as probe:  # nothing is listening
        assert probe.connect_ex(("127.0.0.1", port)) != 0


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def test_a_check_that_is_interrupted_while_it_renders_a_template_leaves_no_process(tmp_path):
    (tmp_path / "endless.j2").write_text(ENDLESS)
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "flowship.toml").write_text(
        'entrypoint = "flow.py:hello"\ntemplate = "endless.j2"\n'
    )
    with Running("check", cwd=tmp_path) as checking:
        until(lambda: children(checking.process.pid))
        [renderer] = children(checking.process.pid)
        code, stdout, stderr = checking.interrupt()
    assert (code, stdout) == (INTERRUPTED, "")
    assert stderr == "interrupted\n"
    until(lambda: not Path(f"/proc/{renderer}").exists())


def children(pid: int) -> list[str]:
    """The processes that a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
