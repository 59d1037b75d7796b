"""The demo's helpers; `scripts/demo` itself runs on a real engine."""

from __future__ import annotations

import json
import socket
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from parts.gcs import GcsEmulator

from flowship.cli import app
from parts import demo


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "HOME", tmp_path)
    return tmp_path


@pytest.fixture
def prefect_api():
    """An API whose run becomes RUNNING, then COMPLETED; it records the bodies of requests."""
    states, bodies = ["SCHEDULED", "RUNNING", "COMPLETED"], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.respond({"id": "the-deployment"})

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            bodies.append(json.loads(self.rfile.read(length)))
            state = states.pop(0)
            run = {"name": "run", "expected_start_time": "2026-01-01T00:00:00Z"}
            self.respond([run | {"state": {"type": state, "name": state.title()}}])

        def respond(self, value):
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api", bodies
    server.shutdown()
    server.server_close()


def test_the_environment_has_no_settings_of_the_user(monkeypatch, folder):
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example.com/api")
    monkeypatch.setenv("FLOWSHIP_REPO", "registry.example.com/etl")
    env = demo.environment("base:1", GcsEmulator(port=9000))
    assert "PREFECT_API_URL" not in env
    assert "FLOWSHIP_REPO" not in env
    assert env["FLOWSHIP_BASE_IMAGE"] == "base:1"
    assert env["PREFECT_HOME"] == str(folder / "prefect")
    assert json.loads(env["FLOWSHIP_BLOCK__ENV"]) == {
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:9000"
    }


def test_a_port_is_used_again_if_it_is_free():
    first = demo._port("registry")
    assert demo._port("registry") == first
    with socket.create_server(("127.0.0.1", first)):
        assert demo._port("registry") != first


def test_the_commands_of_the_demo_exist(monkeypatch):
    registered = {command.name for command in app.registered_commands}
    assert {"up", "ship", "down"} <= registered


def test_it_waits_until_the_scheduled_run_has_ended(prefect_api, monkeypatch, capsys):
    url, bodies = prefect_api
    monkeypatch.setattr(demo.time, "sleep", lambda _: None)
    run = demo.scheduled_run(url, datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert run["state"]["type"] == "COMPLETED"
    assert bodies[0]["deployments"] == {"id": {"any_": ["the-deployment"]}}
    assert bodies[0]["flow_runs"]["expected_start_time"] == {"after_": "2026-01-01T00:00:00+00:00"}
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["Scheduled", "Running", "Completed"]


def test_a_failed_command_stops_the_demo_with_its_exit_code(tmp_path, monkeypatch, capsys):
    program = tmp_path / "flowship"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(demo, "FLOWSHIP", program)
    with pytest.raises(SystemExit) as caught:
        demo.flowship({}, "ship", "--cron", "* * * * *")
    assert caught.value.code == 7
    assert "$ flowship ship --cron '* * * * *'" in capsys.readouterr().err
