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

from flowship import scope
from flowship.doctor import server
from flowship.doctor.result import Severity
from flowship.doctor.world import World
from flowship.prefect.client import PrefectApi
from support.commands import until
from support.deploying import Target

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


def test_a_server_of_up_that_hangs_or_has_ended(healthy, sleeper):
    url = f"http://127.0.0.1:{free_port()}/api"
    with healthy.started_by_up("server", sleeper, url=url):
        assert healthy.problems(PREFECT_API_URL=url) == {"api-reachable": "error"}
        assert f"(process {sleeper.pid}) is alive and hangs" in healthy.says("api-reachable")
        assert healthy.says("api-reachable").endswith("`flowship down`, then `flowship up`")
        sleeper.kill()
        assert healthy.problems(PREFECT_API_URL=url) == {"api-reachable": "error"}
        assert f"(process {sleeper.pid}) has ended" in healthy.says("api-reachable")
        assert healthy.says("api-reachable").endswith("`flowship up`")
        assert healthy.found["api-reachable"]["details"].startswith("its last line\nits log: ")


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


@pytest.mark.parametrize(
    ("ahead", "severity", "words"),
    [
        (600, Severity.WARNING, "min ahead"),
        (-50, Severity.WARNING, "s behind"),
        (0, Severity.OK, "agree"),
    ],
)
def test_a_server_whose_clock_is_wrong(prefect_server, tmp_path, ahead, severity, words):
    with with_another_clock(prefect_server, ahead) as url:
        world = World(tmp_path, scope.Scope(None))
        world.connected_api = PrefectApi(Target(url))
        found = server.clocks(world)
    assert found.severity is severity
    assert words in found.found
