"""A healthy world: a shipped project with its own registry, server and worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from parts.registry import Registry

from flowship.local import processes, records
from support.commands import Outcome, ask, flowship, misfits, one_object, until, world
from support.deploying import send_until_accepted
from support.projects import remove_images, write
from support.server import server_environment, start_server, stop
from support.shapes import DOCTOR
from support.stack import sleeper  # noqa: F401

MORE = """
work-pool = "{name}"
[[deployments]]
name = "nightly"
cron = "0 5 * * *"
secrets = ["API_TOKEN"]
"""


class World:
    """A shipped project, and what it needs; each part can be broken."""

    found: dict[str, dict[str, Any]]

    def __init__(self, root: Path, base_image: str) -> None:
        self.name = f"t{uuid.uuid4().hex[:10]}"
        self.folder = root / self.name
        self.folder.mkdir()
        write(self.folder, base_image, more=MORE.format(name=self.name))
        self.registry = Registry(root / "registry", htpasswd={"ada": "right-password"})
        self.registry.start()
        self.server, self.url = start_server(root / "server-home")
        self.home = root / "home"
        self.home.mkdir()
        self.env = world(
            self.home,
            PREFECT_API_URL=self.url,
            FLOWSHIP_REPO=f"{self.registry.address}/{self.name}",
            FLOWSHIP_REGISTRY_USER="ada",
            FLOWSHIP_REGISTRY_PASSWORD="right-password",
        )
        self.worker: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str, **env: str) -> Outcome:
        return flowship(*arguments, cwd=self.folder, env={**self.env, **env})

    def ship(self) -> None:
        secret = ["secret", "set", "API_TOKEN", "--from-env", "API_TOKEN"]
        for arguments in (secret, ["ship"]):
            done = self.run(*arguments, API_TOKEN="hunter2-and-more")
            assert done.code == 0, done.stderr

    def start_worker(self, kind: str = "docker", *more: str) -> subprocess.Popen[bytes]:
        """Start a worker that is heard every second, and wait until it is online."""
        environ = server_environment(self.home, PREFECT_API_URL=self.url,
                                     PREFECT_WORKER_HEARTBEAT_SECONDS="1")  # fmt: skip
        command = ["worker", "start", "--pool", self.name, "--type", kind, *more]
        worker = subprocess.Popen(
            [sys.executable, "-m", "prefect", *command], env=environ, cwd=self.home,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until(lambda: "ONLINE" in self.workers().values())
        return worker

    @contextmanager
    def started_by_up(
        self, name: str, process: subprocess.Popen[bytes], **facts: str
    ) -> Iterator[None]:
        """The record of a process, as if `flowship up` had started it."""
        state = records.state_dir(self.env)
        state.mkdir(parents=True, exist_ok=True)
        log = state / "up.log"
        log.write_text("its last line\n")
        facts = {"url": self.url, "log": str(log), **facts}
        identity = processes.identity(process.pid)
        record = records.Record(name, process.pid, identity, **facts)
        records.save(state, record)
        try:
            yield
        finally:
            records.remove(state, record)

    def workers(self) -> dict[str, str]:
        found = ask(self.url, f"/work_pools/{self.name}/workers/filter", {})
        return {each["name"]: each["status"] for each in found}

    def stop_worker(self, worker: subprocess.Popen[bytes], how: int = signal.SIGKILL) -> None:
        """End a worker, and forget it."""
        os.killpg(worker.pid, how)
        worker.wait(60)
        self.forget_workers()

    def forget_workers(self) -> None:
        for name in self.workers():
            path = f"/work_pools/{self.name}/workers/{name.replace(' ', '%20')}"
            send_until_accepted("DELETE", self.url + path)

    def send(self, method: str, path: str, body: object = None) -> Any:
        """A request as the UI sends it."""
        response = send_until_accepted(method, self.url + path, body)
        return response.json() if response.content else None

    def block(self) -> dict[str, Any]:
        """The project's block."""
        path = f"/block_types/slug/docker-container/block_documents/name/{self.name}-docker"
        return dict(ask(self.url, path))

    @contextmanager
    def block_with(self, **data: object) -> Iterator[None]:
        """The block with other values, as a person sets them in the UI."""
        before = self.block()
        change = f"/block_documents/{before['id']}"
        self.send("PATCH", change, {"data": data})
        try:
            yield
        finally:
            self.send("PATCH", change, {"data": {name: before["data"][name] for name in data}})

    def doctor(self, *arguments: str, **env: str) -> dict[str, dict[str, Any]]:
        """What `flowship doctor --json` finds, by the code of the check."""
        done = self.run("doctor", "--json", *arguments, **env)
        found = one_object(done.stdout)
        assert "checks" in found, done
        assert misfits(found, DOCTOR) == []
        assert done.code == (3 if found["errors"] else 0), done.stderr
        assert "right-password" not in done.stdout + done.stderr
        return {each["code"]: each for each in found["checks"]}

    def problems(self, *arguments: str, **env: str) -> dict[str, str]:
        """The checks that found an error or a warning; not what other tests left in the engine."""
        self.found = self.doctor(*arguments, **env)
        return {
            code: each["severity"]
            for code, each in self.found.items()
            if each["severity"] in ("error", "warning") and code != "engine-leftovers"
        }

    def says(self, code: str) -> str:
        """What the last examination says about a check."""
        each = self.found[code]
        return " ".join([each["found"], each["meaning"], each["remedy"]])


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory, base_image: str, engine) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("doctor"), base_image)
    try:
        made.ship()
        made.worker = made.start_worker()
        yield made
    finally:
        if made.worker:
            made.worker.kill()
            made.worker.wait()
        stop(made.server)
        made.registry.stop()
        remove_images(engine, made.name)
