"""A project that tries to collect the login for a registry: connections to its server 0."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.registry import outside_address

from support.commands import flowship

FLOW = "from prefect import flow\n\n\n@flow\ndef etl():\n    pass\n"
COMMANDS = [("push",), ("push", "--image", "trips:v1"), ("ship",), ("ship", "--dry-run")]


@pytest.fixture
def collector() -> Iterator[tuple[str, list[object]]]:
    """A server that is not on loopback, and who connected to it."""
    connected: list[object] = []
    with socket.create_server((outside_address(), 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                connected.append(peer)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        host, port = server.getsockname()
        yield f"{host}:{port}", connected
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_project_does_not_get_the_login_of_the_environment(command, collector, tmp_path: Path):
    address, connected = collector
    project = tmp_path / "trips"
    project.mkdir()
    (project / "flow.py").write_text(FLOW)
    (project / "flowship.toml").write_text(f'entrypoint = "flow.py:etl"\nrepo = "{address}/x"\n')
    environment = {
        "HOME": str(tmp_path),
        "FLOWSHIP_REGISTRY_USER": "ada",
        "FLOWSHIP_REGISTRY_PASSWORD": "s3cret",
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
    }
    done = flowship(*command, "--json", cwd=project, env=environment)
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["exit_code"]) == ("registry-credentials-misdirected", 3)
    assert error["where"].endswith("flowship.toml:2:1")
    assert "s3cret" not in done.stdout + done.stderr
    assert connected == []
