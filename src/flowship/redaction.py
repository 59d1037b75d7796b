"""Recognizes secrets by the name of a variable and by their form, and masks them.

Pure, and cheap to import. All code that shows or checks a user's text uses these functions, so
that the same text is a secret everywhere or nowhere.
"""

from __future__ import annotations

import json
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


# --- tokens ------------------------------------------------------------------------------------


class _Shape(NamedTuple):
    """The form of a service's tokens.

    Attributes:
        marker: Text that every such token has: most files are without it, and finding that out is
            many times faster than the pattern. Empty for a pattern that ignores the case.
        pattern: A regular expression for the whole token.
        kind: A description for the user.
    """

    marker: str
    pattern: re.Pattern[str]
    kind: str


def _shape(marker: str, pattern: str, kind: str) -> _Shape:
    return _Shape(marker, re.compile(rf"(?<![A-Za-z0-9]){pattern}"), kind)


# After the rules of gitleaks and detect-secrets, which are the measure for new ones. Only forms
# that cannot be anything else: a random word of 32 letters may be a checksum.
_TOKENS = [
    *(
        _shape(start, rf"{start}(?![0-9A-Z]*EXAMPLE)[0-9A-Z]{{16}}\b", "an AWS access key")
        for start in ("AKIA", "ASIA")
    ),
    _Shape(
        "",
        re.compile(r"(?i)aws_secret_access_key['\"]?\s*[=:]\s*['\"]?[A-Za-z0-9/+]{40}\b"),
        "an AWS secret key",
    ),
    _shape("ABSK", r"ABSK[A-Za-z0-9+/]{100,}={0,2}", "an AWS key"),
    _Shape("", re.compile(r"(?i)\bAccountKey=[A-Za-z0-9+/]{60,}={0,2}"), "an Azure storage key"),
    _shape("Q~", r"[\w~.]{3}\dQ~[\w~.-]{31,34}", "an Azure client secret"),
    _shape("AIza", r"AIza[\w-]{35}(?![\w-])", "a Google API key"),
    _shape("GOCSPX-", r"GOCSPX-[\w-]{28}", "a Google client secret"),
    _shape("ya29.", r"ya29\.[\w-]{60,}", "a Google access token"),
    _shape("gh", r"gh[pousr]_[A-Za-z0-9]{36}\b", "a GitHub token"),
    _shape("github_pat_", r"github_pat_[A-Za-z0-9_]{40,}\b", "a GitHub token"),
    _shape("gl", r"gl(pat|dt|ft|soat|rt|cbt|ptt|agent|oas)-[\w-]{20,}", "a GitLab token"),
    _shape("ATATT3", r"ATATT3[\w=-]{60,}", "an Atlassian token"),
    _shape("pn", r"pn[ub]_[A-Za-z0-9]{30,}\b", "a Prefect API key"),
    _shape("xox", r"xox[abeoprs]-[A-Za-z0-9-]{20,}", "a Slack token"),
    _shape("xapp-", r"xapp-\d-[A-Z0-9]+-\d+-[A-Za-z0-9]+", "a Slack token"),
    _shape("hooks.slack.com", r"hooks\.slack\.com/services/T\w+/B\w+/\w{20,}", "a Slack webhook"),
    _shape("sk-ant-", r"sk-ant-[a-z]+\d\d-[\w-]{80,}", "an Anthropic API key"),
    _shape("T3BlbkFJ", r"sk-[\w-]*[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}", "an OpenAI API key"),
    _shape("sk-", r"sk-(proj|svcacct|admin|None)-[\w-]{40,}", "an OpenAI API key"),
    _shape("sk-", r"sk-[A-Za-z0-9]{48}\b", "an OpenAI API key"),
    _shape("hf_", r"hf_[A-Za-z0-9]{34}\b", "a Hugging Face token"),
    _shape("api_org_", r"api_org_[A-Za-z0-9]{34}\b", "a Hugging Face token"),
    _shape("gsk_", r"gsk_[A-Za-z0-9]{52}\b", "a Groq API key"),
    _shape("r8_", r"r8_[A-Za-z0-9]{37}\b", "a Replicate token"),
    _shape("k_", r"(sk|rk)_(live|test|prod)_[A-Za-z0-9]{20,}", "a Stripe key"),
    _shape("whsec_", r"whsec_[A-Za-z0-9+/]{32,}", "a webhook's secret"),
    _shape("sq0csp-", r"sq0csp-[\w-]{43}", "a Square secret"),
    _shape("shp", r"shp(at|ca|pa|ss)_[a-fA-F0-9]{32}\b", "a Shopify token"),
    _shape("SG.", r"SG\.[\w-]{22}\.[\w-]{43}", "a SendGrid API key"),
    _shape("key-", r"key-[0-9a-f]{32}\b", "a Mailgun API key"),
    _shape("-us", r"[0-9a-f]{32}-us\d{1,2}\b", "a Mailchimp API key"),
    _shape("SK", r"SK[0-9a-f]{32}\b", "a Twilio API key"),
    _shape("dapi", r"dapi[0-9a-f]{32}(-\d)?\b", "a Databricks token"),
    _shape("dbt", r"dbt[uc]_[\w-]{36,}", "a dbt Cloud token"),
    _shape("pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b", "an Airtable token"),
    _shape("ntn_", r"ntn_[A-Za-z0-9]{40,}\b", "a Notion token"),
    _shape("lin_api_", r"lin_api_[A-Za-z0-9]{40}\b", "a Linear API key"),
    _shape("gl", r"gl(sa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|c_[\w+/=]{40,})", "a Grafana token"),
    _shape("NRAK-", r"NRAK-[A-Z0-9]{27}\b", "a New Relic key"),
    _shape("_v1_", r"do[opr]_v1_[0-9a-f]{64}\b", "a DigitalOcean token"),
    _shape("dckr_", r"dckr_(pat|oat)_[\w-]{27,}", "a Docker Hub token"),
    _shape("AKC", r"AKC[a-zA-Z0-9]{60,}", "an Artifactory token"),
    _shape("hv", r"hv[sb]\.[\w-]{24,}", "a Vault token"),
    _shape(".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}", "a Terraform token"),
    _shape("pul-", r"pul-[0-9a-f]{40}\b", "a Pulumi token"),
    _shape("dp.", r"dp\.(pt|st|ct|sa|scim|audit)\.[\w.-]{40,}", "a Doppler token"),
    _shape("ops_eyJ", r"ops_eyJ[\w=-]{250,}", "a 1Password token"),
    _shape("pscale_", r"pscale_(tkn|pw|oauth)_[\w.=-]{32,}", "a PlanetScale token"),
    _shape("AGE-SECRET", r"AGE-SECRET-KEY-1[A-Z0-9]{58}", "an age key"),
    _shape("pypi-AgE", r"pypi-AgE[\w-]{50,}", "a package index token"),
    _shape("npm_", r"npm_[A-Za-z0-9]{36}\b", "a package index token"),
    _shape("rubygems_", r"rubygems_[0-9a-f]{48}\b", "a package index token"),
]


def tokens(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each token in `text`, with its kind; examples such as ``sk_live_xxxx…`` do not count."""
    for marker, pattern, kind in _TOKENS:
        if marker in text:
            for found in pattern.finditer(text):
                if len(set(found[0][-16:])) > 3:
                    yield found, kind


def token(text: str) -> str:
    """The kind of well-known token in `text`, or ""."""
    return next((kind for _, kind in tokens(text)), "")


def mask_text(text: str, *, keep_length: bool = False) -> str:
    """`text` with well-known tokens and the passwords in addresses masked.

    Args:
        text: Any text.
        keep_length: Keep the length, so that columns in the text stay valid.
    """
    for word in sorted({found[0] for found, _ in tokens(text)}, key=len, reverse=True):
        text = text.replace(word, "*" * len(word) if keep_length else MASK)
    return mask_addresses(text, keep_length=keep_length)


def mask_occurrences(text: str, secret: str) -> str:
    """`text` with a known secret masked, as it is and as JSON and Python write it.

    Args:
        text: A text that may repeat the secret, such as a server's refusal.
        secret: The secret; nothing is masked if it is empty.
    """
    forms = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
             repr(secret)[1:-1]} - {""}  # fmt: skip
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


# --- values ------------------------------------------------------------------------------------

PLACEHOLDER = re.compile(r"\{\{(?:(?!\{\{).)*?\}\}")
"""What Prefect fills in at run time, such as ``{{ prefect.blocks.secret.NAME }}``."""


def mask_value(value: Any, name: str = "") -> Any:  # noqa: ANN401 JSON
    """The JSON value as it may be shown: secrets by name, tokens, passwords in addresses masked.

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
    return mask_text(value)


def secret_places(value: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 JSON
    """The path of each text in a JSON value that `mask_value` masks: ``env.TOKEN``.

    Args:
        value: The value.
        name: Its own name, the beginning of each path.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from secret_places(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        if any(mask_value(item, name) != item for item in value):
            yield name
    elif mask_value(value, name) != value:
        yield name
