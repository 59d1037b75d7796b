"""The registry of the tests and the demo."""

import socket
import urllib.error
import urllib.request
from base64 import b64encode

import pytest
from parts.registry import Registry, bcrypt


def status(registry, path="/v2/", login=None):
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(registry.url + path, headers=headers)):
            return 200
    except urllib.error.HTTPError as error:
        return error.code


def test_it_runs_on_loopback_and_stops_at_the_end(tmp_path):
    with Registry(tmp_path) as registry:
        assert registry.address.startswith("127.0.0.1:")
        assert status(registry) == 200
    assert not registry.running
    assert not registry.answers()


def test_a_restart_keeps_the_port_and_the_storage(tmp_path):
    with Registry(tmp_path) as registry:
        address = registry.address
        upload = urllib.request.Request(
            f"{registry.url}/v2/x/blobs/uploads/?digest=sha256:"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            method="POST",
            data=b"",
        )
        with urllib.request.urlopen(upload) as response:
            location = response.headers["Location"]
            assert response.status in {201, 202}
        finish = urllib.request.Request(
            f"{location}&digest=sha256:"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            method="PUT",
            data=b"",
        )
        urllib.request.urlopen(finish).close()
        blob = "/v2/x/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert status(registry, blob) == 200

        registry.restart()
        assert (registry.address, status(registry, blob)) == (address, 200)

        registry.kill()
        assert not registry.answers()
        registry.start()
        assert (registry.address, status(registry, blob)) == (address, 200)


def test_passwords_are_checked(tmp_path):
    with Registry(tmp_path, htpasswd={"ada": "pass word é", "bob": "x"}) as registry:
        assert status(registry) == 401
        assert status(registry, login="ada:wrong") == 401
        assert status(registry, login="ada:pass word é") == 200
        assert status(registry, login="bob:x") == 200


def test_tls_uses_a_self_signed_certificate(tmp_path):
    with Registry(tmp_path, tls=True) as registry:
        assert registry.url.startswith("https://")
        assert registry.answers()
        assert "BEGIN CERTIFICATE" in registry.certificate.read_text()


def test_a_port_in_use_is_an_error_with_the_registrys_message(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        registry = Registry(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(RuntimeError, match="address already in use"):
            registry.start()
    assert not registry.running


def test_stop_can_be_called_twice(tmp_path):
    registry = Registry(tmp_path)
    registry.stop()
    registry.start()
    registry.stop()
    registry.stop()
    assert not registry.running


def test_every_password_hash_has_its_own_salt():
    assert bcrypt("x") != bcrypt("x")
    assert bcrypt("x").startswith("$2y$05$")
