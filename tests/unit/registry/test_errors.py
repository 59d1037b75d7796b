"""The errors for the texts of registries: message, hint, and no secrets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from flowship.errors import RegistryError
from flowship.registry import Credentials, Reference, translate
from support.streams import ADA, CALLS, HERE, HUB, failure, load


@pytest.mark.parametrize("name", sorted(CALLS))
def test_failed_logins_and_pulls_are_translated_too(name):
    _, [event] = load(name)
    doing = name.split("-")[0]
    subject = "registry.example.com" if doing == "login" else HERE

    error = translate(event["error"], subject, status=event["status"], doing=doing)

    assert error.fault == CALLS[name]
    assert error.where == ("" if doing == "login" else str(subject))
    assert str(subject).split("/")[0] in error.message


def test_the_hint_for_a_rejected_login_is_not_to_log_in():
    _, [event] = load("login-wrong")

    error = translate(event["error"], "registry.example.com", doing="login", credentials=ADA)

    assert error.message == ("registry.example.com rejected the user name or password (as ada)")
    assert "flowship login" not in error.hint


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "hub-denied",
            "Docker Hub denied the push to user/de-repo (not logged in)",
            "run `flowship login`, with an access token (Read & Write) as the password",
        ),
        (
            "hub-rate-limit",
            "the rate limit of Docker Hub is reached (not logged in)",
            "wait, or log in for a higher limit: `flowship login`",
        ),
        (
            "no-credentials",
            "127.0.0.1:5000 requires a login for 127.0.0.1:5000/user/de-repo (not logged in)",
            "run `flowship login 127.0.0.1:5000`",
        ),
        (
            "not-running",
            "127.0.0.1:5000 is not responding, or the connection was lost",
            "check that it is running and that the engine's machine can reach it",
        ),
        (
            "self-signed",
            "the certificate of 192.0.2.10:5000 is not trusted",
            "copy its CA certificate to /etc/docker/certs.d/192.0.2.10:5000/ca.crt on the engine's"
            " machine (no restart needed); the text below says what is wrong with the certificate",
        ),
        (
            "plain-http",
            "192.0.2.10:5000 does not use HTTPS, which the engine requires",
            'set up a certificate there, or add "192.0.2.10:5000" to insecure-registries in the'
            " engine's /etc/docker/daemon.json and restart the engine",
        ),
        (
            "ecr-unknown-repository",
            "repository 123456789012.dkr.ecr.us-east-1.amazonaws.com/de-repo not found at"
            " 123456789012.dkr.ecr.us-east-1.amazonaws.com, or not visible to this user"
            " (not logged in)",
            "create it: `aws ecr create-repository --repository-name de-repo`",
        ),
        (
            "ecr-immutable-tag",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/de-repo:v1 already exists, and tags in"
            " this repository are immutable",
            "push under a new tag: `flowship push --repo"
            " 123456789012.dkr.ecr.us-east-1.amazonaws.com/de-repo:NEW-TAG`",
        ),
    ],
)
def test_the_message_names_what_failed_and_the_hint_the_next_step(name, message, hint):
    error = failure(name)

    assert (error.message, error.hint) == (message, hint)


def test_the_most_frequent_faults_have_different_messages():
    names = ["hub-denied", "ecr-unknown-repository", "hub-rate-limit", "self-signed",
             "not-running", "no-credentials"]  # fmt: skip
    errors = [failure(name) for name in names]

    assert len({error.message for error in errors}) == len(names)
    assert len({error.hint for error in errors}) == len(names)


def test_a_rejected_password_is_not_reported_as_a_missing_one():
    error = failure("wrong-password", ADA)

    assert "rejected the credentials" in error.message
    assert "logged in as ada, from FLOWSHIP_REGISTRY_USER" in error.message


def test_an_access_token_that_may_only_read_is_named():
    mine = Credentials("user", SecretStr("tok"), "a test")

    error = failure("hub-token-scope", mine)

    assert (error.fault, error.transient) == ("scope", False)
    assert "access token" in error.message
    assert "Read & Write" in error.hint


def test_the_hint_for_stored_credentials_that_are_rejected_is_to_log_in_again():
    text = "unauthorized: incorrect username or password"
    stored = Credentials("ada", SecretStr("s3cret"), "/home/ada/.docker/config.json")

    error = translate(text, HUB, doing="push", credentials=stored)

    assert error.fault == "wrong-password"
    assert error.hint.startswith("run `flowship login`")


def test_the_hint_for_rejected_variables_is_to_correct_them_since_they_override_a_login():
    text = "unauthorized: incorrect username or password"

    error = translate(text, HUB, doing="push", credentials=ADA)

    assert error.hint.startswith("correct FLOWSHIP_REGISTRY_USER and FLOWSHIP_REGISTRY_PASSWORD")
    assert "unset both" in error.hint


def test_at_docker_hub_the_repository_of_another_user_is_recognized():
    error = failure("hub-denied", ADA)

    assert "did you mean `--repo ada/de-repo:v1`?" in error.hint


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/x", "ecr:PutImage"),
        ("europe-docker.pkg.dev/p/r/x", "roles/artifactregistry.writer"),
        ("ghcr.io/ada/x", "write:packages"),
        ("example.azurecr.io/x", "AcrPush"),
        ("registry.example.com/x", "the administrator of registry.example.com"),
        ("ada/x", "Read & Write"),
    ],
)
def test_a_denied_push_with_a_login_names_the_missing_permission(image, hint):
    error = translate("denied", Reference.parse(image), doing="push", credentials=ADA)

    assert hint in error.hint


def test_secrets_in_the_registrys_text_are_masked():
    text = 'proxyconnect "http://ada:hunter2@proxy.example.com:3128" with s3cret: denied'
    text += " at https://hunter2@cdn.example.com/x"

    error = translate(text, HUB, doing="push", credentials=ADA)

    assert "s3cret" not in error.details
    assert "hunter2" not in error.details
    assert "s3cret" not in f"{error.message}{error.hint}{ADA!r}"


@settings(deadline=None)
@given(st.text(), st.sampled_from(["push", "pull", "login"]))
def test_any_text_can_be_translated(text, doing):
    error = translate(text, HUB, doing=doing)

    assert isinstance(error, RegistryError)
    assert error.message


def test_a_denied_pull_is_not_reported_as_a_push():
    error = translate("denied", HUB, doing="pull", credentials=ADA)

    assert error.message.startswith("Docker Hub denied the pull of user/de-repo")
