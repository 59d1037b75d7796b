"""Secrets by the name of a variable, logins in addresses, and who uses these rules."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowship.config.tables import Block
from flowship.deployment import docker_block
from flowship.dockerfile.secrets_scan import masked, secret_in_variable
from flowship.redaction import (
    MASK,
    has_login,
    is_secret_name,
    mask_addresses,
    mask_text,
    mask_value,
    secret_places,
    token,
    without_login,
)

SECRET = [
    *("PASSWORD", "DB_PASSWORD", "PGPASSWORD", "dbPassword", "DB_PASSWORD_1", "MYSQL_ROOT_PASSWD"),
    *("DB_PWD", "DB_PASS", "SMTP_PASS2", "GPG_PASSPHRASE"),
    *("API_KEY", "apikey", "X-API-KEY", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"),
    *("AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "secretAccessKey"),
    *("AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING", "SSH_PRIVATE_KEY", "FERNET_KEY"),
    *("SECRET", "CLIENT_SECRET", "SECRET_KEY_BASE", "VAULT_SECRET_ID", "DJANGO_SECRET_KEY"),
    *("API_TOKEN", "GITHUBTOKEN", "TOKENS", "TOKEN_URL", "registry_credentials"),
    "GOOGLE_APPLICATION_CREDENTIALS_JSON",
]
NO_SECRET = [
    *("AWS_ACCESS_KEY_ID", "CLIENT_ID", "SSH_PUBLIC_KEY", "PARTITION_KEY", "KEY", "KEYBOARD"),
    *("PASSWORD_FILE", "SECRET_NAME", "API_KEY_PATH", "TOKEN_LIMIT", "TOKEN_TYPE", "SECRETS_DIR"),
    *("TOKEN_EXPIRATION_SECONDS", "TOKEN_TTL", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("TOKENIZERS_PARALLELISM", "SECRETARY", "PASSWORDLESS", "COMPASS", "PASS_THROUGH", "BYPASS"),
    *("PWD", "OLDPWD", "AUTHOR", "TZ", ""),
]


@pytest.mark.parametrize("name", SECRET)
def test_a_name_of_a_secret_is_recognized(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", NO_SECRET)
def test_a_name_that_only_looks_like_one_is_not_a_secret(name):
    assert not is_secret_name(name)


# The text, how it is shown, and whether it contains a login (which is an error or a warning).
ADDRESSES = [
    ("http://ada:hunter2@host:4200/api", f"http://ada:{MASK}@host:4200/api", True),
    ("http://ada:p@ssw0rd@host/api", f"http://ada:{MASK}@host/api", True),
    ("http://ada:pa/ss@host/api", f"http://ada:{MASK}@host/api", True),
    ('http://ada:a"b@host', f"http://ada:{MASK}@host", True),
    ("postgresql+asyncpg://me:pw@db/x?y=z", f"postgresql+asyncpg://me:{MASK}@db/x?y=z", True),
    ("redis://:pw@cache:6379/0", f"redis://:{MASK}@cache:6379/0", True),
    ("ssh://ada:pw@builder", f"ssh://ada:{MASK}@builder", True),
    ("HTTPS://ADA:pw@HOST", f"HTTPS://ADA:{MASK}@HOST", True),
    ("http://ada:pw@[::1]:4200/api", f"http://ada:{MASK}@[::1]:4200/api", True),
    # A single word before the @ is a token in an http address, and a user name in others.
    ("--extra-index-url https://t0ken@x.org/s", f"--extra-index-url https://{MASK}@x.org/s", True),
    ("x @ git+https://t0ken@x.org/y.git@main", f"x @ git+https://{MASK}@x.org/y.git@main", True),
    ("https://t0ken:@x.org", f"https://{MASK}:@x.org", True),
    ("https://t0ken:x-oauth-basic@x.org/y", f"https://{MASK}:x-oauth-basic@x.org/y", True),
    ("x @ git+ssh://git@x.org/y.git", "x @ git+ssh://git@x.org/y.git", False),
    ("postgresql://me@db/x", "postgresql://me@db/x", False),
    ("ssh://builder", "ssh://builder", False),
    # A placeholder is masked like a login, but it is not one.
    ("https://${TOKEN}@x.org", f"https://{MASK}@x.org", False),
    ("https://$USER:$PASSWORD@x.org", f"https://$USER:{MASK}@x.org", False),
    ("https://me:<password>@x.org", f"https://me:{MASK}@x.org", False),
    ("https://${USER}:pw@x.org", f"https://${{USER}}:{MASK}@x.org", True),
    # Not a login: a port, a version or an e-mail address after the host.
    ("git+https://x.org:8443/y.git@main", "git+https://x.org:8443/y.git@main", False),
    ("http://[::1]:4200/x@y", "http://[::1]:4200/x@y", False),
    ("oci://x.org/y:1@sha256:ab", "oci://x.org/y:1@sha256:ab", False),
    ("http://x.org, or ask me@x.org", "http://x.org, or ask me@x.org", False),
    ("python:3.12@sha256:ab", "python:3.12@sha256:ab", False),
    ("me@x.org", "me@x.org", False),
    ("", "", False),
    # Several at once.
    ("http://x.org,https://a:b@y.org", f"http://x.org,https://a:{MASK}@y.org", True),
    ("http://a:b@x http://c:d@y", f"http://a:{MASK}@x http://c:{MASK}@y", True),
]


@pytest.mark.parametrize(("text", "shown", "login"), ADDRESSES)
def test_a_login_in_an_address_is_masked_and_the_user_name_kept(text, shown, login):
    assert (mask_addresses(text), has_login(text)) == (shown, login)
    assert len(mask_addresses(text, keep_length=True)) == len(text)


@given(
    user=st.text("abAB01._~-%", max_size=6),
    password=st.text("abAB01._~-:@!$&'()*+,;=%\"", min_size=1, max_size=12),
    path=st.sampled_from(["", "/api", "/x@y", "?a=b@c", ":4200/api"]),
)
def test_no_part_of_a_password_is_shown(user, password, path):
    shown = mask_addresses(f"see http://{user}:{password}@host{path} for more")
    assert shown == f"see http://{user}:{MASK}@host{path} for more"


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("http://ada:p@ss@host:4200/api", "http://host:4200/api"),
        ("https://t0ken@host/api", "https://host/api"),
        ("ssh://ada@host", "ssh://host"),
        ("http://host/x@y", "http://host/x@y"),
    ],
)
def test_a_login_is_removed_from_an_address(address, bare):
    assert without_login(address) == bare


def test_a_long_text_does_not_take_long():
    assert not has_login("a" * 100_000 + "://b:" * 2000)


# --- values ------------------------------------------------------------------------------------

REFERENCE = "{{ prefect.blocks.secret.token }}"


@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [
        ("sk-123", "API_TOKEN", MASK),
        ("sk-123", "env.API_TOKEN", MASK),
        ("", "API_TOKEN", ""),
        (REFERENCE, "API_TOKEN", REFERENCE),
        ("plain", "A", "plain"),
        (8, "API_TOKEN", 8),
        ({"API_TOKEN": "sk-123", "A": "1"}, "env", {"API_TOKEN": MASK, "A": "1"}),
        (["API_TOKEN=sk-123", "A=1"], "environment", [f"API_TOKEN={MASK}", "A=1"]),
        (("a", "b"), "volumes", ["a", "b"]),
    ],
)
def test_secrets_are_masked_by_their_name(value, name, shown):
    assert mask_value(value, name) == shown


def test_a_password_in_an_address_is_masked():
    assert "hunter2" not in mask_value("postgres://ada:hunter2@db.example.com/taxi", "DATABASE")


# --- tokens ------------------------------------------------------------------------------------

# In two parts, so that this file contains no token.
TOKENS = {
    "an AWS access key": ("AKIA", "QYLPMN5HHHFPZAM2"),
    "a GitHub token": ("ghp_", "a1B2" * 9),
    "a GitLab token": ("glpat-", "a1B2" * 5),
    "an Anthropic API key": ("sk-ant-api03-", "a1B2-_" * 15),
    "an OpenAI API key": ("sk-proj-", "a1B2_-" * 10),
    "a Stripe key": ("sk_live_", "a1B2c3" * 4),
    "a Hugging Face token": ("hf_", "aBcD" * 8 + "eF"),
    "a SendGrid API key": ("SG.", "a1B2" * 5 + "cD." + "a1B2" * 10 + "xyz"),
    "a Databricks token": ("dapi", "0123abcd" * 4),
    "a Docker Hub token": ("dckr_pat_", "a1B2c3D4e" * 3),
    "a Slack webhook": ("hooks.slack.com/services/", "T01/B02/a1B2c3D4e5F6g7H8i9J0"),
    "a Vault token": ("hvs.", "a1B2c3" * 15),
    "an Azure client secret": ("abc8Q~", "a1B2c3D4" * 4),
    "a Google client secret": ("GOCSPX-", "a1B2" * 7),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_recognized_and_masked_wherever_it_is(kind):
    text = "".join(TOKENS[kind])
    assert token(f'call("{text}")') == kind
    assert mask_text(f"x {text} y") == f"x {MASK} y"
    assert mask_value({"argument": f"--key={text}"}) == {"argument": f"--key={MASK}"}
    assert len(mask_text(text, keep_length=True)) == len(text)
    assert token(f"x{text}") == "", "a part of a longer word"


@pytest.mark.parametrize(
    "text",
    ["sk_live_" + "x" * 24, "hf_" + "a" * 34, "AKIA" + "IOSFODNN7EXAMPLE", "a" * 32, "sk-learn"],
)
def test_an_example_of_a_token_is_not_one(text):
    assert token(text) == ""
    assert mask_text(text) == text


def test_the_places_of_secrets_in_a_value_are_named():
    value = {"env": {"A": "1", "API_KEY": "x"}, "args": ["a", "PASSWORD=x"], "url": "h://a:b@c"}
    assert list(secret_places(value)) == ["env.API_KEY", "args", "url"]
    assert list(secret_places({"TOKEN": "{{ prefect.blocks.secret.x }}"}, "env")) == []


# --- who uses it -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DB_PWD", "AWS_ACCESS_KEY", "GPG_PASSPHRASE", "PGPASSWORD"])
def test_the_block_and_the_dockerfile_agree_on_a_name(name):
    block = Block(env={name: "hunter22", "AWS_ACCESS_KEY_ID": "key-1", "PWD": "x"})
    assert docker_block.open_secrets(block) == (f"env.{name}",)
    assert mask_value({"env": {name: "hunter22"}}) == {"env": {name: MASK}}
    assert mask_value([f"{name}=hunter22"]) == [f"{name}={MASK}"]
    assert secret_in_variable(name, "hunter22")
    assert not secret_in_variable("AWS_ACCESS_KEY_ID", "key-1")
    assert masked(f"ENV {name}=hunter22") == f"ENV {name}=********"


@pytest.mark.parametrize("address", ["https://t0ken@x.org/simple", "https://me:p@ss@x.org/simple"])
def test_the_block_and_the_dockerfile_agree_on_an_address(address):
    block = Block(env={"INDEX": address, "REPO": "ssh://git@x.org/y"})
    assert docker_block.open_secrets(block) == ("env.INDEX",)
    assert secret_in_variable("INDEX", address) == "a login in a URL"
    line = masked(f"ENV INDEX={address}")
    assert line.endswith("@x.org/simple")
    assert not any(part in line for part in ("t0ken", "p@ss", "ss@"))


def test_importing_the_module_imports_nothing_else():
    code = (
        "import sys, flowship; before = set(sys.modules); import flowship.redaction;"
        "print(sorted(m for m in set(sys.modules) - before if m.split('.')[0] not in"
        " sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['flowship.redaction']\n"
