"""Prefect's profiles in a home of their own, and small HTTP servers to check them against."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flowship.prefect.profiles import editing

COMMENTED = """# my servers
active = "staging"  # for now

[profiles.staging]
# the team's
PREFECT_API_URL = "http://old:4200/api"  # ask Ann
PREFECT_API_KEY = "pnu_secret"

[profiles.other]
PREFECT_LOGGING_LEVEL = "DEBUG"
"""


class Machine(NamedTuple):
    """A home: a project folder, an environment, and the profiles file."""

    folder: Path
    environ: dict[str, str]
    path: Path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A home without any profiles file."""
    folder = tmp_path / "work"
    folder.mkdir()
    base = {k: os.environ[k] for k in ("PATH", "LANG") if k in os.environ}
    environ = {**base, "HOME": str(tmp_path), "NO_COLOR": "1", "COLUMNS": "200"}
    return Machine(folder, environ, tmp_path / ".prefect" / "profiles.toml")


def written(path: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def set_api(
    machine: Machine, url: str | None = None, profile: str | None = None, *, check: bool = False
) -> editing.ProfileChange:
    """`editing.set_api` on that machine, by default without asking a server."""
    folder, environ, _ = machine
    return editing.set_api(url, profile, check=check, folder=folder, environ=environ)


@pytest.fixture
def server() -> Iterator[Callable[[Mapping[str, tuple[int, Any]]], str]]:
    """Start small HTTP servers: ``server({path: (status, json)})`` gives their address."""
    running = []

    def start(answers: Mapping[str, tuple[int, Any]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers.get(self.path, (404, {"detail": "Not Found"}))
                status, body = body(self.headers) if callable(body) else (status, body)
                data = json.dumps(body).encode()
                self.send_response(status)
                if status in (301, 307):
                    self.send_header("location", body)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(httpd)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{httpd.server_port}"

    yield start
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()
