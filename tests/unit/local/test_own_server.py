"""What became of the server of `flowship up`, with real processes, records and ports."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import pytest
from parts.ports import free_port

from flowship.errors import ApiError
from flowship.local import processes, records
from flowship.local.own_server import own_server
from support.deploying import Target


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWSHIP_STATE_DIR", str(tmp_path))
    return f"http://127.0.0.1:{free_port()}/api"


@pytest.fixture
def process(tmp_path, url):
    """A process with the record of the server of `up` at this address."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    identity = processes.identity(child.pid) or ""
    records.save(tmp_path, records.Record("server", child.pid, identity, url, "log"))
    yield child
    child.kill()
    child.wait()


def ask(url: str) -> tuple[str, float]:
    from flowship.prefect.client import PrefectApi

    begun = time.monotonic()
    with pytest.raises(ApiError) as caught, PrefectApi(Target(url), own_server=own_server) as api:
        api.check()
    assert caught.value.hint == "`flowship up` starts a local server"
    return caught.value.message, time.monotonic() - begun


def test_where_nothing_listens_and_nothing_starts_a_command_does_not_wait(url):
    assert own_server(url) is None
    message, seconds = ask(url)
    assert message.endswith("is not responding: connection refused")
    assert seconds < 1  # the retries alone take 4.3


def test_of_a_server_of_up_that_ended_the_error_says_so_at_once(url, process):
    assert own_server(url) is True
    process.kill()
    process.wait()
    assert own_server(url) is False
    message, seconds = ask(url)
    assert message.endswith("the process of the server that `flowship up` started has ended")
    assert seconds < 1


def test_a_server_of_up_that_is_about_to_listen_is_waited_for(url, process):
    from flowship.prefect.client import PrefectApi

    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"3.8.8"'

    def listen_later():
        time.sleep(0.6)
        with socket.create_server(("127.0.0.1", records.port(url))) as server:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    thread = threading.Thread(target=listen_later)
    thread.start()
    with PrefectApi(Target(url), own_server=own_server) as api:
        assert api.check() == "3.8.8"
    thread.join()
