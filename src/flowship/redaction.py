"""Recognizes secrets by the name of a variable, and masks logins in addresses.

Pure, and cheap to import. All code that shows or checks a user's text uses these functions, so
that the same text is a secret everywhere or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MASK = "********"
"""Shown instead of a secret; the length does not depend on the secret."""

# --- names -------------------------------------------------------------------------------------

# A letter after the word makes it a different word: TOKENIZERS_PARALLELISM, passwordless.
_SECRET = re.compile(
    r"(?i)(password|passwd|passphrase|secret|token|credential|auth_string|connection_?string"
    r"|(?<=[_-])pwd"  # PWD alone is the shell's folder
    r"|(api|access|account|auth|encryption|fernet|master|private|secret|signing|storage)[_-]?key"
    r")s?(?![a-z])|(\A|[_-])pass\d*\Z"
)
# Names of values that belong to a secret but are not secret, such as the path of a key file.
# SECRET_ID is not in the list: it is half of a Vault login.
_NOT_SECRET = re.compile(
    r"(?i)([_-](file|path|dir|folder|name|type|limit|ttl\w*|expir\w*|(?<!secret[_-])ids?)"
    r"|application_credentials)\Z"
)


def is_secret_name(name: str) -> bool:
    """Whether a variable or field with this name holds a secret.

    ``DB_PWD`` and ``AWS_ACCESS_KEY`` do; ``AWS_ACCESS_KEY_ID`` and ``PASSWORD_FILE`` do not.
    """
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)


# --- addresses ---------------------------------------------------------------------------------

# Everything up to the last @ before the path. A URL parser ends a password at its first slash,
# but it is still a password: match up to the next @, unless a port comes first.
_LOGIN = re.compile(
    r"(?i)(?P<http>https?)?://"
    r"(?P<login>[^\s/?#]+|[^\s/?#:@\[]+:(?!\d*[/?#])[^\s@]{1,200})@"
)
_NO_PASSWORD = ("", "x-oauth-basic")  # git hosts accept these after a token as the user name


class _Secret(NamedTuple):
    """The secret part of an address's login, and its place in the text."""

    start: int
    end: int
    text: str


def _secrets(text: str) -> Iterator[_Secret]:
    """The password of each address in `text`, or the token before the @ of an http address.

    In other addresses a single word before the @ is a user name: ``git+ssh://git@…``.
    """
    for found in _LOGIN.finditer(text):
        user, _, password = found["login"].partition(":")
        start, end = found.span("login")
        if password not in _NO_PASSWORD:
            yield _Secret(end - len(password), end, password)
        elif found["http"] and user:
            yield _Secret(start, start + len(user), user)


def has_login(text: str) -> bool:
    """Whether an address in `text` contains a password or token; a placeholder does not count."""
    return any(
        not secret.text.startswith("$") and not re.search(r"[{}<>]", secret.text)
        for secret in _secrets(text)
    )


def mask_addresses(text: str, *, keep_length: bool = False) -> str:
    """`text` with the password or token of each address masked; user names are kept.

    Args:
        text: Any text with addresses in it.
        keep_length: Keep the length, so that columns in the text stay valid.
    """
    for secret in reversed(list(_secrets(text))):
        stars = "*" * len(secret.text) if keep_length else MASK
        text = text[: secret.start] + stars + text[secret.end :]
    return text


def without_login(address: str) -> str:
    """The address without user and password, to open in a browser or to store."""
    return _LOGIN.sub(lambda found: f"{found['http'] or ''}://", address)


# --- values ------------------------------------------------------------------------------------

PLACEHOLDER = re.compile(r"\{\{.*?\}\}")
"""What Prefect fills in at run time, such as ``{{ prefect.blocks.secret.NAME }}``."""


def mask_value(value: Any, name: str = "") -> Any:  # noqa: ANN401 JSON
    """The JSON value as it may be shown: secrets by name and passwords in addresses are masked.

    Only text is masked. A placeholder, such as a reference to a Secret block, is shown.

    Args:
        value: The value; tables and lists are masked at every depth.
        name: The name of the variable, field or parameter that holds it.
    """
    if isinstance(value, Mapping):
        return {key: mask_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(item, name) for item in value]
    if not isinstance(value, str) or PLACEHOLDER.search(value):
        return value
    if value and is_secret_name(name.rpartition(".")[2]):
        return MASK
    # A list may hold NAME=value, as container_create_kwargs does.
    named, equals, _ = value.partition("=")
    if equals and re.fullmatch(r"\w+", named) and is_secret_name(named):
        return f"{named}={MASK}"
    return mask_addresses(value)
