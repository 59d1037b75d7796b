"""A webhook on this machine, which receives the notifications of a real Prefect server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

from support.commands import ask


class Notification(NamedTuple):
    """What was received."""

    subject: str
    body: str


class Receiver:
    """The webhook, and what it received, in order."""

    def __init__(self) -> None:
        self.received: list[Notification] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.received.append(Notification(**json.loads(text)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def about(self, run: str) -> list[str]:
        """The subjects of what was received about a run, without the deployment."""
        mine = [n for n in self.received if f"Run {run} is" in n.body]
        return [n.subject.partition(": ")[2] for n in mine]

    def create_block(self, api_url: str, name: str = "ops", slug: str = "custom-webhook") -> str:
        """A notification block of a Prefect server that posts to this webhook; its id."""
        kind = ask(api_url, f"/block_types/slug/{slug}")
        wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
        (schema, *_) = ask(api_url, "/block_schemas/filter", wanted)
        data = {
            "name": "receiver",
            "url": self.url,
            "json_data": {"subject": "{{subject}}", "body": "{{body}}"},
        }
        ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
        created = ask(api_url, "/block_documents/", {"name": name, "data": data, **ids})
        return str(created["id"])


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A webhook for the tests of a module."""
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()
