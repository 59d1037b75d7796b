"""Requests to a Prefect server that is busy."""

from __future__ import annotations

import threading
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from parts.prefect_server import ask


@contextmanager
def answering(*codes: int) -> Iterator[tuple[str, list[str]]]:
    """A server that answers with these codes, one after the other."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(codes[len(asked)])
            self.end_headers()
            asked.append(self.path)
            self.wfile.write(b'{"id": 1}')

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_busy_server_is_asked_again():
    with answering(503, 503, 200) as (url, asked):
        assert ask(url, "/flow_runs/filter", {}) == {"id": 1}
    assert asked == ["/api/flow_runs/filter"] * 3


def test_another_refusal_is_not_repeated():
    with answering(409, 200) as (url, asked), pytest.raises(urllib.error.HTTPError):
        ask(url, "/variables/", {})
    assert len(asked) == 1
