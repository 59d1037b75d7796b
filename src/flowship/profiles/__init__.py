"""Which Prefect API is meant: Prefect's own settings and profiles, without importing Prefect.

`files` reads what Prefect reads, `resolution` decides as Prefect decides, `address` judges an
API's address and asks who answers there, `editing` shows and changes the profiles.
"""

from flowship.profiles.address import (
    LOCAL_URL,
    ServerAnswer,
    ask,
    check_url,
    container_warnings,
    is_loopback,
    require_address,
    unusable,
)
from flowship.profiles.editing import (
    Profile,
    ProfileChange,
    file,
    list_profiles,
    set_api,
    show,
    use,
)
from flowship.profiles.files import EPHEMERAL_PROFILE, LOCAL_PROFILE
from flowship.profiles.resolution import ApiTarget, resolve

__all__ = [
    "EPHEMERAL_PROFILE",
    "LOCAL_PROFILE",
    "LOCAL_URL",
    "ApiTarget",
    "Profile",
    "ProfileChange",
    "ServerAnswer",
    "ask",
    "check_url",
    "container_warnings",
    "file",
    "is_loopback",
    "list_profiles",
    "require_address",
    "resolve",
    "set_api",
    "show",
    "unusable",
    "use",
]
