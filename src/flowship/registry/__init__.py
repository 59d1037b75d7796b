"""Registries: names of images, credentials, errors, and the questions to a registry.

`reference` parses names, `credentials` finds and stores logins, `faults` and `errors` explain
what engines and registries answer, `push_stream` reads the events of a push. `client`, which
asks a registry over HTTP, is imported only when it is needed.
"""

from flowship.registry.credentials import (
    TOKEN_USER,
    Credentials,
    LoginResult,
    Stored,
    credentials_for,
    docker_config,
    docker_folder,
    login,
    store,
)
from flowship.registry.errors import RegistryFailure, translate
from flowship.registry.faults import NO_CONNECTION, NOT_THERE, REFUSALS, Doing, Fault
from flowship.registry.push_stream import LayerProgress, PushStream
from flowship.registry.reference import (
    DOCKER_HUB,
    Reference,
    is_loopback,
    push_target,
    registry_host,
    server_address,
)

__all__ = [
    "DOCKER_HUB",
    "NOT_THERE",
    "NO_CONNECTION",
    "REFUSALS",
    "TOKEN_USER",
    "Credentials",
    "Doing",
    "Fault",
    "LayerProgress",
    "LoginResult",
    "PushStream",
    "Reference",
    "RegistryFailure",
    "Stored",
    "credentials_for",
    "docker_config",
    "docker_folder",
    "is_loopback",
    "login",
    "push_target",
    "registry_host",
    "server_address",
    "store",
    "translate",
]
