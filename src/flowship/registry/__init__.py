"""The registry, as far as no engine is needed: names of images, accounts, and what went wrong.

`reference` reads names, `credentials` finds and keeps credentials, `errors` turns the words of
engines and registries into ours and follows the events of a push.
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
from flowship.registry.errors import (
    ATTEMPTS,
    FAULTS,
    Doing,
    Fault,
    LayerProgress,
    PushStream,
    RegistryFailure,
    backoff,
    check_digest,
    classify,
    translate,
)
from flowship.registry.reference import (
    DOCKER_HUB,
    Reference,
    push_target,
    registry_host,
    server_address,
)

__all__ = [
    "ATTEMPTS",
    "DOCKER_HUB",
    "FAULTS",
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
    "backoff",
    "check_digest",
    "classify",
    "credentials_for",
    "docker_config",
    "docker_folder",
    "login",
    "push_target",
    "registry_host",
    "server_address",
    "store",
    "translate",
]
