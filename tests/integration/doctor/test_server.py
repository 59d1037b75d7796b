"""A Prefect API that does not answer, hangs, or is not set; a clock that is wrong."""

from __future__ import annotations

import http.server
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import pytest
from parts.ports import free_port

from support.commands import until

pytestmark = [pytest.mark.engine, pytest.mark.server, pytest.mark.xdist_group("doctor")]


def test_an_api_that_does_not_listen(healthy):
    url = f"http://127.0.0.1:{free_port()}/api"
    assert healthy.problems(PREFECT_API_URL=url) == {"api-reachable": "error"}
    assert "connection refused" in healthy.says("api-reachable")
    assert "`flowship up`" in healthy.says("api-reachable")


def test_a_server_that_hangs_does_not_make_doctor_hang(healthy):
    os.killpg(healthy.server.pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        assert healthy.problems() == {"api-reachable": "error"}
    finally:
        os.killpg(healthy.server.pid, signal.SIGCONT)
    assert "timed out" in healthy.says("api-reachable")
    assert time.monotonic() - began < 30
    until(lambda: "ONLINE" in healthy.workers().values())


def test_no_api_is_set(healthy):
    assert healthy.problems(PREFECT_API_URL="") == {"api-set": "error"}


@contextmanager
def with_another_clock(url: str, ahead: float) -> Iterator[str]:
    """The server behind a proxy whose answers have another time."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            asked = urllib.request.Request(
                url.removesuffix("/api") + self.path,
                data=self.rfile.read(size) if size else None,
                headers={"Content-Type": "application/json"},
                method=self.command,
            )
            try:
                response = urllib.request.urlopen(asked, timeout=30)
            except urllib.error.HTTPError as exc:
                response = exc
            content = response.read()
            self.send_response_only(response.status)
            self.send_header("Date", formatdate(time.time() + ahead, usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}/api"
        proxy.shutdown()


@pytest.mark.parametrize(("ahead", "words"), [(600, "10 min ahead"), (-50, "50 s behind")])
def test_a_server_whose_clock_is_wrong(healthy, ahead, words):
    with with_another_clock(healthy.url, ahead) as url:
        found = healthy.problems(PREFECT_API_URL=url)
    found.pop("worker", None)  # a worker's heartbeats look old to a clock that is ahead
    assert found == {"clocks": "warning"}
    assert "the server's clock is" in healthy.says("clocks")
    number = int(words.split()[0])
    assert any(f"{n} {' '.join(words.split()[1:])}" in healthy.says("clocks")
               for n in range(number - 2, number + 3))  # fmt: skip
