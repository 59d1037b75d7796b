"""A real engine, a real registry, and what flowship makes of both."""

import io
import json
import random
import subprocess
import tarfile
import urllib.request

import pytest
from docker.errors import APIError
from parts.ports import free_port
from parts.registry import outside_address
from pydantic import SecretStr

from flowship.registry import (
    Credentials,
    PushStream,
    Reference,
    RegistryFailure,
    credentials_for,
    store,
    translate,
)
from support.registry_server import ACCOUNTS

pytestmark = pytest.mark.engine

MEGABYTE = 1_000_000
ADA = Credentials("ada", SecretStr(ACCOUNTS["ada"]), "a test")


@pytest.fixture
def scratch(engine):
    """Makes one-layer images of random bytes; their ids. They are removed in the end."""
    made = []

    def make(size=300):
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            member = tarfile.TarInfo("data")
            member.size = size
            tar.addfile(member, io.BytesIO(random.randbytes(size)))
        said = engine.api.import_image_from_data(layer.getvalue())
        made.append(json.loads(said.splitlines()[-1])["status"])
        return made[-1]

    yield make
    for ident in made:
        engine.api.remove_image(ident, force=True)


@pytest.fixture
def push(engine, scratch):
    """Pushes an image to an address, as `flowship.push` does; gives the digest."""

    def run(address, *, size=300, who=None, watch=lambda progress: None):
        reference = Reference.parse(f"{address}/user/de-repo:v1")
        engine.api.tag(scratch(size), reference.repository, reference.tag)
        events = engine.api.push(
            reference.repository,
            reference.tag,
            stream=True,
            decode=True,
            auth_config=who.auth_config(reference.registry) if who else {},
        )
        stream = PushStream(events, reference, who)
        for progress in stream:
            watch(progress)
        return stream.digest

    return run


def refusal(push, *args, **options):
    with pytest.raises(RegistryFailure) as caught:
        push(*args, **options)
    return caught.value


def digest_in(registry):
    """What the registry itself answers for the tag that `push` writes."""
    request = urllib.request.Request(
        f"{registry.url}/v2/user/de-repo/manifests/v1",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.headers["Docker-Content-Digest"]


def test_a_registry_without_accounts_takes_any_push(push, own_registry):
    registry = own_registry()

    assert push(registry.address) == digest_in(registry)


def test_the_right_password_opens_a_private_registry(push, private_registry):
    environ = {"FLOWSHIP_REGISTRY_USER": "ada", "FLOWSHIP_REGISTRY_PASSWORD": ACCOUNTS["ada"]}
    who = credentials_for(private_registry.address, environ)

    assert push(private_registry.address, who=who).startswith("sha256:")


def test_a_wrong_password_and_a_missing_one_differ(push, private_registry):
    wrong = Credentials("ada", SecretStr("guess"), "a test")

    rejected = refusal(push, private_registry.address, who=wrong)
    missing = refusal(push, private_registry.address)

    assert (rejected.fault, rejected.transient) == ("unauthorized", False)
    assert "rejected the credentials" in rejected.message
    assert (missing.fault, missing.transient) == ("unauthorized", False)
    assert "not logged in" in missing.message
    assert missing.hint == f"run `flowship login {private_registry.address}`"


def test_a_stopped_registry_does_not_answer_and_may_come_back(push, own_registry):
    registry = own_registry()
    registry.stop()

    error = refusal(push, registry.address)
    registry.start()

    assert (error.fault, error.transient) == ("unreachable", True)
    assert push(registry.address) == digest_in(registry)


def test_a_registry_that_crashes_in_the_middle_of_a_layer_and_returns(push, own_registry):
    registry = own_registry()
    crashes = []

    def crash(progress):
        if progress.current > 5 * MEGABYTE and not crashes:
            registry.kill()
            crashes.append(progress)
            registry.start()

    # The engine tries a broken layer again by itself, after five seconds.
    assert push(registry.address, size=100 * MEGABYTE, watch=crash) == digest_in(registry)
    assert crashes


def test_a_port_without_a_listener_is_reported_at_once(push):
    error = refusal(push, f"127.0.0.1:{free_port()}")

    assert error.fault == "unreachable"


def test_a_registry_without_tls_needs_the_engines_consent(push, own_registry):
    registry = own_registry(host=outside_address())

    error = refusal(push, registry.address)

    assert (error.fault, error.transient) == ("plain-http", False)
    assert registry.address in error.hint


def test_an_untrusted_certificate(push, own_registry):
    registry = own_registry(host=outside_address(), tls=True)

    error = refusal(push, registry.address)

    assert (error.fault, error.transient) == ("tls", False)
    assert "x509" in error.details


def test_a_login_is_judged_by_the_registry(engine, private_registry):
    address = private_registry.address
    with pytest.raises(APIError) as caught:
        engine.api.login("ada", "guess", registry=address, reauth=True)
    wrong = translate(
        caught.value.explanation, address, status=caught.value.status_code, doing="login"
    )
    private_registry.stop()
    with pytest.raises(APIError) as caught:
        engine.api.login("ada", ACCOUNTS["ada"], registry=address, reauth=True)
    away = translate(caught.value.explanation, address, doing="login")

    assert (wrong.fault, away.fault) == ("wrong-password", "unreachable")


# --- the docker command, both ways -------------------------------------------------------------


def docker(folder, *arguments, given=None):
    command = ["docker", "--config", str(folder), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_the_docker_command_uses_what_flowship_stored(tmp_path, private_registry):
    store(ADA, private_registry.address, tmp_path, {})

    # Without credentials this asks for a user name, and fails as nobody is there to answer.
    done = docker(tmp_path, "login", private_registry.address)

    assert done.returncode == 0, done.stderr
    assert "Login Succeeded" in done.stdout


def test_flowship_uses_what_the_docker_command_stored(tmp_path, push, private_registry):
    address = private_registry.address
    done = docker(
        tmp_path, "login", "-u", "ada", "--password-stdin", address, given=ACCOUNTS["ada"]
    )
    assert done.returncode == 0, done.stderr

    who = credentials_for(address, {"DOCKER_CONFIG": str(tmp_path)})

    assert push(address, who=who).startswith("sha256:")


def test_the_docker_command_logs_out_what_flowship_stored(tmp_path):
    store(ADA, "docker.io", tmp_path, {})
    store(ADA, "ghcr.io", tmp_path, {})

    for registry in ("https://index.docker.io/v1/", "ghcr.io"):
        assert "Removing login credentials" in docker(tmp_path, "logout", registry).stdout

    assert json.loads((tmp_path / "config.json").read_text())["auths"] == {}
