"""What looks like a secret: by a file's name, by its content, by a variable's name and value.

Every function answers with words for the user ("a private key") or "". None of them ever
returns the secret itself.
"""

from __future__ import annotations

import json
import re
from typing import Protocol

CONTENT_LIMIT = 65_536
"""Bytes of a file that are looked at."""

LARGEST_FILE = 1 << 20
"""Bytes; a larger file is data, and is not opened."""

_DATA = re.compile(
    r"(?i)\.(parquet|csv|tsv|gz|zip|bz2|xz|zst|whl|so|pyc|png|jpe?g|gif|svg|pdf|ico|woff2?|ttf"
    r"|db|sqlite3?|arrow|feather|orc|avro|pkl|npy|npz|h5|bin|exe|dll|mp4|jar|tar|tgz|lock)\Z"
)

_EXAMPLE = re.compile(r"(?i)[.\-_](example|sample|template|dist|tmpl)\Z")

_BY_NAME = [
    (re.compile(r"(^|/)\.env(\.[^/]*)?\Z"), "an environment file with settings and passwords"),
    (re.compile(r"(^|/)\.envrc\Z"), "an environment file with settings and passwords"),
    (re.compile(r"(^|/)id_(rsa|dsa|ecdsa|ed25519)(_sk)?\Z"), "an SSH private key"),
    (re.compile(r"(^|/)\.aws/(credentials|config)\Z"), "AWS credentials"),
    (re.compile(r"(^|/)\.azure/"), "Azure credentials"),
    (re.compile(r"(^|/)\.kube/config\Z"), "Kubernetes credentials"),
    (
        re.compile(r"(^|/)(gcloud/)?(application_default_credentials|legacy_credentials)"),
        "Google Cloud credentials",
    ),
    (re.compile(r"(^|/)gcloud/credentials\.db\Z"), "Google Cloud credentials"),
    (re.compile(r"(^|/)[._]netrc\Z"), "logins of a .netrc"),
    (re.compile(r"(^|/)\.pypirc\Z"), "a package index login"),
    (re.compile(r"(^|/)\.git-credentials\Z"), "git logins"),
    (re.compile(r"(^|/)\.docker/config\.json\Z"), "registry logins"),
    (re.compile(r"(^|/)\.pgpass\Z"), "database passwords"),
    (re.compile(r"(?i)\.(p12|pfx|jks|keystore|ppk)\Z"), "a key store"),
    (re.compile(r"(^|/)\.prefect/profiles\.toml\Z"), "Prefect profiles, with their API keys"),
]

# A header alone may be a test's or a parser's; a key has its body behind it.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN ((RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP) )?PRIVATE KEY( BLOCK)?-----"
    r"(\\n|\\r|\s)+([\w-]+: [^\n]*\n|\n)*[A-Za-z0-9+/=]{24,}"
)

_TOKENS = [
    (re.compile(r"\b(AKIA|ASIA)(?![0-9A-Z]*EXAMPLE)[0-9A-Z]{16}\b"), "an AWS access key"),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"), "a GitHub token"),
    (re.compile(r"\bgithub_pat_[A-Za-z0-9_]{40,}\b"), "a GitHub token"),
    (re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"), "a GitLab token"),
    (re.compile(r"\bpn[ub]_[A-Za-z0-9]{30,}\b"), "a Prefect API key"),
    (re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"), "a Slack token"),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"), "a Google API key"),
    (re.compile(r"\bpypi-AgE[A-Za-z0-9_-]{50,}"), "a package index token"),
    (
        re.compile(r"(?i)aws_secret_access_key['\"]?\s*[=:]\s*['\"]?[A-Za-z0-9/+]{40}\b"),
        "an AWS secret key",
    ),
    (re.compile(r"(?i)\bAccountKey=[A-Za-z0-9+/]{60,}"), "an Azure storage key"),
]

_LOGIN_IN_URL = re.compile(r"://[^/\s:@${}<>]+:(?![^@\s]*[${}<>])[^/\s@]+@")
_INSTALL_LIST = re.compile(
    r"(^|/)[^/]*(requirements|constraints)[^/]*\.(txt|in)\Z|(^|/)(pip\.conf|\.condarc|\.npmrc|uv\.toml)\Z"
)

_SECRET_NAME = re.compile(
    r"(?i)(\A|_)(password|passwd|passphrase|pwd|secret|token|api_?key|access_?key|secret_?key"
    r"|private_?key|auth_string|client_secret)(\Z|_(?!file|path|dir|url|name|id|expir|ttl|type))"
)
_PLACEHOLDER = re.compile(
    r"(?i)(changeme|change[-_]me|none|null|true|false|todo|xxx+|\*+|example|placeholder|dummy"
    r"|your[-_].*|<.*>|[\d.]+)\Z"
)


class Readable(Protocol):
    """A file of the build context."""

    @property
    def path(self) -> str:
        """Its path in the context."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, limit: int = -1) -> bytes:
        """Its content, up to `limit` bytes."""


def secret_in_file(entry: Readable) -> str:
    """What kind of secret `entry` is or holds, or ""."""
    return by_name(entry.path) or by_content(entry)


def by_name(path: str) -> str:
    """What kind of secret a file of this name is, or ""; examples and public halves are none."""
    if _EXAMPLE.search(path) or path.endswith(".pub"):
        return ""
    return next((kind for pattern, kind in _BY_NAME if pattern.search(path)), "")


def by_content(entry: Readable) -> str:
    """What kind of secret stands at the beginning of a file, or ""; data files are not opened."""
    if not 0 < entry.size <= LARGEST_FILE or _DATA.search(entry.path):
        return ""
    try:
        head = entry.read(CONTENT_LIMIT)
    except OSError:
        return ""  # the build will say so
    if b"\0" in head:
        return ""
    text = head.decode("utf-8", "replace")
    kind = _cloud_json(text) if text.lstrip().startswith("{") else ""
    kind = kind or ("a private key" if _PRIVATE_KEY.search(text) else "") or token(text)
    if not kind and _INSTALL_LIST.search(entry.path) and _LOGIN_IN_URL.search(text):
        return "a login in a package index URL"
    return kind


def _cloud_json(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    if document.get("type") == "service_account" and document.get("private_key"):
        return "a Google Cloud service account's key"
    if document.get("type") == "authorized_user" and document.get("refresh_token"):
        return "Google Cloud credentials"
    if isinstance(document.get("auths"), dict) and '"auth"' in text:
        return "registry logins"
    return ""


def token(text: str) -> str:
    """What kind of well-known token `text` holds, or ""."""
    return next((kind for pattern, kind in _TOKENS if pattern.search(text)), "")


def secret_in_variable(name: str, value: str) -> str:
    """What a variable set to `value` gives away, or ""; paths and placeholders are none."""
    kind = token(value)
    if kind:
        return kind
    if _LOGIN_IN_URL.search(value):
        return "a login in a URL"
    if not _SECRET_NAME.search(name) or len(value) < 4 or _PLACEHOLDER.match(value):
        return ""
    if value.startswith(("/", "./", "~")) or "://" in value:
        return ""
    return "a password or key, by its name"


_PAIR = re.compile(r"(?<![\w.-])(?P<name>[A-Za-z_]\w*)=(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"';&|]+)")
_OLD_ENV = re.compile(r"(?i)^\s*ENV\s+(?P<name>[A-Za-z_]\w*)\s+(?P<value>.+)$")


def masked(line: str) -> str:
    """A line of a Dockerfile to show: what `secret_in_variable` would call a secret as stars.

    The line keeps its length, so that a place below it still points at the same text.
    """

    def hidden(found: re.Match[str]) -> str:
        value = found["value"]
        bare = value.strip("\"'")
        if bare.startswith("$") or not secret_in_variable(found["name"], bare):
            return found[0]
        if _LOGIN_IN_URL.search(bare):
            return found[0]  # its host may be shown, see below
        return found[0][: -len(value)] + value.replace(bare, "*" * len(bare))

    line = _PAIR.sub(hidden, _OLD_ENV.sub(hidden, line))
    for pattern in (_LOGIN_IN_URL, *(pattern for pattern, _ in _TOKENS)):
        line = pattern.sub(lambda found: _stars(found[0]), line)
    return line


def _stars(text: str) -> str:
    return "".join(char if char in ":/@" else "*" for char in text)


def login_in_url(url: str) -> bool:
    """Whether a URL carries a user's name and password, or a token in front of its host."""
    return bool(re.search(r"://[^/\s@]+@", url))
