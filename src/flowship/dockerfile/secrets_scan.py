"""Recognize secrets: by the name of a file, by its content, by a variable's name and value.

The results are descriptions for the user ("a private key"), never the secret itself.
"""

from __future__ import annotations

import base64
import itertools
import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from flowship.redaction import has_login, is_secret_name, mask_text, token, tokens

CONTENT_LIMIT = 65_536
"""Bytes that are read from the start of a file."""

LARGEST_FILE = 1 << 20
"""Bytes; larger files are data and are not opened."""

_DATA = re.compile(
    r"(?i)\.(parquet|csv|tsv|gz|zip|bz2|xz|zst|whl|so|pyc|png|jpe?g|gif|svg|pdf|ico|woff2?|ttf"
    r"|db|sqlite3?|arrow|feather|orc|avro|pkl|npy|npz|h5|bin|exe|dll|mp4|jar|tar|tgz|lock)\Z"
)

_NOTEBOOK = re.compile(r"(?i)\.ipynb\Z")  # pictures come before the output that matters

_EXAMPLE = re.compile(r"(?i)[.\-_](example|sample|template|dist|tmpl)\Z")

_ENVIRONMENT = "an environment file with settings and passwords"

_BY_NAME = [
    (re.compile(r"(^|/)\.env(rc|[.~_-][^/]*)?\Z"), _ENVIRONMENT),
    (re.compile(r"(^|/)[^/.]*\.?env\.(bak|backup|old|orig|save|swp)\Z"), _ENVIRONMENT),
    (re.compile(r"(^|/)id_(rsa|dsa|ecdsa|ed25519)(_sk)?\Z"), "an SSH private key"),
    (re.compile(r"(^|/)\.aws/(credentials|config)\Z"), "AWS credentials"),
    (re.compile(r"(^|/)\.azure/"), "Azure credentials"),
    (re.compile(r"(^|/)\.kube/config\Z"), "Kubernetes credentials"),
    (
        re.compile(r"(^|/)(gcloud/)?(application_default_credentials|legacy_credentials)"),
        "Google Cloud credentials",
    ),
    (re.compile(r"(^|/)gcloud/credentials\.db\Z"), "Google Cloud credentials"),
    (re.compile(r"(^|/)[._]netrc\Z"), "credentials in a .netrc file"),
    (re.compile(r"(^|/)\.pypirc\Z"), "package index credentials"),
    (re.compile(r"(^|/)\.git-credentials\Z"), "Git credentials"),
    (re.compile(r"(^|/)\.docker/config\.json\Z"), "registry credentials"),
    (re.compile(r"(^|/)\.pgpass\Z"), "database passwords"),
    (re.compile(r"(?i)\.(p12|pfx|jks|keystore|ppk)\Z"), "a key store"),
    (re.compile(r"(^|/)\.prefect/profiles\.toml\Z"), "Prefect profiles with API keys"),
    (re.compile(r"(^|/)\.streamlit/secrets\.toml\Z"), "Streamlit's secrets"),
    (re.compile(r"(^|/)\.dbt/profiles\.ya?ml\Z"), "dbt profiles with passwords"),
    (re.compile(r"(^|/)(\.config/)?gh/hosts\.ya?ml\Z"), "GitHub credentials"),
    (re.compile(r"(^|/)\.(my|mylogin)\.cnf\Z"), "database passwords"),
    (re.compile(r"(^|/)\.(boto|s3cfg|oci/config|passwd-s3fs)\Z"), "cloud credentials"),
    (re.compile(r"(^|/)\.databrickscfg\Z"), "Databricks credentials"),
    (re.compile(r"(^|/)\.(snowsql/config|snowflake/(config|connections)\.toml)\Z"), "passwords"),
    (re.compile(r"(^|/)(\.vault-token|(\.cache/|\.)huggingface/token)\Z"), "an access token"),
    (re.compile(r"(^|/)\.?kaggle(/kaggle)?\.json\Z"), "Kaggle credentials"),
    (
        re.compile(r"(^|/)\.(terraform\.d/credentials\.tfrc\.json|terraformrc)\Z"),
        "Terraform logins",
    ),
    (re.compile(r"(^|/)[^/]*\.tfstate(\.[^/]*)?\Z"), "Terraform's state, passwords included"),
    (re.compile(r"(^|/)\.(cargo/credentials(\.toml)?|gem/credentials)\Z"), "package credentials"),
    (re.compile(r"(^|/)\.gnupg/|(^|/)secring\.gpg\Z"), "private keys"),
    (
        re.compile(r"(^|/)\.(bash|zsh|sh|psql|mysql|python|sqlite|node_repl)_history\Z"),
        "a history of commands, passwords included",
    ),
    (re.compile(r"(^|/)rclone\.conf\Z"), "cloud credentials"),
    (re.compile(r"(?i)\.kdbx?\Z"), "a password store"),
]

# Tests and parsers contain the header alone, and manuals show the first characters of a key. A real
# key has a whole line after the header. In JSON the line ends with \n, in nested JSON with \\n; a
# notebook has each line in quotes of its own.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN ((RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP) )?PRIVATE KEY( BLOCK)?-----"
    r"(\\+[nr]|\s)[\s\\nr\"',+]*([\w-]+: [^\n]*\s+)*[A-Za-z0-9+/=]{60,}"
)
# A key without its header: the fixed beginning of PKCS#8 for RSA and for the curves P-256 and
# Ed25519. Public keys and certificates begin differently.
_BARE_KEY = re.compile(
    r"\bM[A-Za-z0-9+/]{3,6}(IBADANBgkqhkiG9w0BAQEFAASC|AgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG)"
    r"[A-Za-z0-9+/]{60}|\bMC4CAQAwBQYDK2VwBCIEI[A-Za-z0-9+/]{42}"
)
# The base64 of "-----B", of "{" with a quote, and of "{" with a line break and spaces.
_ENCODED = re.compile(
    r"(?<![A-Za-z0-9+/])(LS0tLS1C|eyJ|ewog|ew0K)(?:[A-Za-z0-9+/]{60,}=*\s{0,8}){2,}=*"
)
_MOST_DECODED = 20  # pieces of base64 in one file

# Binary keys: PKCS#1, SEC1 and PKCS#8 start with their version, encrypted PKCS#8 with the cipher.
# Certificates, certificate requests and public keys start differently.
_DER_KEY = re.compile(
    rb"\x30([\x00-\x7f]|\x81.|\x82..)"
    rb"(\x02\x01(\x00\x02[\x81\x82]|\x01\x04[\x14-\x48]|[\x00\x01]\x30.\x06)"
    rb"|\x30.\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d)",
    re.DOTALL,
)

_INSTALL_LIST = re.compile(
    r"(^|/)[^/]*(requirements|constraints)[^/]*\.(txt|in)\Z|(^|/)(pip\.conf|\.condarc|\.npmrc|uv\.toml)\Z"
)

_NPM_LOGIN = re.compile(r"(?m)^[^#;\n]*\b_(authToken|auth|password)\s*=\s*[\"']?[^\s\"'$<{]{8}")

_KUBECONFIG = re.compile(r"(?:\A|[{,\s])[\"']?kind[\"']?\s*:\s*[\"']?Config\b")
_KUBE_LOGIN = re.compile(
    r"\b(client-key-data|token|password)[\"']?\s*:\s*[\"']?(?P<value>[\w.+/=-]{8,})"
)

_ENV_FILE = re.compile(r"(?i)\.(?:flask)?env(\.[^/.]+)?\Z")
_EXAMPLE_ENV = re.compile(r"(?i)(\A|[._-])(example|sample|template|dist|tmpl)([._-]|\Z)")
_ASSIGNMENT = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)[ \t]*="
    r"[ \t]*(?P<value>\"[^\"\n]*\"|'[^'\n]*'|\S+)"
)

# Files that use a URL with a password, as opposed to documentation and tests.
_CODE = re.compile(r"(?i)\.(py|toml|ya?ml|json|ini|cfg|conf|properties|sh)\Z")
_TEST_OR_DOC = re.compile(
    r"(?i)(^|/)((tests?|docs?|examples?)/|(test_|conftest\.)[^/]*\Z|[^/]*_test\.)"
)
_URL_WITH_PASSWORD = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://(?P<user>[^\s:/?#@\"'`<>{}$%]{0,60})"
    r":(?P<password>[^\s/?#@\"'`<>{}$]{2,200})@(?P<host>[\w.-]+|\[[0-9A-Fa-f:]+\])"
)
_EXAMPLE_HOST = re.compile(
    r"(?i)(localhost|127[\d.]+|0\.0\.0\.0|\[::1?\]|host\.docker\.internal"
    r"|(.*\.)?(example|invalid|test|localhost)(\.(com|org|net))?)\Z"
)
_EXAMPLE_PASSWORD = re.compile(r"(?i)(user)?pass(word|wd)?|secret|%s|%\(.*|\.{3}|…")

_PLACEHOLDER = re.compile(
    r"(?i)(changeme|change[-_]me|none|null|true|false|todo|xxx+|\*+|example|placeholder|dummy"
    r"|(your|put|insert|replace|fill)[-_ ].*|.*[-_ ]here|redacted|data\+omitted"
    r"|<.*>|\{\{.*\}\}|\$.*|[\d.]+)\Z"
)


class Readable(Protocol):
    """A file of the build context."""

    @property
    def path(self) -> str:
        """The path in the context."""

    @property
    def size(self) -> int:
        """The size in bytes."""

    def read(self, limit: int = -1) -> bytes:
        """The content, up to `limit` bytes."""


class Secret(NamedTuple):
    """The secret that a file is or contains.

    Attributes:
        kind: A description for the user.
        certain: Whether it is certainly a secret; a URL with a password may be an example.
    """

    kind: str
    certain: bool = True


def secret_in_file(entry: Readable) -> Secret | None:
    """The secret that `entry` is, by its name, or contains; None for other files."""
    kind = by_name(entry.path)
    return Secret(kind) if kind else by_content(entry)


def by_name(path: str) -> str:
    """The kind of secret that a file of this name is, or ""; examples and public keys are not."""
    if _EXAMPLE.search(path) or path.endswith(".pub"):
        return ""
    return next((kind for pattern, kind in _BY_NAME if pattern.search(path)), "")


def by_content(entry: Readable) -> Secret | None:
    """The secret at the start of a file, if there is one; data files are not opened."""
    if not 0 < entry.size <= LARGEST_FILE or _DATA.search(entry.path):
        return None
    try:
        head = entry.read(LARGEST_FILE if _NOTEBOOK.search(entry.path) else CONTENT_LIMIT)
    except OSError:
        return None  # the build reports it
    if _DER_KEY.match(head):
        return Secret("a private key")
    text = _decoded(head)
    if text is None:
        return None
    kind = _in_any_text(text) or _in_settings(entry.path, text)
    if kind:
        return Secret(kind)
    in_code = _CODE.search(entry.path) and not _TEST_OR_DOC.search(entry.path)
    if in_code and _contains_real_login(text):
        return Secret("a password in a URL", certain=False)
    return None


def _decoded(head: bytes) -> str | None:
    """The text of a file; None for a binary one. Windows writes UTF-16, which is full of NULs."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    if b"\0" not in head:
        return head.decode("utf-8", "replace")
    for encoding, high in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if high.count(0) > 0.8 * len(high):
            return head.decode(encoding, "replace")
    return None


def _has_private_key(text: str) -> bool:
    """Whether `text` contains a private key: as PEM, without its header, or in base64 again."""
    if _PRIVATE_KEY.search(text) or _BARE_KEY.search(text):
        return True
    pieces = itertools.islice(_ENCODED.finditer(text), _MOST_DECODED)
    return any(_PRIVATE_KEY.search(_from_base64(found[0])) for found in pieces)


def _from_base64(text: str) -> str:
    bare = re.sub(r"[\s=]", "", text)
    return base64.b64decode(bare[: len(bare) // 4 * 4]).decode("utf-8", "replace")


def _in_any_text(text: str) -> str:
    kind = _cloud_json(text) if text.lstrip().startswith("{") else ""
    if not kind and _KUBECONFIG.search(text) and _holds_kube_login(text):
        kind = "Kubernetes credentials"
    return kind or ("a private key" if _has_private_key(text) else "") or token(text)


def _cloud_json(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    key, refresh = document.get("private_key"), str(document.get("refresh_token") or "")
    if document.get("type") == "service_account" and _PRIVATE_KEY.search(str(key)):
        return "a Google Cloud service account's key"
    if document.get("type") == "authorized_user" and refresh and not _PLACEHOLDER.match(refresh):
        return "Google Cloud credentials"
    if isinstance(document.get("auths"), dict) and '"auth"' in text:
        return "registry credentials"
    return ""


def _holds_kube_login(text: str) -> bool:
    return any(not _PLACEHOLDER.match(found["value"]) for found in _KUBE_LOGIN.finditer(text))


def _in_settings(path: str, text: str) -> str:
    """The kind of secret in a file that usually contains credentials, or ""."""
    name = posixpath.basename(path)
    if _INSTALL_LIST.search(path) and has_login(text):
        return "credentials in a package index URL"
    if name == ".npmrc" and _NPM_LOGIN.search(text):
        return "package index credentials"
    if _ENV_FILE.search(name) and not _EXAMPLE_ENV.search(name) and _sets_secret(text):
        return "an environment file with a password or key"
    return ""


def _sets_secret(text: str) -> bool:
    for found in _ASSIGNMENT.finditer(text):
        value = found["value"].strip("\"'")
        example = _URL_WITH_PASSWORD.search(value) and not _contains_real_login(value)
        if not example and secret_in_variable(found["name"], value):
            return True
    return False


def _contains_real_login(text: str) -> bool:
    """Whether a URL contains a password that is not obviously an example."""
    return any(
        not _EXAMPLE_HOST.match(found["host"])
        and found["password"] != found["user"]
        and not _EXAMPLE_PASSWORD.fullmatch(found["password"])
        and not _PLACEHOLDER.match(found["password"])
        for found in _URL_WITH_PASSWORD.finditer(text)
    )


def secret_in_variable(name: str, value: str) -> str:
    """The kind of secret in a variable of that value, or ""; paths and placeholders are not."""
    kind = token(value)
    if kind:
        return kind
    if has_login(value):
        return "a login in a URL"
    if not is_secret_name(name) or len(value) < 4 or _PLACEHOLDER.match(value):
        return ""
    if value.startswith(("/", "./", "~")) or "://" in value:
        return ""
    return "a password or key (judging by its name)"


class TextSecret(NamedTuple):
    """A secret in a text, and its position there.

    Attributes:
        certain: Whether it has the form of a well-known token.
    """

    start: int
    end: int
    kind: str
    certain: bool


def secrets_in_text(text: str) -> list[TextSecret]:
    """The secrets in a command or another text of a Dockerfile, by position, none twice."""
    found = [TextSecret(*match.span(), kind, certain=True) for match, kind in tokens(text)]
    found += _by_pattern(text, _IN_COMMANDS)
    for pair in _PAIR.finditer(text):
        if kind := secret_in_variable(pair["name"], pair["value"].strip("\"'")):
            found.append(TextSecret(*pair.span("value"), kind, certain=False))
    for word in re.finditer(r"\S+", text):
        if has_login(word[0]):
            found.append(TextSecret(*word.span(), "a login in a URL", certain=False))
    kept: list[TextSecret] = []
    for secret in sorted(found, key=lambda s: (not s.certain, s.start)):
        if all(secret.end <= other.start or other.end <= secret.start for other in kept):
            kept.append(secret)
    return sorted(kept)


def _by_pattern(text: str, patterns: Iterable[re.Pattern[str]]) -> Iterator[TextSecret]:
    for pattern in patterns:
        for match in pattern.finditer(text):
            kind = _in_command(match["name"], match["value"].strip("\"'"))
            if kind:
                yield TextSecret(*match.span("value"), kind, certain=False)


def _in_command(name: str, value: str) -> str:
    if name.lower() not in _ALWAYS_SECRET:
        return secret_in_variable(name.replace("-", "_"), value)
    example = _PLACEHOLDER.match(value) or value.startswith(("/", "./", "~", "{"))
    return "" if example else "a password or key"


# Not "==", which compares the version of a package.
_PAIR = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z_]\w*)=(?!=)(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"';&|]+)"
)
_VALUE = r"(?P<value>[^\s\"'`$;&|<>\\]{4,})"
# Where commands take a secret: HTTP headers, options with a secret name, and well-known logins.
_IN_COMMANDS = [
    re.compile(rf"(?i)\bauthorization:\s*(?P<name>bearer|basic|token)\s+{_VALUE}"),
    re.compile(rf"(?i)\b(?P<name>(?:[\w-]*[_-])?(?:token|key|secret)):\s*{_VALUE}"),
    re.compile(rf"--(?P<name>[A-Za-z][\w-]*)(?:=|\s+|[\"'],\s*)[\"']?{_VALUE}"),
    re.compile(
        rf"\b(?P<name>prefect)\s+cloud\s+login\b[^;&|\n]*?\s(?:-k|--key)[=\s]+[\"']?{_VALUE}"
    ),
    re.compile(rf"\b(?P<name>curl)\b[^;&|\n]*?\s(?:-u|--user)[=\s]*[\"']?[^\s:\"'$]+:{_VALUE}"),
    re.compile(rf"\b(?P<name>login)\b[^;&|\n]*?\s-p[=\s]*[\"']?{_VALUE}"),
]
_ALWAYS_SECRET = {"bearer", "basic", "token", "prefect", "curl", "login"}
_OLD_ENV = re.compile(r"(?i)^\s*ENV\s+(?P<name>[A-Za-z_]\w*)\s+(?P<value>.+)$")


def masked(line: str) -> str:
    """A line of a Dockerfile with its secrets replaced by asterisks.

    The line keeps its length, so that the underline still points at the same text.
    """

    def hidden(found: re.Match[str]) -> str:
        value = found["value"]
        bare = value.strip("\"'")
        if bare.startswith("$") or not secret_in_variable(found["name"], bare):
            return found[0]
        if has_login(bare):
            return found[0]  # the host may be shown, see below
        return found[0][: -len(value)] + value.replace(bare, "*" * len(bare))

    line = mask_text(_PAIR.sub(hidden, _OLD_ENV.sub(hidden, line)), keep_length=True)
    for secret in _by_pattern(line, _IN_COMMANDS):
        line = line[: secret.start] + "*" * (secret.end - secret.start) + line[secret.end :]
    return line
