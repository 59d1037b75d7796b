"""The advice for each registry vendor."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from flowship.registry import TOKEN_USER, Credentials, Reference
from flowship.registry.vendors import own_repository, words

ADA = Credentials("Ada", SecretStr("x"), "a test")


@pytest.mark.parametrize(
    ("image", "login"),
    [
        ("ada/x", "run `flowship login`, with an access token"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/x", "aws ecr get-login-password"),
        ("public.ecr.aws/a/x", "aws ecr get-login-password"),
        ("europe-docker.pkg.dev/p/r/x", "gcloud auth configure-docker europe-docker.pkg.dev"),
        ("eu.gcr.io/p/x", "gcloud auth configure-docker eu.gcr.io"),
        ("ghcr.io/ada/x", "write:packages"),
        ("example.azurecr.io/x", "az acr login --name example"),
        ("registry.example.com:5000/x", "run `flowship login registry.example.com:5000`"),
    ],
)
def test_each_vendor_has_its_own_way_to_log_in(image, login):
    assert login in words(Reference.parse(image), None)["login"]


def test_docker_hub_has_a_name_and_other_registries_their_host():
    assert words(Reference.parse("ada/x"), None)["registry"] == "Docker Hub"
    assert words(Reference.parse("ghcr.io/ada/x"), None)["registry"] == "ghcr.io"


@pytest.mark.parametrize(
    ("image", "own"),
    [
        ("user/de-repo:v1", "ada/de-repo:v1"),
        ("ada/de-repo:v1", None),  # it is the user's own
        ("ghcr.io/user/de-repo", None),  # there an owner may be an organisation
    ],
)
def test_at_docker_hub_the_users_own_repository_is_suggested(image, own):
    found = own_repository(Reference.parse(image), ADA)
    assert (str(found) if found else None) == own


def test_a_token_has_no_user_whose_repository_could_be_suggested():
    token = Credentials(TOKEN_USER, SecretStr("x"), "a test")
    assert own_repository(Reference.parse("user/x"), token) is None
    assert own_repository(Reference.parse("user/x"), None) is None
