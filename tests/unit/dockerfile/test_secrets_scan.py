"""What is a secret, and what only resembles one."""

from __future__ import annotations

import base64
import json
import textwrap

import pytest

from flowship.dockerfile.rules import Facts
from flowship.dockerfile.secrets_scan import masked, secret_in_variable
from flowship.project.context import Context, Entry
from support.dockerfiles import (
    ACCOUNT,
    KEY_BODY,
    KUBECONFIG,
    PREFECT,
    holding,
    one,
    only,
    underlined,
)

PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----\n"
NOTEBOOK_KEY = json.dumps(
    {
        "image": "iVBORw0KGgo" * 20_000,
        "outputs": [{"text": ["-----BEGIN PRIVATE KEY-----\n", f"{KEY_BODY}\n"]}],
    },
    indent=1,
)
BY_NAME = [
    ".env~", ".env.bak", "env.bak", "prod.env.old", ".streamlit/secrets.toml", ".dbt/profiles.yml",
    ".config/gh/hosts.yml", ".my.cnf", ".boto", ".vault-token", ".bash_history", ".psql_history",
    "terraform.tfstate", "a/terraform.tfstate.backup", ".databrickscfg", ".s3cfg", "rclone.conf",
    ".cargo/credentials.toml", ".kaggle/kaggle.json", ".cache/huggingface/token", "passwords.kdbx",
    ".snowflake/connections.toml", ".gnupg/secring.gpg", ".env-prod",
]  # fmt: skip


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 76))


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        (".env", "A=1", "environment file"),
        ("conf/.env.production", "A=1", "environment file"),
        ("home/.aws/credentials", "x", "AWS credentials"),
        ("id_ed25519", "x", "SSH private key"),
        (".netrc", "x", "credentials in a .netrc"),
        (".pypirc", "x", "package index credentials"),
        ("gcloud/application_default_credentials.json", "{}", "Google Cloud credentials"),
        ("store.p12", "x", "key store"),
        ("sa.json", ACCOUNT, "service account"),
        ("block.json", json.dumps({"info": ACCOUNT}), "private key"),
        ("block.json", json.dumps({"blocks": [json.dumps({"info": ACCOUNT})]}), "private key"),
        (".npmrc", "//n.example.com/:_authToken=npm_" + "a1B2" * 9, "package index token"),
        (".npmrc", "//n.example.com/:_authToken=" + "a1B2" * 9, "package index credentials"),
        ("kubeconfig", KUBECONFIG.format("client-key-data: LS0tLS1CRUdJTi"), "Kubernetes"),
        ("kube/kubeconfig.yaml", KUBECONFIG.format("token: eyJhbGciOiJSUzI1"), "Kubernetes"),
        ("kube.json", '{"kind":"Config","users":[{"user":{"token":"eyJhbGci"}}]}', "Kubernetes"),
        ("prod.env", "A=1\nexport DB_PASSWORD='hunter2'\n", "environment file with a password"),
        ("conf/prod.env.eu", "URL=postgres://me:hunter2@db/x", "environment file with a pass"),
        ("adc.txt", '{"type": "authorized_user", "refresh_token": "k"}', "Google Cloud cred"),
        ("tls.pem", f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n", "private key"),
        ("conf.yml", f'k: "-----BEGIN RSA PRIVATE KEY-----\\n{KEY_BODY}"', "private key"),
        ("flow.py", "KEY = 'AKIA" + "QYLPMN5HHHFPZAM2'", "AWS access key"),
        ("flow.py", "KEY = 'pnu_" + "a1B2" * 9 + "'", "Prefect API key"),
        ("app.ipynb", NOTEBOOK_KEY, "private key"),
        ("key.txt", f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n".encode("utf-16"), "private key"),
        ("key.txt", f"A=1\n{PEM}".encode("utf-16-le"), "private key"),
        ("flow.py", f"KEY = '{b64(PEM)}'", "private key"),
        (
            "secret.yaml",
            "  tls.key: |\n" + textwrap.indent(wrapped(b64(PEM)), "    "),
            "private key",
        ),
        ("flow.py", f"SA = '{b64(ACCOUNT)}'", "private key"),
        ("flow.py", "KEY = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw" + KEY_BODY + "'", "private key"),
        (
            "flow.py",
            'KEY = ("-----BEGIN PRIVATE KEY-----\\n"\n  "' + KEY_BODY + '")',
            "private key",
        ),
        (".flaskenv", "FLASK_APP=x\nSECRET_KEY=hunter22\n", "environment file with a password"),
        *((name, "x", "") for name in BY_NAME),
        (
            "requirements.txt",
            "--index-url https://me:pass" + "word@packages.example.com/x",
            "package index URL",
        ),
        (
            "requirements.txt",
            "--index-url https://t0ken@packages.example.com/x",
            "package index URL",
        ),
    ],
)
def test_a_secret_is_recognized_by_its_name_or_content(path, content, kind):
    text = PREFECT + "COPY . /opt/prefect/flows/\n"
    finding = one("secret", text, Facts(context=holding({path: content, "a.py": ""})))
    assert finding.severity == "error"
    assert path in finding.message
    assert kind in finding.message
    assert underlined(text, finding) == "."
    assert KEY_BODY not in finding.message


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".env.example", "PASSWORD=changeme"),
        ("id_rsa.pub", "ssh-rsa AAAA"),
        ("ca-bundle.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
        ("scanner.py", 'HEADER = "-----BEGIN PRIVATE KEY-----"'),
        ("docs.md", "AKIAIOSFODNN7EXAMPLE"),
        ("requirements.txt", "--index-url https://${USER}:${PASSWORD}@packages.example.com/x"),
        ("requirements.txt", "x @ git+ssh://git@example.com/x.git"),
        ("package.json", '{"type": "module"}'),
        (".flaskenv", "FLASK_APP=app\nFLASK_DEBUG=1\n"),
        (".env.sample", "PASSWORD=hunter2"),
        ("environment.yml", "name: x"),
        ("venv.py", "x"),
        ("ca.yaml", "ca: " + b64("-----BEGIN CERTIFICATE-----\n" + KEY_BODY * 4)),
        ("key.pub.b64", b64("-----BEGIN PUBLIC KEY-----\n" + KEY_BODY * 4)),
        ("flow.py", "PUBLIC = 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" + KEY_BODY * 4 + "'"),
        ("map.js", "//# sourceMappingURL=data:application/json;base64," + b64('{"a": 1}' * 60)),
        ("notes.txt", "plain text in UTF-16".encode("utf-16")),
        ("README.md", "STRIPE_KEY=sk_live_" + "x" * 24 + " and hf_" + "x" * 34),
        ("flow.py", "sk_learn_pipeline_of_the_year_2024_and_more = 'sk-learn-is-a-package'"),
        ("bad.json", "{" * 5000),
        ("data.csv", f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n"),
        ("sa.json", '{"type": "service_account", "private_key": "PUT YOUR KEY HERE"}'),
        ("sa.json", '{"type": "service_account", "private_key": "k"}'),
        ("adc.json", '{"type": "authorized_user", "refresh_token": "<your token>"}'),
        ("docs.md", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj…\n"),
        ("test_keys.py", 'assert "-----BEGIN PRIVATE KEY-----\\n" in key'),
        (".npmrc", "//n.example.com/:_authToken=${NPM_TOKEN}\n# _authToken=0123456789"),
        ("kubeconfig", KUBECONFIG.format("client-key-data: DATA+OMITTED")),
        ("kubeconfig", KUBECONFIG.format("token: your-token-goes-in-here")),
        ("kubeconfig", KUBECONFIG.format("exec: {command: gke-gcloud-auth-plugin}")),
        ("map.yaml", "kind: ConfigMap\ndata:\n  token: eyJhbGciOiJSUzI1\n"),
        ("prod.env", "DB_PASSWORD=changeme\nA_TOKEN=${TOKEN}\nKEY_FILE=/k\nLOG=1\nB_SECRET=\n"),
        ("prod.env", "URL=postgres://user:password@localhost/x\n"),
        ("example.env", "DB_PASSWORD=hunter2"),
        ("prod.env.example", "DB_PASSWORD=hunter2"),
        ("flow.py", "URL = 'postgres://user:password@localhost/x'"),
        ("flow.py", "URL = 'postgres://me:hunter2@127.0.0.1:5432/x'"),
        ("flow.py", "URL = 'https://me:hunter2@api.example.com/x'"),
        ("flow.py", "URL = 'postgres://postgres:postgres@db/x'"),
        ("flow.py", "URL = f'postgres://{user}:{password}@db/x' + 'postgres://%s:%s@db/x'"),
        ("tests/urls.py", "URL = 'postgres://me:hunter2@db/x'"),
        ("README.md", "postgres://me:hunter2@db/x"),
    ],
)
def test_files_that_only_resemble_a_secret_are_not_reported(path, content):
    facts = Facts(context=holding({path: content}))
    assert only("secret", PREFECT + "COPY . /x/\n", facts) == []


@pytest.mark.parametrize(
    ("beginning", "secret"),
    [
        ("308204a4 020100 0282 0101 00", True),  # PKCS#1
        ("308204be 020100 300d 0609 2a864886f70d010101", True),  # PKCS#8
        ("302e 020100 3005 0603 2b6570", True),  # PKCS#8 of an Ed25519 key
        ("3077 020101 0420", True),  # SEC1
        ("3082052d 3057 0609 2a864886f70d01050d", True),  # PKCS#8, encrypted
        ("308202f9 308201e1 a003020102", False),  # a certificate
        ("30820251 30820139 020100 300c", False),  # a request for one
        ("30820122 300d 0609 2a864886f70d010101", False),  # a public key
        ("3082010a 02820101 00", False),  # a public key as PKCS#1
    ],
)
def test_a_binary_private_key_is_distinguished_from_public_data(beginning, secret):
    data = bytes.fromhex(beginning) + bytes(64)
    facts = Facts(context=Context((Entry("key.der", size=len(data), data=data),)))
    found = only("secret", PREFECT + "COPY key.der /x/\n", facts)
    assert ["a private key" in f.message for f in found] == ([True] if secret else [])


def test_only_the_start_of_a_file_is_read_and_large_files_are_skipped():
    key = f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n"
    late, password = "x" * 70_000 + key, "A=1\n" * 20_000 + "DB_PASSWORD=hunter2"
    files = {"late.txt": late, "large.txt": key + "x" * 2**20, "late.env": password}
    facts = Facts(context=holding(files))
    assert only("secret", PREFECT + "COPY . /x/\n", facts) == []


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("X", "AKIA" + "QYLPMN5HHHFPZAM2", "an AWS access key"),
        ("URL", "https://me:hunter2@example.com/x", "a login in a URL"),
        ("DB_PASSWORD", "hunter2", "a password or key (judging by its name)"),
        ("DB_PASSWORD", "changeme", ""),
        ("DB_PASSWORD", "/run/secrets/x", ""),
        ("LOG_LEVEL", "debug", ""),
    ],
)
def test_a_secret_in_a_variable_is_recognized_by_its_name_or_value(name, value, kind):
    assert secret_in_variable(name, value) == kind


@pytest.mark.parametrize(
    "line",
    ["ENV DB_PASSWORD=hunter22", "ENV DB_PASSWORD hunter22", "RUN X='pnu_" + "a1B2" * 9 + "' y"],
)
def test_a_masked_line_keeps_its_length(line):
    shown = masked(line)
    assert len(shown) == len(line)
    assert "hunter22" not in shown
    assert "pnu_" not in shown
