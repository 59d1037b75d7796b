"""Secret files and variables, in messages that never repeat them."""

from __future__ import annotations

import pytest

from flowship.dockerfile.rules import Facts
from support.dockerfiles import KEY_BODY, PREFECT, holding, one, only


def test_a_secret_that_is_not_copied_is_not_reported():
    facts = Facts(context=holding({".env": "A=1", "flow.py": ""}))
    assert only("secret", PREFECT + "COPY flow.py /x/\n", facts) == []
    assert only("secret", PREFECT + "COPY --exclude=.env . /x/\n", facts) == []


def test_a_secret_in_a_stage_that_is_not_in_the_image_is_a_warning():
    text = "FROM q:1 AS build\nCOPY . /x/\nFROM q:1\nCOPY --from=build /x/a /a\n"
    finding = one("secret", text, Facts(context=holding({".env": "A=1"})))
    assert finding.severity == "warning"
    assert "build cache" in finding.message


def test_a_password_in_code_is_a_warning_next_to_the_errors():
    code = {"flow.py": "URL = 'postgres://user:pw@host/db'", "conf.toml": "u = 'redis://:hu2@r:1'"}
    text = PREFECT + "COPY . /x/\n"
    finding = one("secret", text, Facts(context=holding(code)))
    assert finding.severity == "warning"
    assert "conf.toml (a password in a URL), flow.py (a password in a URL)" in finding.message
    assert "pw@" not in finding.message + finding.help
    both = only("secret", text, Facts(context=holding({**code, ".env": "A=1"})))
    assert sorted(f.severity for f in both) == ["error", "warning"]


@pytest.mark.parametrize(
    "line",
    [
        "ENV AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI",
        "ENV DB_PASSWORD hunter22",
        'ARG API_TOKEN="abcdef"',
        "ENV X=1 PREFECT_API_KEY=pnu_abc",
        "ENV URL=postgresql://me:secret@db.example.com/x",
        "ENV PGPASSWORD=hunter22",
        "ENV PIP_INDEX_URL=https://abcdef@packages.example.com/simple",
    ],
)
def test_a_password_in_a_variable_is_a_warning_that_does_not_repeat_it(line):
    finding = one("secret", f"{PREFECT}{line}\n")
    assert finding.severity == "warning"
    assert not any(word in finding.message for word in ("wJalr", "hunter22", "abcdef", "me:secret"))


@pytest.mark.parametrize(
    "line",
    [
        "ARG API_TOKEN",
        "ENV API_TOKEN=$TOKEN",
        "ENV API_TOKEN=",
        "ENV PASSWORD_FILE=/run/secrets/x",
        "ENV GOOGLE_APPLICATION_CREDENTIALS=/run/key.json",
        "ENV TOKENIZERS_PARALLELISM=false",
        "ENV TOKEN_LIMIT=100000",
        "ENV DB_PASSWORD=changeme",
        "ENV SECRET_TOKEN=/run/secrets/token",
        "ENV URL=https://example.com/x",
        "ENV PWD=/opt OLDPWD=/",
        "ENV AWS_ACCESS_KEY_ID=key-1",
        "ENV PIP_INDEX_URL=https://$TOKEN@packages.example.com/simple",
    ],
)
def test_variables_without_a_secret_are_not_reported(line):
    assert only("secret", f"{PREFECT}{line}\n") == []


@pytest.mark.parametrize("line", ["ARG API_TOKEN", "ARG API_TOKEN=changeme", "ARG X API_TOKEN"])
def test_a_configured_build_argument_counts_as_the_value_of_its_arg(line):
    facts = Facts(build_args={"API_TOKEN": "hunter22", "UNUSED_TOKEN": "hunter22", "X": "1"})
    finding = one("secret", f"{PREFECT}{line}\n", facts)
    assert finding.severity == "warning"
    assert finding.message == (
        "ARG API_TOKEN gets, from build-args, a password or key (judging by its name), which stays"
        " readable in the image history"
    )


def test_a_build_argument_that_is_a_placeholder_is_not_reported():
    facts = Facts(build_args={"API_TOKEN": "changeme", "TOKEN_FILE": "/k"})
    assert only("secret", f"{PREFECT}ARG API_TOKEN\nARG TOKEN_FILE\n", facts) == []


def test_the_help_names_every_secret_file():
    files = holding({f"{n}.pem": f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n" for n in "abc"})
    finding = one("secret", PREFECT + "COPY . /x/\n", Facts(context=files))
    assert 'add "a.pem", "b.pem" and "c.pem" to .dockerignore' in finding.help


@pytest.mark.parametrize(("count", "more"), [(20, ""), (23, " and 3 more")])
def test_at_most_twenty_files_are_named(count, more):
    files = holding({f"d/{n:02}/.env": "A=1" for n in range(count)})
    finding = one("secret", PREFECT + "COPY . /x/\n", Facts(context=files))
    for shown in (finding.message, finding.help):
        assert all(f"d/{n:02}/.env" in shown for n in range(20))
        assert ("d/20/.env" in shown, "more" in shown) == (False, bool(more))
        assert more in shown
