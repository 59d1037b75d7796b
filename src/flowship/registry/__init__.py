"""The registry, as far as no engine is needed: names of images, accounts, and what went wrong.

`reference` reads names, `accounts` finds and keeps credentials, `faults` turns the words of
engines and registries into ours and follows the events of a push.
"""

from flowship.registry.accounts import (
    TOKEN_USER,
    Credentials,
    LoginResult,
    Stored,
    credentials,
    docker_config,
    docker_folder,
    login,
    store,
)
from flowship.registry.faults import (
    ATTEMPTS,
    FAULTS,
    Doing,
    Fault,
    LayerProgress,
    PushStream,
    RegistryFault,
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
    "RegistryFault",
    "Stored",
    "backoff",
    "check_digest",
    "classify",
    "credentials",
    "docker_config",
    "docker_folder",
    "login",
    "push_target",
    "registry_host",
    "server_address",
    "store",
    "translate",
]
