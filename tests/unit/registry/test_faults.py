"""The faults of registries: each is recognized, complete and documented."""

from __future__ import annotations

import pytest

from flowship.registry import Fault, translate
from flowship.registry.faults import RULES, classify, rule_of
from support.paths import ROOT, STREAMS
from support.streams import ADA, AWAY, CALLS, HUB, PUSHED, REFUSED, TEXTS, load


def test_every_stream_names_its_source_and_has_an_expectation():
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


@pytest.mark.parametrize(("text", "fault"), TEXTS)
def test_each_text_of_an_engine_means_one_fault(text, fault):
    found = classify(text)
    assert found.fault == fault
    assert found.transient == (fault in {"unreachable", "server-error", "upload-lost"})


@pytest.mark.parametrize(("status", "fault"), [(401, "unauthorized"), (403, "denied"),
                                               (404, "unknown-image"), (429, "rate-limit"),
                                               (500, "unknown")])  # fmt: skip
def test_the_status_counts_if_the_text_says_nothing(status, fault):
    assert classify("no words", status).fault == fault


@pytest.mark.parametrize("name", ["denied/quota", "x509/timeout", "team/eof", "unauthorized/x"])
def test_the_name_of_a_repository_is_not_mistaken_for_an_error(name):
    text = f'Get "http://127.0.0.1:5000/v2/{name}/tags/list": no such host'

    assert classify(text).fault == "no-such-host"


@pytest.mark.parametrize("doing", ["push", "pull", "login"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.fault.value)
def test_every_fault_has_a_complete_message_and_hint_for_every_action(rule, doing):
    subject = "registry.example.com" if doing == "login" else HUB
    streams = (e["error"] for n in (*REFUSED, *AWAY, *CALLS) for e in load(n)[1] if "error" in e)
    sample = next(text for text in (*streams, *(t for t, _ in TEXTS)) if classify(text) is rule)
    for credentials in (None, ADA):
        error = translate(sample, subject, doing=doing, credentials=credentials)
        for words in (error.message, error.hint):
            assert words
            assert "{" not in words
            assert not words.endswith(".")
        if doing != "push":
            assert "the push" not in error.message


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_its_row_on_the_errors_page(fault):
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    rule = rule_of(fault)
    message = rule.message.removesuffix(" ({who})").format(
        registry="REGISTRY", host="REGISTRY", repository="REPOSITORY", image="IMAGE"
    )

    [line] = [line for line in page.splitlines() if line.startswith(f"| `{fault.code}` |")]
    assert f"| {message} |" in line
    assert ("Tried again." in line) == rule.transient


def test_every_fault_is_recognized_by_a_rule():
    assert {rule.fault for rule in RULES} == set(Fault) - {Fault.UNKNOWN}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "plain-http"),
        ("[SSL] record layer failure (_ssl.c:1006)", "plain-http"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed", "tls"),
        ("[Errno -2] Name or service not known", "no-such-host"),
        ("[Errno 111] Connection refused", "unreachable"),
        ("Server disconnected without sending a response.", "unreachable"),
        ("timed out", "unreachable"),
    ],
)
def test_the_errors_of_our_own_connection_are_recognized_too(text, fault):
    assert classify(text).fault == fault
