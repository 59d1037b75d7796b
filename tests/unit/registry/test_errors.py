"""What flowship makes of the words of registries, on the streams in ``tests/streams``."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from flowship.errors import ExitCode, RegistryError
from flowship.registry import (
    FAULTS,
    Credentials,
    PushStream,
    Reference,
    RegistryFailure,
    backoff,
    check_digest,
    classify,
    translate,
)
from support.paths import ROOT, STREAMS

ADA = Credentials("ada", SecretStr("s3cret"), "FLOWSHIP_REGISTRY_USER")
HERE = Reference.parse("127.0.0.1:5000/user/de-repo:v1")
HUB = Reference.parse("user/de-repo:v1")

# Stream → (fault, transient). The fault's words are compared further down.
REFUSED = {
    "acr-unauthorized": "unauthorized",
    "ecr-denied": "denied",
    "ecr-expired": "expired",
    "ecr-immutable-tag": "immutable-tag",
    "ecr-no-credentials": "unauthorized",
    "ecr-throttled": "rate-limit",
    "ecr-unknown-repository": "unknown-repository",
    "gar-denied": "denied",
    "gar-no-credentials": "unauthorized",
    "gcr-denied": "denied",
    "ghcr-denied": "denied",
    "ghcr-workflow-denied": "denied",
    "harbor-quota": "quota",
    "hub-abuse-limit": "rate-limit",
    "hub-denied": "denied",
    "hub-rate-limit": "rate-limit",
    "hub-rate-limit-anonymous": "rate-limit",
    "hub-token-scope": "denied",  # with credentials: see below
    "imitated-denied": "denied",
    "imitated-name-unknown": "unknown-repository",
    "imitated-quota": "quota",
    "imitated-rate-limit": "rate-limit",
    "imitated-too-large": "too-large",
    "imitated-too-many": "rate-limit",
    "no-credentials": "unauthorized",
    "no-such-host": "no-such-host",
    "not-a-registry": "not-a-registry",
    "not-tagged": "not-tagged",
    "plain-http": "plain-http",
    "self-signed": "tls",
    "wrong-password": "unauthorized",
}
AWAY = {
    "dropped": "unreachable",
    "hub-server-error": "server-error",
    "imitated-unavailable": "server-error",
    "not-running": "unreachable",
}
PUSHED = {"pushed", "layers-exist", "layers-mounted", "right-password"}
CALLS = {
    "login-acr-firewall": "firewall",
    "login-ghcr-denied": "wrong-password",
    "login-hub-wrong": "wrong-password",
    "login-not-running": "unreachable",
    "login-plain-http": "plain-http",
    "login-self-signed": "tls",
    "login-wrong": "wrong-password",
    "pull-hub-unknown": "unknown-repository",
    "pull-no-credentials": "unauthorized",
    "pull-not-running": "unreachable",
    "pull-unknown": "unknown-image",
    "pull-unknown-tag": "unknown-image",
}

# More of the engine's words, without a stream of their own.
TEXTS = [
    ("denied", "denied"),  # a specification's message without detail is shortened to this
    ("net/http: TLS handshake timeout", "unreachable"),
    ('Put "https://h.example.com/v2/x": EOF', "unreachable"),
    ("unexpected EOF", "unreachable"),
    ("read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer", "unreachable"),
    ("write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe", "unreachable"),
    ("dial tcp 192.0.2.1:443: i/o timeout", "unreachable"),
    ("dial tcp: lookup r.example.com: Temporary failure in name resolution", "unreachable"),
    ("context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "unreachable"),
    ("received unexpected HTTP status: 502 Bad Gateway", "server-error"),
    (
        "error parsing HTTP 503 response body: invalid character '<' looking for beginning of"
        ' value: "<html>"',
        "server-error",
    ),
    ("blob upload unknown", "upload-lost"),
    ("blob upload invalid", "upload-lost"),
    ("manifest blob unknown: blob unknown to registry", "upload-lost"),
    ("manifest invalid: manifest invalid", "manifest-invalid"),
    ("x509: certificate has expired or is not yet valid: current time is after", "tls"),
    ("x509: certificate is valid for a.example.com, not b.example.com", "tls"),
    ("remote error: tls: handshake failure", "tls"),
    ("tls: first record does not look like a TLS handshake", "plain-http"),
    ("proxyconnect tcp: dial tcp 192.0.2.1:3128: connect: connection refused", "proxy"),
    ("unsupported: The operation is unsupported.", "read-only"),
    ("write /var/lib/x: no space left on device", "disk-full"),
    ("received unexpected HTTP status: 507 Insufficient Storage", "quota"),
    ("unauthorized: access to the requested resource is not authorized", "denied"),
    ("something that nobody has seen yet", "unknown"),
    ("", "unknown"),
]


def load(name):
    header, *events = (
        json.loads(line) for line in (STREAMS / f"{name}.jsonl").read_text("utf-8").splitlines()
    )
    return header, events


def pushed_to(events):
    """The reference that a stream's first event says is being pushed."""
    status = events[0].get("status", "")
    return Reference.parse(status.split("[")[1].rstrip("]")).with_tag("v1")


def failure(name, credentials=None):
    _, events = load(name)
    with pytest.raises(RegistryFailure) as caught:
        list(PushStream(events, pushed_to(events), credentials))
    return caught.value


def test_every_stream_says_where_it_comes_from_and_has_an_expectation():
    names = {path.stem for path in STREAMS.glob("*.jsonl")}

    assert names == {*REFUSED, *AWAY, *PUSHED, *CALLS, "login-right"}
    for name in names:
        header, events = load(name)
        assert header["what"]
        assert events
        if header["origin"] == "transcribed, not recorded":
            assert all(source.startswith("https://") for source in header["source"])
        else:
            assert header["origin"] in {"recorded", "imitated"}


@pytest.mark.parametrize("name", sorted(PUSHED))
def test_a_push_that_worked_ends_with_the_registrys_digest(name):
    _, events = load(name)
    stream = PushStream(events, pushed_to(events))

    layers = {progress.layer for progress in stream}

    assert stream.digest == events[-1]["aux"]["Digest"]
    assert layers


def test_progress_counts_the_bytes_of_each_layer():
    _, events = load("pushed")
    big = [p for p in PushStream(events, pushed_to(events)) if p.total == 30_000_000]

    assert big
    assert [p.current for p in big] == sorted(p.current for p in big)


def test_retries_of_the_engine_are_seen_as_the_layers_status():
    _, events = load("dropped")
    told = []

    def follow():
        for progress in PushStream(events, pushed_to(events)):
            told.append(progress.status)

    with pytest.raises(RegistryFailure):
        follow()

    assert "Retrying in 5 seconds" in told


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_has_its_own_words_and_is_not_tried_again(name):
    error = failure(name)

    assert (error.fault, error.transient) == (REFUSED[name], False)
    assert error.exit_code == ExitCode.REGISTRY
    assert error.hint
    assert error.details == load(name)[1][-1]["error"].strip()


@pytest.mark.parametrize("name", sorted(AWAY))
def test_a_registry_in_trouble_is_worth_another_try(name):
    error = failure(name)

    assert (error.fault, error.transient) == (AWAY[name], True)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_logins_and_pulls_that_fail_are_translated_too(name):
    _, [event] = load(name)
    doing = name.split("-")[0]
    subject = "registry.example.com" if doing == "login" else HERE

    error = translate(event["error"], subject, status=event["status"], doing=doing)

    assert error.fault == CALLS[name]
    assert error.where == ("" if doing == "login" else str(subject))
    assert str(subject).split("/")[0] in error.message


def test_a_refused_login_is_not_told_to_log_in():
    _, [event] = load("login-wrong")

    error = translate(event["error"], "registry.example.com", doing="login", credentials=ADA)

    assert error.message == (
        "registry.example.com does not know this user name with this password (as ada)"
    )
    assert "flowship login" not in error.hint


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (
            "hub-denied",
            "Docker Hub refuses the push to user/de-repo (nobody is signed in)",
            "run `flowship login`; an access token with Read & Write serves as the password",
        ),
        (
            "hub-rate-limit",
            "Docker Hub is asked too often and its rate limit is reached (nobody is signed in)",
            "wait, or sign in to have a higher limit: `flowship login`",
        ),
        (
            "no-credentials",
            "127.0.0.1:5000 wants to know who is pushing to 127.0.0.1:5000/user/de-repo"
            " (nobody is signed in)",
            "run `flowship login 127.0.0.1:5000`",
        ),
        (
            "not-running",
            "127.0.0.1:5000 does not answer, or the connection to it broke",
            "check that it runs and that the engine's machine can reach it",
        ),
        (
            "self-signed",
            "the engine does not trust the certificate of 192.0.2.10:5000",
            "put its CA's certificate at /etc/docker/certs.d/192.0.2.10:5000/ca.crt on the"
            " engine's machine (no restart needed), and see below what exactly is wrong with it",
        ),
        (
            "plain-http",
            "192.0.2.10:5000 does not speak HTTPS, and the engine insists on it",
            'give it a certificate, or add "192.0.2.10:5000" to insecure-registries in the'
            " engine's /etc/docker/daemon.json and restart it",
        ),
        (
            "ecr-unknown-repository",
            "there is no repository 123456789012.dkr.ecr.us-east-1.amazonaws.com/de-repo at"
            " 123456789012.dkr.ecr.us-east-1.amazonaws.com, or it is hidden (nobody is signed in)",
            "create it: `aws ecr create-repository --repository-name de-repo`",
        ),
        (
            "ecr-immutable-tag",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/de-repo:v1 exists and its tag may not"
            " be moved: the repository's tags are immutable",
            "push under a new tag: `flowship push --repo"
            " 123456789012.dkr.ecr.us-east-1.amazonaws.com/de-repo:NEW-TAG`",
        ),
    ],
)
def test_the_message_names_what_failed_and_the_hint_the_next_step(name, message, hint):
    error = failure(name)

    assert (error.message, error.hint) == (message, hint)


def test_the_kinds_that_users_meet_most_have_different_words():
    names = ["hub-denied", "ecr-unknown-repository", "hub-rate-limit", "self-signed",
             "not-running", "no-credentials"]  # fmt: skip
    errors = [failure(name) for name in names]

    assert len({error.message.split(" ", 1)[1] for error in errors}) == len(names)
    assert len({error.hint for error in errors}) == len(names)


def test_a_refused_password_is_not_called_a_missing_one():
    error = failure("wrong-password", ADA)

    assert "does not accept the user name and password" in error.message
    assert "signed in as ada, from FLOWSHIP_REGISTRY_USER" in error.message


def test_an_access_token_that_may_only_read_is_named():
    mine = Credentials("user", SecretStr("tok"), "a test")

    error = failure("hub-token-scope", mine)

    assert (error.fault, error.transient) == ("scope", False)
    assert "access token" in error.message
    assert "Read & Write" in error.hint


def test_stored_credentials_that_are_wrong_by_now_are_to_be_written_anew():
    text = "unauthorized: incorrect username or password"
    stored = Credentials("ada", SecretStr("s3cret"), "/home/ada/.docker/config.json")

    error = translate(text, HUB, doing="push", credentials=stored)

    assert error.fault == "wrong-password"
    assert error.hint.startswith("run `flowship login`")


def test_wrong_variables_are_to_be_mended_since_no_login_comes_before_them():
    text = "unauthorized: incorrect username or password"

    error = translate(text, HUB, doing="push", credentials=ADA)

    assert error.hint.startswith("mend FLOWSHIP_REGISTRY_USER and FLOWSHIP_REGISTRY_PASSWORD")
    assert "unset both" in error.hint


def test_somebody_elses_name_at_docker_hub_is_recognised():
    error = failure("hub-denied", ADA)

    assert "did you mean `--repo ada/de-repo:v1`?" in error.hint


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/x", "ecr:PutImage"),
        ("europe-docker.pkg.dev/p/r/x", "roles/artifactregistry.writer"),
        ("ghcr.io/ada/x", "write:packages"),
        ("example.azurecr.io/x", "AcrPush"),
        ("registry.example.com/x", "whoever runs registry.example.com"),
        ("ada/x", "Read & Write"),
    ],
)
def test_being_denied_while_signed_in_names_the_right_that_is_missing(image, hint):
    error = translate("denied", Reference.parse(image), doing="push", credentials=ADA)

    assert hint in error.hint


@pytest.mark.parametrize(("text", "fault"), TEXTS)
def test_each_text_of_the_engine_means_one_fault(text, fault):
    found = classify(text)
    assert found.name == fault
    assert found.transient == (fault in {"unreachable", "server-error", "upload-lost"})


@pytest.mark.parametrize(("status", "fault"), [(401, "unauthorized"), (403, "denied"),
                                               (429, "rate-limit"), (500, "unknown")])  # fmt: skip
def test_a_status_speaks_where_the_text_is_silent(status, fault):
    assert classify("no words", status).name == fault


@pytest.mark.parametrize("name", ["denied/quota", "x509/timeout", "team/eof", "unauthorized/x"])
def test_a_repositorys_name_is_not_taken_for_an_error(name):
    text = f'Get "http://127.0.0.1:5000/v2/{name}/tags/list": no such host'

    assert classify(text).name == "no-such-host"


@pytest.mark.parametrize("doing", ["push", "pull", "login"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_has_whole_sentences_for_every_use(fault, doing):
    subject = "registry.example.com" if doing == "login" else HUB
    streams = (e["error"] for n in (*REFUSED, *AWAY, *CALLS) for e in load(n)[1] if "error" in e)
    sample = next(text for text in (*streams, *(t for t, _ in TEXTS)) if classify(text) is fault)
    for credentials in (None, ADA):
        error = translate(sample, subject, doing=doing, credentials=credentials)
        for words in (error.message, error.hint):
            assert words
            assert "{" not in words
            assert not words.endswith(".")
        if doing != "push":
            assert "the push" not in error.message


def test_secrets_are_not_shown_in_the_registrys_words():
    text = 'proxyconnect "http://ada:hunter2@proxy.example.com:3128" with s3cret: denied'
    text += " at https://hunter2@cdn.example.com/x"

    error = translate(text, HUB, doing="push", credentials=ADA)

    assert "s3cret" not in error.details
    assert "hunter2" not in error.details
    assert "s3cret" not in f"{error.message}{error.hint}{ADA!r}"


def test_a_stream_that_just_ends_is_a_broken_connection():
    stream = PushStream(load("pushed")[1][:-2], HERE)
    list(stream)

    with pytest.raises(RegistryFailure) as caught:
        _ = stream.digest
    assert caught.value.transient


def test_a_digest_is_found_in_the_sentence_where_there_is_no_aux():
    _, events = load("pushed")
    stream = PushStream(events[:-1], HERE)
    list(stream)

    assert stream.digest == events[-1]["aux"]["Digest"]


def test_an_error_without_its_short_form_is_still_an_error():
    with pytest.raises(RegistryFailure) as caught:
        list(PushStream([{"errorDetail": {"code": 403, "message": "denied"}}], HERE))
    assert caught.value.fault == "denied"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
keys = st.sampled_from(["id", "status", "progressDetail", "aux", "progress", "stream", "new"])


@settings(deadline=None)
@given(st.lists(st.dictionaries(keys, json_values)))
def test_events_that_are_not_known_are_passed_over(events):
    for progress in PushStream(events, HERE):
        assert isinstance(progress.layer, str)
        assert progress.current is not None


@settings(deadline=None)
@given(st.text(), st.sampled_from(["push", "pull", "login"]))
def test_any_text_can_be_translated(text, doing):
    error = translate(text, HUB, doing=doing)

    assert isinstance(error, RegistryError)
    assert error.message


def test_a_tag_that_somebody_else_moved_is_noticed():
    check_digest("sha256:aa", "sha256:aa", HERE)
    with pytest.raises(RegistryError, match="not what was pushed"):
        check_digest("sha256:aa", "sha256:bb", HERE)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_has_its_line_on_the_page_about_pushing(fault):
    page = (ROOT / "docs" / "push.md").read_text("utf-8")
    message = fault.message.removesuffix(" ({who})").format(
        registry="REGISTRY", host="REGISTRY", repository="REPOSITORY", image="IMAGE"
    )

    [line] = [line for line in page.splitlines() if line.startswith(f"| {message} |")]
    assert line.endswith("| yes |") == fault.transient


def test_waiting_doubles_up_to_half_a_minute():
    assert [backoff(n) for n in (1, 2, 3, 4, 5, 6, 60)] == [1, 2, 4, 8, 16, 30, 30]


def test_importing_the_module_loads_no_engine_library_and_no_console():
    code = (
        "import sys, flowship.registry; heavy = {'docker', 'prefect', 'typer', 'rich', 'httpx',"
        " 'pandas'}; print(sorted(heavy & sys.modules.keys()))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
