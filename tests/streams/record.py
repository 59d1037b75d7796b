"""Records the event streams of this folder again, from the engine and registry at hand.

    python tests/streams/record.py [NAME …]

Needs a running engine on this machine and ``docker-registry``. Only the streams whose header
says ``recorded`` or ``imitated`` come from here; the transcribed ones are edited by hand.
Addresses are replaced (127.0.0.1:5000, 192.0.2.10:5000), nothing else is.
"""

from __future__ import annotations

import http.server
import io
import json
import random
import re
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import APIError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from parts.ports import free_port  # noqa: E402  (the folder is added just above)
from parts.registry import Registry, outside_address  # noqa: E402

HERE = Path(__file__).parent
MEGABYTE = 1_000_000
ADA = {"username": "ada", "password": "right-password"}

client = docker.from_env(timeout=300).api
made: list[str] = []


# --- what is pushed ----------------------------------------------------------------------------


def image(*sizes: int) -> str:
    """An image with one layer of random bytes per size, never seen before; its id."""
    rng = random.Random()
    lines = ["FROM scratch"]
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for i, size in enumerate(sizes):
            lines.append(f"COPY {i} /{i}")
            _add(tar, str(i), rng.randbytes(size))
        _add(tar, "Dockerfile", "\n".join(lines).encode())
    context.seek(0)
    events = client.build(fileobj=context, custom_context=True, rm=True, decode=True)
    ident = next(e["aux"]["ID"] for e in events if "aux" in e)
    made.append(ident)
    client.tag(ident, f"flowship-test/stream-{len(made)}", "v1")  # else untagging deletes it
    return ident


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def push(
    address: str,
    *sizes: int,
    auth: dict[str, str] | None = None,
    ident: str = "",
    path: str = "user/de-repo",
    seen: Callable[[dict], None] = lambda event: None,
) -> list[dict]:
    ident = ident or image(*sizes)
    client.tag(ident, f"{address}/{path}", "v1")
    try:
        events = []
        stream = client.push(
            f"{address}/{path}", "v1", stream=True, decode=True, auth_config=auth or {}
        )
        for event in stream:
            events.append(event)
            seen(event)
        return events
    except APIError as exc:
        return [refusal(exc)]
    finally:
        client.remove_image(f"{address}/{path}:v1")


def pull(address: str, auth: dict[str, str] | None = None) -> list[dict]:
    try:
        return list(
            client.pull(
                f"{address}/user/de-repo", "v1", stream=True, decode=True, auth_config=auth or {}
            )
        )
    except APIError as exc:
        return [refusal(exc)]


def login(address: str, password: str) -> list[dict]:
    try:
        return [client.login("ada", password, registry=address, reauth=True)]
    except APIError as exc:
        return [refusal(exc)]


def refusal(exc: APIError) -> dict:
    """What docker-py raises, as an event: the engine answered with an HTTP error."""
    return {"error": exc.explanation, "status": exc.status_code}


# --- who answers -------------------------------------------------------------------------------


@contextmanager
def registry(**options) -> Iterator[Registry]:
    with tempfile.TemporaryDirectory() as folder, Registry(Path(folder), **options) as running:
        yield running


@contextmanager
def imitation(status: int, body: str, kind: str = "application/json") -> Iterator[str]:
    """A web server that answers the version check, and everything else with `status`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            version_check = self.path == "/v2/" and status != 404
            code, text = (200, "{}") if version_check else (status, body)
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text.encode())

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = answer

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def errors(code: str, message: str) -> str:
    # With an empty detail and the specification's own message the engine shortens the
    # error to its code ("denied") and tries five times; real registries send a detail.
    detail = [{"Type": "repository", "Name": "user/de-repo", "Action": "push"}]
    return json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]})


# --- the streams -------------------------------------------------------------------------------


def pushed():
    """Three layers, to an empty registry that lets anybody write."""
    with registry() as there:
        return push(there.address, 300, 2 * MEGABYTE, 30 * MEGABYTE)


def layers_exist():
    """The same image a second time."""
    ident = image(300, 2 * MEGABYTE)
    with registry() as there:
        push(there.address, ident=ident)
        return push(there.address, ident=ident)


def layers_mounted():
    """The same image to another repository of the registry."""
    ident = image(300, 2 * MEGABYTE)
    with registry() as there:
        push(there.address, ident=ident)
        return push(there.address, ident=ident, path="user/other-repo")


def right_password():
    """A registry with htpasswd, and a password that it knows."""
    with registry(htpasswd={"ada": "right-password"}) as there:
        return push(there.address, 300, auth=ADA)


def wrong_password():
    """A registry with htpasswd, and another password."""
    with registry(htpasswd={"ada": "right-password"}) as there:
        return push(there.address, 300, auth=ADA | {"password": "wrong-password"})


def no_credentials():
    """A registry with htpasswd, and no credentials sent."""
    with registry(htpasswd={"ada": "right-password"}) as there:
        return push(there.address, 300)


def dropped():
    """The registry is killed while a layer is on its way, and stays away."""
    with registry() as there:

        def crash(event: dict) -> None:
            if event.get("progressDetail", {}).get("current", 0) > 10 * MEGABYTE:
                there.kill()

        return push(there.address, 300, 200 * MEGABYTE, seen=crash)


def not_running():
    """Nobody listens on the port."""
    return push(f"127.0.0.1:{free_port()}", 300)


def no_such_host():
    """A host name that does not exist."""
    return push("registry.invalid", 300)


def plain_http():
    """A registry without TLS that is not on loopback."""
    with registry(host=outside_address()) as there:
        return push(there.address, 300)


def self_signed():
    """A registry with a certificate that nobody vouches for, not on loopback."""
    with registry(host=outside_address(), tls=True) as there:
        return push(there.address, 300)


def not_tagged():
    """The engine has no such image."""
    return list(client.push("127.0.0.1:5000/user/none", "v1", stream=True, decode=True,
                            auth_config={}))  # fmt: skip


def not_a_registry():
    """A web server answers every path with its 404 page."""
    with imitation(404, "<html><body>Not Found</body></html>", "text/html") as address:
        return push(address, 300)


def imitated_denied():
    """403 with DENIED, the code and message of the distribution specification."""
    with imitation(403, errors("DENIED", "requested access to the resource is denied")) as address:
        return push(address, 300)


def imitated_rate_limit():
    """429 with the message of Docker Hub."""
    text = (
        "You have reached your pull rate limit. You may increase the limit by authenticating"
        " and upgrading: https://www.docker.com/increase-rate-limit"
    )
    with imitation(429, errors("TOOMANYREQUESTS", text)) as address:
        return push(address, 300)


def imitated_too_many():
    """429 as Docker Hub's load balancer sends it: plain text."""
    with imitation(429, "Too Many Requests (HAP429).\n", "text/plain") as address:
        return push(address, 300)


def imitated_name_unknown():
    """404 with NAME_UNKNOWN and no detail, which the engine shortens and tries five times."""
    text = "repository name not known to registry"
    body = {"errors": [{"code": "NAME_UNKNOWN", "message": text, "detail": None}]}
    with imitation(404, json.dumps(body)) as address:
        return push(address, 300)


def imitated_unavailable():
    """503 from a proxy before the registry."""
    with imitation(503, "<html>Service Unavailable</html>", "text/html") as address:
        return push(address, 300)


def imitated_too_large():
    """413 from nginx with its default client_max_body_size."""
    page = "<html><head><title>413 Request Entity Too Large</title></head></html>"
    with imitation(413, page, "text/html") as address:
        return push(address, 300)


def imitated_quota():
    """403 with Harbor's message for a full project."""
    text = (
        "adding 29.0 MiB of storage resource, which when updated to current usage of"
        " 152.4 MiB will exceed the configured upper limit of 10.0 MiB."
    )
    with imitation(403, errors("DENIED", text)) as address:
        return push(address, 300)


def login_right():
    """The right password."""
    with registry(htpasswd={"ada": "right-password"}) as there:
        return login(there.address, "right-password")


def login_wrong():
    """A wrong password."""
    with registry(htpasswd={"ada": "right-password"}) as there:
        return login(there.address, "wrong-password")


def login_not_running():
    """Nobody listens."""
    return login(f"127.0.0.1:{free_port()}", "right-password")


def login_plain_http():
    """A registry without TLS that is not on loopback."""
    with registry(host=outside_address(), htpasswd={"ada": "right-password"}) as there:
        return login(there.address, "right-password")


def login_self_signed():
    """A certificate that nobody vouches for."""
    with registry(host=outside_address(), tls=True, htpasswd={"ada": "right-password"}) as there:
        return login(there.address, "right-password")


def pull_unknown():
    """A repository that the registry does not have."""
    with registry() as there:
        return pull(there.address)


def pull_unknown_tag():
    """A tag that the repository does not have."""
    with registry() as there:
        ident = image(300)
        client.tag(ident, f"{there.address}/user/de-repo", "other")
        list(client.push(f"{there.address}/user/de-repo", "other", stream=True, auth_config={}))
        client.remove_image(f"{there.address}/user/de-repo:other")
        return pull(there.address)


def pull_no_credentials():
    """A registry with htpasswd, and no credentials sent."""
    with registry(htpasswd={"ada": "right-password"}) as there:
        return pull(there.address)


def pull_not_running():
    """Nobody listens."""
    return pull(f"127.0.0.1:{free_port()}")


STREAMS = [
    pushed, layers_exist, layers_mounted, right_password, wrong_password, no_credentials, dropped,
    not_running, no_such_host, plain_http, self_signed, not_tagged, not_a_registry,
    imitated_denied, imitated_rate_limit, imitated_too_many, imitated_name_unknown,
    imitated_unavailable, imitated_too_large, imitated_quota,
    login_right, login_wrong, login_not_running, login_plain_http, login_self_signed,
    pull_unknown, pull_unknown_tag, pull_no_credentials, pull_not_running,
]  # fmt: skip


def thin(events: list[dict], keep: int = 8) -> list[dict]:
    """Leave out most of the events that only repeat a layer's progress bar."""
    seen: dict[tuple, int] = {}
    kept = []
    for event in events:
        key = (event.get("id"), event.get("status"))
        seen[key] = seen.get(key, 0) + 1
        if event.get("status") != "Pushing" or seen[key] < keep or seen[key] % 50 == 0:
            kept.append(event)
    return kept


def write(stream: Callable[[], list[dict]]) -> None:
    name = stream.__name__.replace("_", "-")
    try:
        events = thin(stream())
    finally:
        while made:
            client.remove_image(made.pop(), force=True)
    version = client.version()
    origin = "imitated" if name.startswith("imitated") else "recorded"
    note = {
        "recorded": "recorded with a real registry (distribution 2.8.2)",
        "imitated": "recorded with a web server that answers as the registry would",
    }[origin]
    header = {
        "origin": origin,
        "what": stream.__doc__,
        "how": f"{note}, engine {version['Version']}; addresses replaced",
    }
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [header, *events])
    text = text.replace(outside_address(), "192.0.2.10")
    text = re.sub(r"(lookup \S+ on )\S+?:53", r"\g<1>192.0.2.53:53", text)
    text = re.sub(r"(127\.0\.0\.1|192\.0\.2\.10):\d+/", r"\1:5000/", text)
    text = re.sub(r"(dial tcp \S+?):\d+: ", r"\1:5000: ", text)
    text = re.sub(r"127\.0\.0\.1:\d+->127\.0\.0\.1:\d+", "127.0.0.1:40000->127.0.0.1:5000", text)
    (HERE / f"{name}.jsonl").write_text(text, encoding="utf-8")
    print(f"{name:24} {len(events):4} events, last: {json.dumps(events[-1])[:150]}")  # noqa: T201 (a script)


if __name__ == "__main__":
    chosen = set(sys.argv[1:])
    for stream in STREAMS:
        if not chosen or stream.__name__.replace("_", "-") in chosen:
            write(stream)
