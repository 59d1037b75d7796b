"""Secret files and variables, in messages that never repeat them."""

from __future__ import annotations

import pytest

from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.rules import Facts
from flowship.dockerfile.secrets_scan import masked
from support.dockerfiles import KEY_BODY, PREFECT, holding, one, only, underlined


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


TOKEN = "pnu_" + "a1B2" * 9


@pytest.mark.parametrize(
    "line",
    [
        f"RUN prefect cloud login --key {TOKEN} --workspace a/b",
        f"RUN pip install x && \\\n    curl -H 'Authorization: Bearer {TOKEN}' https://example.com",
        f"RUN <<EOF\nprefect cloud login -k {TOKEN}\nEOF",
        f"COPY <<EOF /x/settings\nkey = {TOKEN}\nEOF",
        f'CMD ["prefect", "cloud", "login", "--key", "{TOKEN}"]',
        f"ENTRYPOINT prefect cloud login --key {TOKEN}",
        f"HEALTHCHECK CMD curl -H x:{TOKEN} localhost",
        f"LABEL key={TOKEN}",
        f"ENV PREFECT_API_KEY={TOKEN}",
        f"ARG X={TOKEN}",
    ],
)
def test_a_known_token_in_an_instruction_is_an_error_that_points_at_it(line):
    text = f"{PREFECT}{line}\n"
    finding = one("secret", text)
    assert finding.severity == "error"
    assert TOKEN in underlined(text, finding)
    assert "a Prefect API key" in finding.message
    assert TOKEN not in finding.message + finding.help
    assert ".dockerignore" not in finding.help
    assert TOKEN not in masked(line_of(text, finding.line))


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('RUN curl -H "Authorization: Bearer abcdef123" https://example.com', "abcdef123"),
        ('RUN wget --header="X-Api-Key: abcdef123" https://example.com', "abcdef123"),
        ("RUN tool --password hunter22x", "hunter22x"),
        ("RUN tool --api-key=abcdef123", "abcdef123"),
        ("RUN prefect cloud login -k abcdef123", "abcdef123"),
        ("RUN curl -u me:hunter22 https://example.com", "hunter22"),
        ("RUN docker login -u me -p hunter22", "hunter22"),
        ("RUN API_TOKEN=abcdef123 ./setup", "abcdef123"),
        ("RUN pip install -i https://me:hunter22@packages.example.com/simple x", "hunter22"),
        ("ADD https://me:hunter22@example.com/x /x/", "hunter22"),
    ],
)
def test_a_password_in_a_command_is_a_warning_and_is_masked(line, secret):
    text = f"{PREFECT}{line}\n"
    finding = one("secret", text)
    assert finding.severity == "warning"
    assert secret in underlined(text, finding)
    assert secret not in finding.message + finding.help + masked(line)
    assert len(masked(line)) == len(line)


@pytest.mark.parametrize(
    "line",
    [
        "RUN prefect cloud login --key $PREFECT_API_KEY",
        'RUN curl -H "Authorization: Bearer $(cat /run/secrets/token)" https://example.com',
        "RUN --mount=type=secret,id=key prefect cloud login --key `cat /run/secrets/key`",
        "RUN curl -u me:$PASSWORD https://example.com",
        "RUN tool --token-file /run/secrets/token --key /etc/key.pem",
        "RUN apt-key adv --keyserver keys.example.com --recv-keys ABCDEF",
        "RUN tool --password <your-password> --api-key changeme",
        "RUN mkdir -p /opt/prefect/login -p",
        "RUN useradd --no-create-home --uid 1000 prefect",
        "LABEL org.opencontainers.image.source=https://example.com/x",
        "RUN pip install --no-cache-dir keyring token-tools==1.0",
    ],
)
def test_commands_without_a_secret_are_not_reported(line):
    assert only("secret", f"{PREFECT}{line}\n") == []
    assert masked(line) == line


def test_a_token_in_a_stage_that_is_not_in_the_image_is_a_warning():
    text = f"FROM q:1 AS a\nRUN login --key {TOKEN}\nFROM q:1\nCOPY --from=a /x /x\n"
    finding = one("secret", text)
    assert finding.severity == "warning"
    assert "build cache" in finding.message


def test_a_file_that_the_copy_names_is_not_to_be_ignored_but_not_copied():
    facts = Facts(context=holding({".env": "A=1", "flow.py": ""}))
    finding = one("secret", PREFECT + "COPY .env /x/\n", facts)
    assert finding.help.startswith("do not copy it")
    whole = one("secret", PREFECT + "COPY . /x/\n", facts)
    assert whole.help.startswith('add ".env" to .dockerignore')
