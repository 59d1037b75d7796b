"""What is a secret by its name, and how an address that carries a login is shown.

Pure, and cheap to import: everything that shows or judges what a user wrote asks here, so that
the same text is a secret everywhere or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MASK = "********"
"""What is shown in a secret's place; its length tells nothing."""

# --- names -------------------------------------------------------------------------------------

# A letter behind the word makes it another one: TOKENIZERS_PARALLELISM, passwordless.
_SECRET = re.compile(
    r"(?i)(password|passwd|passphrase|secret|token|credential|auth_string|connection_?string"
    r"|(?<=[_-])pwd"  # PWD alone is the shell's folder
    r"|(api|access|account|auth|encryption|fernet|master|private|secret|signing|storage)[_-]?key"
    r")s?(?![a-z])|(\A|[_-])pass\d*\Z"
)
# Names of what only belongs to a secret, Google's path to one among them. SECRET_ID is no
# identifier, but half of Vault's login.
_ABOUT = re.compile(
    r"(?i)([_-](file|path|dir|folder|name|type|limit|ttl\w*|expir\w*|(?<!secret[_-])ids?)"
    r"|application_credentials)\Z"
)


def is_secret_name(name: str) -> bool:
    """Whether a variable or field of this name holds a secret: ``DB_PWD``, ``AWS_ACCESS_KEY``.

    ``AWS_ACCESS_KEY_ID`` and ``PASSWORD_FILE`` hold none.
    """
    return bool(_SECRET.search(name)) and not _ABOUT.search(name)


# --- addresses ---------------------------------------------------------------------------------

# Everything up to the last @ before the path. A password with a slash in it is cut there by
# whoever reads the address, and yet it is one: all up to the next @, unless a port comes first.
_LOGIN = re.compile(
    r"(?i)(?P<http>https?)?://"
    r"(?P<login>[^\s/?#]+|[^\s/?#:@\[]+:(?!\d*[/?#])[^\s@]{1,200})@"
)
_NO_PASSWORD = ("", "x-oauth-basic")  # what git hosts take behind a token in the user's place


class _Secret(NamedTuple):
    """Where the secret part of an address's login stands."""

    start: int
    end: int
    text: str


def _secrets(text: str) -> Iterator[_Secret]:
    """The password of each address in `text`, or what stands alone before an http address's @.

    Elsewhere that is a user's name: ``git+ssh://git@…``, ``postgresql://me@…``.
    """
    for found in _LOGIN.finditer(text):
        user, _, password = found["login"].partition(":")
        start, end = found.span("login")
        if password not in _NO_PASSWORD:
            yield _Secret(end - len(password), end, password)
        elif found["http"] and user:
            yield _Secret(start, start + len(user), user)


def has_login(text: str) -> bool:
    """Whether an address in `text` has a password or token written out; a placeholder is none."""
    return any(
        not secret.text.startswith("$") and not re.search(r"[{}<>]", secret.text)
        for secret in _secrets(text)
    )


def mask_addresses(text: str, *, keep_length: bool = False) -> str:
    """`text` with the password or token of each address in it covered, the user's name kept.

    Args:
        text: Addresses in any text.
        keep_length: Star for star, where a place in the text is pointed at.
    """
    for secret in reversed(list(_secrets(text))):
        stars = "*" * len(secret.text) if keep_length else MASK
        text = text[: secret.start] + stars + text[secret.end :]
    return text


def without_login(address: str) -> str:
    """The address without user and password: to be looked at in a browser, or remembered."""
    return _LOGIN.sub(lambda found: f"{found['http'] or ''}://", address)
