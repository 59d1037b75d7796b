"""Servers that answer what no registry and no Prefect API would: tracebacks 0, hangs 0."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flowship import http_client
from flowship.errors import ApiError, FlowshipError, RegistryError
from flowship.prefect.client import PrefectApi
from flowship.prefect.health import ask_server
from flowship.registry import Reference
from flowship.registry.client import RegistryClient
from support.rounds import attempts
from support.targets import api_target


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    pieces = [packer.compress(b" " * (1 << 20)) for _ in range(megabytes)]
    return b"".join([*pieces, packer.flush()])


BOMB = bomb(300)
DEEP = b"[" * 200_000 + b"]" * 200_000

# Name → status, headers, body.
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "an empty object": (200, {}, b"{}"),
    "a list": (200, {}, b"[1]"),
    "null": (200, {}, b"null"),
    "nothing": (200, {}, b""),
    "HTML": (200, {"Content-Type": "text/html"}, b"<html>log in</html>"),
    "deep JSON": (200, {}, DEEP),
    "a deep error": (500, {}, DEEP),
    "a number of 5000 digits": (200, {}, b"1" * 5000),
    "not UTF-8": (200, {}, b'"\xff\xfe"'),
    "gzip that is plain text": (200, {"Content-Encoding": "gzip"}, b"{}"),
    "gzip that is cut off": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"{}" * 99)[:20]),
    "300 MB of gzip": (200, {"Content-Encoding": "gzip"}, BOMB),
    "300 MB of gzip as an error": (500, {"Content-Encoding": "gzip"}, BOMB),
    "300 MB of gzip in a redirect": (302, {"Location": "/", "Content-Encoding": "gzip"}, BOMB),
    "an unknown compression": (200, {"Content-Encoding": "x-unknown"}, b"{}"),
    "a redirect loop": (302, {"Location": "/login"}, b""),
    "a redirect to an address for mail": (302, {"Location": "mailto:me@example.com"}, b""),
    "a redirect to a file": (302, {"Location": "file:///etc/passwd"}, b""),
    "a redirect to an invalid address": (302, {"Location": "http://[::1"}, b""),
    "a redirect to nowhere": (302, {}, b""),
    "a challenge without a realm": (401, {"WWW-Authenticate": "Bearer x"}, b"{}"),
    "a challenge from nowhere": (401, {"WWW-Authenticate": 'Bearer realm="mailto:x"'}, b"{}"),
    "errors that are no list": (404, {}, b'{"errors": {"a": 1}}'),
}

BODIES = [answer[2] for answer in ANSWERS.values() if len(answer[2]) < 10_000]
BODIES += [b'{"errors": [null]}', b'{"detail": [[]]}', b'{"exception_detail": 1}', b'"3.8.8"', b"{"]
BODIES += [b'[{"id": null}]', b'{"token": 1}', b"1e999", b"NaN", b"\x00", b'{"detail": "\\ud800"}']
BODIES += [b'{"mediaType": 1, "manifests": {}}', b'{"config": [], "layers": 3}', DEEP]
STATUSES = (200, 201, 204, 301, 304, 307, 400, 401, 403, 404, 409, 415, 418, 422, 429, 500, 503)
HEADERS = {
    "Location": [
        "/",
        "//",
        "http://",
        "?",
        "http://[",
        "ftp://x/",
        "\x80",
        "/%zz",
        "http://x:99999/",
    ],
    "Content-Encoding": ["gzip", "deflate", "br", "gzip, gzip", ""],
    "Content-Type": ["text/html", "application/json; charset=x", "", "application/octet-stream"],
    "WWW-Authenticate": [
        "Basic",
        'Bearer realm="',
        'Bearer realm="http://127.0.0.1:1/"',
        "Bearer ,",
    ],
    "Retry-After": ["0", "-1", "soon", "1e9"],
    "Docker-Content-Digest": ["sha256:", "x", "sha256:" + "0" * 64],
    "Date": ["never", "Thu, 99 Nov 9999 99:99:99 GMT"],
}


def random_answer(chance: random.Random) -> tuple[int, dict[str, str], bytes]:
    """A status, some headers and a body, of which a part may be lost or changed."""
    names = chance.sample(sorted(HEADERS), chance.randint(0, 3))
    body = bytearray(chance.choice(BODIES))
    for _ in range(chance.choice((0, 0, 1, 5))):
        if body:
            body[chance.randrange(len(body))] = chance.randrange(256)
    end = chance.choice((len(body), chance.randint(0, len(body))))
    headers = {name: chance.choice(HEADERS[name]) for name in names}
    return chance.choice(STATUSES), headers, bytes(body[:end])


Serve = Callable[[tuple[int, dict[str, str], bytes]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = []

    def start(answer: tuple[int, dict[str, str], bytes]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_POST = do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # the client has read enough
                    super().handle()

        while servers:
            stop(servers.pop())
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        stop(server)


def stop(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


def prefect(host: str) -> list[Callable[[], object]]:
    api = PrefectApi(api_target(f"http://{host}/api"), sleep=lambda seconds: None)
    return [
        api.check,
        lambda: api.create_flow("x"),
        lambda: api.flows_like("x"),
        lambda: api.flows_named(["x"]),
    ]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_a_prefect_server_ends_in_words(serve, name):
    host = serve(ANSWERS[name])
    failures = 0
    for ask in prefect(host):
        began = time.monotonic()
        try:
            ask()  # an empty list is an answer
        except ApiError as exc:
            failures += bool(exc.message)
        assert time.monotonic() - began < 20
    assert failures
    assert not ask_server(api_target(f"http://{host}/api")).usable


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_a_registry_ends_in_words(serve, name):
    reference = Reference.parse(f"{serve(ANSWERS[name])}/user/x:1")
    with RegistryClient(reference.registry) as client:
        with pytest.raises(RegistryError) as caught:
            client.describe(reference)
        assert caught.value.hint
        for ask in (lambda: client.digest(reference), client.verify_login):
            with contextlib.suppress(FlowshipError):
                ask()


def test_a_random_answer_ends_in_words_or_is_read(serve):
    for chance in attempts("servers", each=10):
        answer = random_answer(chance)
        host = serve(answer)
        reference = Reference.parse(f"{host}/user/x:1")
        with RegistryClient(reference.registry) as client:
            asks: list[Callable[[], object]] = [lambda r=reference: client.describe(r)]
            asks += [lambda r=reference: client.digest(r), client.verify_login, *prefect(host)]
            messages: list[str] = []
            for ask in asks:
                began = time.monotonic()
                try:
                    ask()
                except FlowshipError as exc:
                    messages.append(exc.message)
                assert time.monotonic() - began < 20, answer
        assert all(messages), answer
        ask_server(api_target(f"http://{host}/api"))


def test_a_bomb_is_not_unpacked(serve):
    host = serve(ANSWERS["300 MB of gzip"])
    tracemalloc.start()
    with pytest.raises(ApiError) as caught:
        prefect(host)[0]()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "larger than 32 MB" in caught.value.message
    assert peak < 4 * http_client.LARGEST_ANSWER


def test_an_answer_that_never_ends_is_given_up(monkeypatch):
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr(http_client.time, "monotonic", lambda: next(clock))
    httpx = http_client.httpx

    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b" "

    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Drip()))
    with (
        httpx.Client(transport=transport, **http_client.LIMITED) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.get("http://x/")


def test_an_answer_that_is_right_is_read(serve):
    data = gzip.compress(json.dumps("3.8.8").encode())
    host = serve((200, {"Content-Encoding": "gzip"}, data))
    assert prefect(host)[0]() == "3.8.8"
    assert ask_server(api_target(f"http://{host}/api")).version == "3.8.8"
