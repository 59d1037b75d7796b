"""The installation of Debian packages, with a fake apt-get on PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parts import debian


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """The only folder in which programs are found; its apt-get records its arguments."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(debian, "SBIN", ())
    monkeypatch.setattr(debian, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return folder


def program(folder: Path, name: str, body: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def fake_apt(folder: Path, body: str = "") -> Path:
    log = folder.parent / "apt.log"
    policy = folder.parent / "policy-rc.d"
    installed = f"test -f {policy} && echo services stay off >> {log}"
    program(folder, "apt-get", f'echo "$@" >> {log}\n{installed}\n{body}')
    return log


def test_a_program_that_is_present_is_not_installed_again(programs):
    log = fake_apt(programs)
    program(programs, "openssl")
    debian.ensure({"openssl": "openssl"}, pytest.fail)
    assert not log.exists()


def test_a_missing_program_is_installed_and_its_service_is_not_started(programs):
    log = fake_apt(programs)
    messages: list[str] = []
    debian.ensure({"dockerd": "docker.io", "docker": "docker.io"}, messages.append)
    assert messages == ["installing Debian packages: docker.io"]
    assert log.read_text().splitlines() == [
        "-q update",
        "services stay off",
        "-q install -y --no-install-recommends docker.io",
        "services stay off",
    ]
    assert not debian.POLICY.exists()


def test_an_existing_policy_for_services_is_kept(programs):
    fake_apt(programs)
    debian.POLICY.write_text("the administrator's own")
    debian.ensure({"dockerd": "docker.io"}, lambda _: None)
    assert debian.POLICY.read_text() == "the administrator's own"


def test_a_failed_update_does_not_prevent_the_install(programs):
    log = fake_apt(programs, '[ "$2" != update ]')
    debian.ensure({"dockerd": "docker.io"}, lambda _: None)
    assert "install" in log.read_text()


def test_a_failed_install_is_an_error_with_the_output_of_apt(programs):
    fake_apt(programs, 'echo "E: Unable to locate package $5"\n[ "$2" = update ]')
    with pytest.raises(debian.CannotInstall, match=r"failed:\nE: Unable to locate package docker"):
        debian.ensure({"dockerd": "docker.io"}, lambda _: None)
    assert not debian.POLICY.exists()


def test_without_root_the_error_names_the_command_to_run(programs, monkeypatch):
    fake_apt(programs)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(debian.CannotInstall, match=r"apt-get install docker\.io"):
        debian.ensure({"dockerd": "docker.io"}, pytest.fail)
