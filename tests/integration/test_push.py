"""Push with a real engine to real registries."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import urllib.request
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from flowship import image, image_choice
from flowship import registry as registries
from flowship.config import loading
from flowship.engine import transfer
from flowship.engine.client import connect
from flowship.errors import RegistryError
from flowship.events import Output, Step
from flowship.push import published, pushed_reference, verify_login
from flowship.push import push as push_image
from flowship.registry import client
from support.projects import FLOW, build, write
from support.registry_server import ACCOUNTS

pytestmark = pytest.mark.engine


@pytest.fixture
def built(project, base_image):
    return build(write(project, base_image))


def push(
    built,
    text,
    credentials=None,
    report=lambda event: None,
    sleep=lambda seconds: None,
    retry_for=60,
):
    return push_image(
        connect(),
        built,
        registries.push_target(text),
        credentials=credentials,
        report=report,
        sleep=sleep,
        retry_for=retry_for,
    )


def noting(waits):
    """Sleeps, and notes how long."""
    return lambda seconds: (waits.append(seconds), time.sleep(seconds))


def test_a_push_returns_the_digest_that_the_registry_has(built, project, registry, engine):
    repository = f"{registry.address}/{project.name}"
    pushed = push(built, repository)
    assert pushed.reference == f"{repository}:{built.inputs[:12]}@{pushed.digest}"
    assert pushed.verified
    assert engine.images.get_registry_data(pushed.reference).id == pushed.digest
    again = push(image.inspect(connect(), built.reference), repository)
    assert again.already
    assert again.digest == pushed.digest
    found = image.inspect(connect(), built.reference)
    assert image.pinned(found, repository) == pushed.reference
    engine.images.remove(built.id, force=True)
    # a second laptop, whose engine does not have the image
    described = image.remote(registries.Reference.parse(pushed.reference))
    assert described.probe == built.probe
    assert described.platform == built.platform
    assert image.pinned(described, pushed.reference).endswith(f"@{pushed.digest}")
    assert not engine.images.list(repository)


def test_a_registry_with_accounts_accepts_only_the_right_password(
    built, project, private_registry, monkeypatch
):
    repository = f"{private_registry.address}/{project.name}:v1"
    with pytest.raises(RegistryError, match="requires a login"):
        push(built, repository)
    ((user, password),) = ACCOUNTS.items()
    monkeypatch.setenv("FLOWSHIP_REGISTRY_USER", user)
    for word, works in (("wrong", False), (password, True)):
        monkeypatch.setenv("FLOWSHIP_REGISTRY_PASSWORD", word)
        credentials = registries.credentials_for(registries.push_target(repository))
        if works:
            assert push(built, repository, credentials).digest
        else:
            with pytest.raises(RegistryError) as caught:
                push(built, repository, credentials)
            assert word not in str(vars(caught.value))


def test_a_refused_push_leaves_no_name_that_says_it_was_pushed(
    built, project, private_registry, engine
):
    with pytest.raises(RegistryError):
        push(built, f"{private_registry.address}/{project.name}:v1")
    assert engine.images.get(built.id).tags == [built.reference]


def test_a_registry_that_goes_away_and_comes_back_gets_the_image(built, project, own_registry):
    running = own_registry()
    running.stop()
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            running.start()

    pushed = push(built, f"{running.address}/{project.name}:v1", sleep=sleep)
    assert pushed.digest
    assert len(waits) == 2


def test_a_registry_stopped_in_the_middle_of_a_push_gets_the_image_when_it_is_back(
    project, base_image, own_registry
):
    write(project, base_image)
    (project / "ballast.bin").write_bytes(os.urandom(60_000_000))
    big = build(project)
    running = own_registry()
    cut = threading.Event()

    def interrupt(event):
        if getattr(event, "status", "") == "Pushing" and event.current > 0 and not cut.is_set():
            cut.set()
            running.kill()
            threading.Timer(1.5, running.start).start()

    pushed = push(
        big,
        f"{running.address}/{project.name}:v1",
        report=interrupt,
        sleep=time.sleep,
    )
    assert cut.is_set()
    assert pushed.digest


def test_a_registry_that_stays_away_is_an_error_when_the_time_is_up(built, project, own_registry):
    running = own_registry()
    running.stop()
    events, waits = [], []
    begun = time.monotonic()
    with pytest.raises(RegistryError) as caught:
        push(
            built,
            f"{running.address}/{project.name}:v1",
            report=events.append,
            sleep=noting(waits),
            retry_for=20,
        )
    assert running.address in str(vars(caught.value))
    assert waits[:4] == [1, 2, 4, 8]
    assert 15 < time.monotonic() - begun < 40
    assert [e for e in events if isinstance(e, Output) and "retrying in" in e.text]


class Refusing(BaseHTTPRequestHandler):
    """A registry that answers every upload with one status and one reason."""

    status, reason, uploads = 500, "no space left on device", 0

    def answer(self, status, body=b"{}"):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        self.answer(200 if self.path == "/v2/" else 404)

    do_HEAD = do_GET

    def do_POST(self):
        type(self).uploads += 1
        code = "DENIED" if self.status == 403 else "UNKNOWN"
        error = {"errors": [{"code": code, "message": self.reason}]}
        self.answer(self.status, json.dumps(error).encode())

    def log_message(self, format, *args):
        """Quiet."""


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (500, "no space left on device", "registry-not-accepting"),
        (503, "maintenance", "registry-not-accepting"),
        (507, "insufficient storage", "registry-not-accepting"),
        (403, "denied", "registry-denied"),
    ],
)
def test_a_registry_that_accepts_nothing_is_tried_for_a_limited_time(
    built, project, engine, status, reason, code
):
    dockerfile = io.BytesIO(f"FROM scratch\nCOPY Dockerfile /{project.name}\n".encode())
    one_layer, _ = engine.images.build(fileobj=dockerfile, rm=True, tag=f"{project.name}:layer")
    tiny = replace(built, id=one_layer.id)
    handler = type("Handler", (Refusing,), {"status": status, "reason": reason})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    events = []
    target = registries.push_target(f"127.0.0.1:{server.server_address[1]}/{project.name}:v1")
    with pytest.raises(RegistryError) as caught:
        push_image(connect(), tiny, target, report=events.append, retry_for=2)
    server.shutdown()
    server.server_close()
    engine.images.remove(one_layer.id, force=True)
    assert caught.value.code == code
    assert handler.uploads == 1  # the engine itself would try five times, for 50 s
    texts = [e.text for e in events if isinstance(e, Output)]
    if code == "registry-not-accepting":
        assert "did not accept a layer; the engine tries again, for at most 2 s" in texts[0]
        assert "for 2 s" in caught.value.message
    else:
        assert texts == []


@pytest.fixture
def moved(monkeypatch, engine):
    """Call it with an image: the next push is followed by one of that image under the same tag."""

    def follow(other):
        real = transfer.push

        def twice(to, target, *more):
            digest = real(to, target, *more)
            engine.images.get(other.id).tag(target.repository, target.tag)
            real(to, target, *more)
            return digest

        monkeypatch.setattr(transfer, "push", twice)

    return follow


@pytest.mark.parametrize("tag", ["", ":v1"])
def test_of_two_pushes_of_the_same_inputs_the_later_one_is_used_by_both(
    built, project, registry, moved, tag
):
    other = build(project, no_cache=True)
    assert (other.inputs, other.id != built.id) == (built.inputs, True)
    repository = f"{registry.address}/{project.name}"
    moved(other)
    events = []
    pushed = push(built, f"{repository}{tag}", report=events.append)
    assert pushed.verified
    assert any("another build of the same files" in getattr(e, "text", "") for e in events)
    with client.RegistryClient(registry.address) as asked:
        named = registries.Reference.parse(f"{repository}:{pushed.tag}")
        assert asked.digest(named) == pushed.digest
    described = image.remote(registries.Reference.parse(pushed.reference))
    assert described.inputs == built.inputs


@pytest.mark.parametrize(
    ("tag", "instead"), [("", "run the command again"), (":v1", "leave the tag out")]
)
def test_a_tag_that_was_moved_to_other_files_during_the_push_is_an_error(
    built, project, registry, moved, tag, instead
):
    (project / "flow.py").write_text(FLOW + "# changed\n")
    moved(build(project))
    with pytest.raises(RegistryError, match="is not the one that was pushed") as caught:
        push(built, f"{registry.address}/{project.name}{tag}")
    assert caught.value.code == "registry-tag-moved"
    assert instead in caught.value.hint
    assert caught.value.details.count("sha256:") == 2


def test_files_changed_since_the_build_are_not_pushed(built, project, registry, cli):
    (project / "flow.py").write_text(FLOW + "# changed\n")
    code, stdout, stderr = cli("push", "--repo", f"{registry.address}/x:1", cwd=project)
    assert code == 3
    assert not stdout
    assert "flowship build" in stderr


def test_after_a_failed_push_the_name_belongs_to_its_previous_image_again(
    built, own_registry, engine
):
    running = own_registry()
    running.stop()
    name = f"{running.address}/taken"
    before = engine.images.get(image.inspect(connect(), built.reference).id).attrs["Parent"]
    engine.api.tag(before, name, "v1")
    with pytest.raises(RegistryError):
        push(built, f"{name}:v1")
    assert engine.images.get(f"{name}:v1").id == before
    engine.images.remove(f"{name}:v1", force=True)


class Front:
    """A server that answers every question about a registry with one status."""

    def __init__(self, status):
        self.status = status
        self.asked = []

    def handler(self):
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                front.asked.append(self.path)
                self.send_response(front.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD

            def log_message(self, format, *args):
                """Quiet."""

        return Handler


@pytest.fixture
def questions_answered_with(monkeypatch):
    """Makes flowship's own questions end at a server that answers with a status; the engine
    pushes to the real registry."""
    servers = []

    def make(status):
        front = Front(status)
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), front.handler()))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{servers[-1].server_address[1]}/v2/"
        monkeypatch.setattr(client, "_address", lambda registry: address)
        return front

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_push_works_without_the_permission_to_read_it_back(
    built, project, registry, questions_answered_with, status
):
    front = questions_answered_with(status)
    events = []
    pushed = push(built, f"{registry.address}/{project.name}:v1", report=events.append)
    assert not pushed.verified
    assert digest_in(registry, pushed) == pushed.digest
    assert len(front.asked) == 1  # a refusal is not asked again
    lines = [e.text for e in events if isinstance(e, Output)]
    assert lines == [f"no pull permission at {registry.address}; digest not verified"]


def test_a_push_works_where_only_the_engine_reaches_the_registry(
    built, project, registry, monkeypatch
):
    monkeypatch.setattr(client, "_address", lambda registry: "http://127.0.0.1:9/v2/")
    events = []
    pushed = push(built, f"{registry.address}/{project.name}:v1", report=events.append)
    assert not pushed.verified
    assert digest_in(registry, pushed) == pushed.digest
    lines = [e.text for e in events if isinstance(e, Output)]
    assert lines == [f"no connection to {registry.address} from this machine; digest not verified"]


def test_a_registry_on_the_machine_of_a_remote_engine_is_not_looked_for_here(
    built, project, registry, questions_answered_with
):
    front = questions_answered_with(200)
    remote = replace(connect(), address="tcp://engine.example.com:2376")
    target = registries.push_target(f"{registry.address}/{project.name}:v1")
    pushed = push_image(remote, built, target)
    assert not pushed.verified
    assert published(remote, target, built.inputs) is None
    assert front.asked == []


def test_a_registry_in_trouble_right_after_the_push_is_asked_again(
    built, project, registry, questions_answered_with
):
    front = questions_answered_with(503)
    waits = []
    repository = f"{registry.address}/{project.name}:v1"
    pushed = push(built, repository, sleep=noting(waits), retry_for=5)
    assert not pushed.verified
    assert waits[:2] == [1, 2]
    assert len(front.asked) == len(waits) + 1


def test_a_registry_that_does_not_know_the_pushed_tag_is_an_error(
    built, project, registry, questions_answered_with
):
    questions_answered_with(404)
    with pytest.raises(RegistryError) as caught:
        push(built, f"{registry.address}/{project.name}:v1")
    assert caught.value.code == "registry-unknown-image"


def digest_in(registry, pushed):
    """What the registry itself has under the tag."""
    path = pushed.repository.partition("/")[2]
    request = urllib.request.Request(
        f"{registry.url}/v2/{path}/manifests/{pushed.tag}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.headers["Docker-Content-Digest"]


# --- only the registry knows what was pushed -----------------------------------------------------


def test_an_image_is_known_as_pushed_once_the_registry_has_it(built, project, registry):
    repository = f"{registry.address}/{project.name}"
    target = registries.Reference.parse(repository)
    assert pushed_reference(built, target) is None
    pushed = push(built, repository)
    known = image.inspect(connect(), built.reference)
    assert pushed_reference(known, target) == pushed.reference
    assert pushed_reference(known, None) == pushed.reference
    assert pushed_reference(known, replace(target, path=f"{target.path}-other")) is None


def test_a_digest_that_the_engine_lists_is_not_a_proof_of_a_push(built, project, registry):
    repository = f"{registry.address}/{project.name}"
    listed = replace(built, pushed=(f"{repository}@sha256:{'0' * 64}",))
    assert pushed_reference(listed, registries.Reference.parse(repository)) is None
    assert pushed_reference(listed, None) is None


def test_the_local_name_that_an_image_store_lists_is_not_asked_at_docker_hub(built, monkeypatch):
    monkeypatch.setattr(client, "_address", unexpected)
    local = built.reference.partition(":")[0]
    listed = replace(built, pushed=(f"{local}@sha256:{'0' * 64}",))
    assert pushed_reference(listed, None) is None


def test_without_an_answer_the_classic_store_is_believed_and_the_containerd_store_is_not(built):
    digest = f"sha256:{'0' * 64}"
    away = replace(built, pushed=(f"127.0.0.1:9/x@{digest}",))
    target = registries.Reference.parse("127.0.0.1:9/x")
    assert pushed_reference(away, target) == f"127.0.0.1:9/x@{digest}"
    with pytest.raises(RegistryError) as caught:
        pushed_reference(replace(away, id=digest), target)
    assert caught.value.code == "push-not-confirmed"
    assert "flowship ship" in caught.value.hint
    assert pushed_reference(replace(away, id=digest), None) is None


def test_what_a_registry_described_is_not_asked_for_again(built, monkeypatch):
    monkeypatch.setattr(client, "_address", unexpected)
    described = replace(
        built,
        from_registry=True,
        pushed=(f"host:5000/x@sha256:{'0' * 64}",),
        tags=("host:5000/x:v1",),
    )
    assert pushed_reference(described, None) == f"host:5000/x:v1@sha256:{'0' * 64}"


def unexpected(registry):
    raise AssertionError(f"{registry} is asked")


def test_an_unchanged_push_asks_the_registry_once(built, project, registry, monkeypatch):
    repository = f"{registry.address}/{project.name}"
    push(built, repository)
    known = image.inspect(connect(), built.reference)
    asked = []
    send = client.RegistryClient._send
    monkeypatch.setattr(
        client.RegistryClient,
        "_send",
        lambda self, method, url, *rest: asked.append(method) or send(self, method, url, *rest),
    )
    assert push(known, repository).already
    assert asked == ["HEAD"]


# --- login ---------------------------------------------------------------------------------------


def test_a_login_is_verified_without_an_engine(private_registry, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    ((user, password),) = ACCOUNTS.items()
    right = registries.Credentials(user, SecretStr(password), "a test")
    assert verify_login(private_registry.address, right) == ""
    with pytest.raises(RegistryError) as caught:
        verify_login(private_registry.address, replace(right, password=SecretStr("guess")))
    assert caught.value.code == "registry-wrong-password"


def test_a_login_is_verified_through_the_engine_where_only_that_reaches_the_registry(
    private_registry, monkeypatch
):
    monkeypatch.setattr(client, "_address", lambda registry: "http://127.0.0.1:9/v2/")
    ((user, password),) = ACCOUNTS.items()
    right = registries.Credentials(user, SecretStr(password), "a test")
    assert verify_login(private_registry.address, right) == ""
    with pytest.raises(RegistryError) as caught:
        verify_login(private_registry.address, replace(right, password=SecretStr("guess")))
    assert caught.value.code == "registry-wrong-password"
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(RegistryError) as caught:
        verify_login(private_registry.address, right)
    assert caught.value.code == "registry-unreachable"


# --- found again by another laptop ---------------------------------------------------------------


def forget(engine, built):
    """Make this engine one that never built the image."""
    for name in engine.images.get(built.id).tags:
        engine.images.remove(name, force=True)


def test_what_another_laptop_pushed_is_neither_built_nor_pushed_again(
    built, project, registry, engine
):
    target = registries.push_target(f"{registry.address}/{project.name}")
    pushed = push(built, str(target))
    forget(engine, built)
    events = []
    again = build(
        project, events.append, elsewhere=lambda inputs: published(connect(), target, inputs)
    )
    assert events == []
    assert again.unchanged
    assert again.probe == built.probe
    assert push(again, str(target), report=events.append).reference == pushed.reference
    assert events == []
    # the same for a deploy, which builds nothing
    more = f'repo = "{target}"\n'
    settings = loading.load(write(project, base_image_of(project), more=more), environ={})
    found, reference = image_choice.to_deploy(None, settings)
    assert (found.inputs, reference) == (built.inputs, pushed.reference)


def test_a_flow_that_another_laptop_s_image_lacks_is_probed_in_it_without_a_build(
    project, base_image, registry, engine
):
    more = FLOW.replace("from prefect import flow", "").replace("hello(", "greet(")
    built = build(write(project, base_image, {"flow.py": FLOW + more}))
    target = registries.push_target(f"{registry.address}/{project.name}")
    pushed = push(built, str(target))
    layers = engine.images.get(built.id).attrs["RootFS"]["Layers"]
    forget(engine, built)
    two = "".join(
        f'[[deployments]]\nname = "{name}"\nentrypoint = "flow.py:{name}"\n'
        for name in ("hello", "greet")
    )
    (project / "flowship.toml").write_text((project / "flowship.toml").read_text() + two)
    events = []
    again = build(
        project, events.append, elsewhere=lambda inputs: published(connect(), target, inputs)
    )
    assert not [event for event in events if isinstance(event, Step)], "nothing was built"
    assert [flow.entrypoint for flow in again.flows] == ["flow.py:hello", "flow.py:greet"]
    assert engine.images.get(again.id).attrs["RootFS"]["Layers"] == layers, "the same files"
    assert push(again, str(target)).digest != pushed.digest


def base_image_of(project):
    return loading.load(project, environ={}).base_image


def test_an_image_of_other_inputs_under_the_same_tag_is_not_used(built, project, registry):
    target = registries.push_target(f"{registry.address}/{project.name}:prod")
    push(built, str(target))
    assert published(connect(), target, built.inputs).probe == built.probe
    assert published(connect(), target, "f" * 64) is None
    nowhere = registries.push_target(f"{registry.address}/{project.name}-never")
    assert published(connect(), nowhere, built.inputs) is None
