"""The emulator of Google Cloud Storage and its token server."""

from __future__ import annotations

import json
import sys
import urllib.request

import pytest
from parts.gcs import GcsEmulator, TokenServer, service_account_key

from parts import gcs


def post(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, data=b"assertion=x", timeout=10) as response:
        return json.load(response)


def test_the_token_server_returns_a_token_for_every_request():
    with TokenServer() as tokens:
        assert post(tokens.url)["access_token"] == "local"


def test_a_key_points_to_its_token_server_and_has_its_own_private_key():
    key, other = service_account_key("http://127.0.0.1:1/token"), service_account_key("x")
    assert key["token_uri"] == "http://127.0.0.1:1/token"
    assert key["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert key["private_key"] != other["private_key"]


def test_the_bucket_exists_and_objects_can_be_read_until_the_emulator_stops(tmp_path):
    with GcsEmulator(bucket="taxi", folder=tmp_path) as emulator:
        assert emulator.env == {"STORAGE_EMULATOR_HOST": emulator.url}
        assert emulator.objects() == []
        upload = f"{emulator.url}/upload/storage/v1/b/taxi/o?uploadType=media&name=a/b.txt"
        request = urllib.request.Request(upload, data=b"content", method="POST")
        urllib.request.urlopen(request, timeout=10).close()
        assert emulator.objects() == ["a/b.txt"]
        assert emulator.read("a/b.txt") == b"content"
        assert emulator.generation("a/b.txt")
    assert emulator.pid is None


def test_an_emulator_that_exits_immediately_is_an_error_with_its_output(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no module named gcp_storage_emulator >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(gcs.sys, "executable", str(program))
    emulator = GcsEmulator()
    with pytest.raises(RuntimeError, match="did not start: no module named gcp"):
        emulator.start()
    assert emulator.pid is None
    assert sys.executable == str(program)
