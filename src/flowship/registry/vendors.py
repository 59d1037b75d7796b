"""What to do at each registry vendor: log in, get permission to push, create a repository."""

from __future__ import annotations

import re

from flowship.registry.credentials import Credentials
from flowship.registry.reference import DOCKER_HUB, Reference

# Vendor -> the hosts of its registries, and its name for people if that is not the host.
_VENDORS = {
    "hub": (r"docker\.io", "Docker Hub"),
    "ecr": (r".*\.dkr\.ecr\..*\.amazonaws\.com.*|public\.ecr\.aws", ""),
    "google": (r".*\.pkg\.dev|(.*\.)?gcr\.io", ""),
    "github": (r"ghcr\.io", ""),
    "azure": (r".*\.azurecr\.(io|cn|us)", ""),
    "other": (r".*", ""),
}
_LOGIN = {
    "hub": "run `flowship login`, with an access token (Read & Write) as the password",
    "ecr": "run `aws ecr get-login-password | flowship login {host} --username AWS"
    " --password-stdin`; the login lasts 12 hours",
    "google": "run `gcloud auth configure-docker {host}`",
    "github": "run `flowship login {host}` with a GitHub token that has write:packages",
    "azure": "run `az acr login --name {short}`; the login lasts 3 hours",
    "other": "run `flowship login {host}`",
}
_PASSWORD = {
    "hub": "the user name is the Docker ID, not the e-mail address; the password is an access"
    " token",
    "ecr": "the user name is AWS, the password is what `aws ecr get-login-password` prints",
    "google": "the user name is oauth2accesstoken, the password is what"
    " `gcloud auth print-access-token` prints",
    "github": "the password is a GitHub token that has write:packages",
    "azure": "`az acr login --name {short}` logs in without a password",
    "other": "check both; many registries require an access token instead of the password",
}
_GRANT = {
    "hub": "push to a repository of your own user name or organization, with a token that has"
    " Read & Write",
    "ecr": "allow ecr:BatchCheckLayerAvailability, ecr:InitiateLayerUpload, ecr:UploadLayerPart,"
    " ecr:CompleteLayerUpload and ecr:PutImage on the repository",
    "google": "create the repository, or grant roles/artifactregistry.writer on it",
    "github": "the token needs write:packages (in GitHub Actions: `permissions: packages: write`),"
    " and the package must give this repository access",
    "azure": "grant the role AcrPush on the registry",
    "other": "check the name, and ask the administrator of {host} for permission to push",
}
_CREATE = {
    "hub": "check the name; a private repository is only visible after a login",
    "ecr": "create it: `aws ecr create-repository --repository-name {path}`",
    "google": "create it: `gcloud artifacts repositories create NAME --repository-format=docker`",
    "github": "check the name: ghcr.io/OWNER/NAME",
    "azure": "check the spelling of the name",
    "other": "check the name, or create the repository at {host} first",
}


def words(reference: Reference | str, credentials: Credentials | None) -> dict[str, str]:
    """The values for the placeholders of messages and hints, see `flowship.registry.faults`."""
    image = reference if isinstance(reference, Reference) else None
    host = image.registry if image else str(reference)
    vendor = next(v for v, (pattern, _) in _VENDORS.items() if re.fullmatch(pattern, host))
    blanks = {"host": host, "short": host.split(".")[0], "path": image.path if image else ""}
    hub = vendor == "hub"
    return {
        "registry": _VENDORS[vendor][1] or host,
        "host": "registry-1.docker.io" if hub else host,
        "repository": image.repository if image else host,
        "image": str(reference),
        "who": credentials.described if credentials else "not logged in",
        "login": _LOGIN[vendor].format(**blanks),
        "password": _PASSWORD[vendor].format(**blanks),
        "grant": (_GRANT if credentials else _LOGIN)[vendor].format(**blanks),
        "create": _CREATE[vendor].format(**blanks),
        "calm": _calm(hub, credentials),
    }


def _calm(hub: bool, credentials: Credentials | None) -> str:
    if not hub:
        return "wait a few minutes, then try again"
    if credentials is None:
        return "wait, or log in for a higher limit: `flowship login`"
    return "wait a few minutes (Docker Hub counts pulls over six hours), then try again"


def own_repository(reference: Reference | str, credentials: Credentials | None) -> Reference | None:
    """At Docker Hub, the same repository name under the user's own name; None if it is there
    already, or nothing is known about the user."""
    if not isinstance(reference, Reference) or not credentials:
        return None
    if reference.registry != DOCKER_HUB or credentials.is_token:
        return None
    user, (owner, _, name) = credentials.username.lower(), reference.path.partition("/")
    if user == owner or not re.fullmatch(r"[a-z0-9]+", user):
        return None
    return Reference(DOCKER_HUB, f"{user}/{name}", reference.tag, reference.digest)
