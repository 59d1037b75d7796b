"""Text that makes a pattern or a template work for ever: hangs 0."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from flowship import redaction
from flowship.dockerfile import secrets_scan
from flowship.output import terminal
from flowship.project.context import Entry
from flowship.registry import translate
from flowship.registry.faults import classify
from support.rounds import attempts
from support.streams import HERE

SIZE = secrets_scan.CONTENT_LIMIT
KEY = "-----BEGIN RSA PRIVATE KEY-----"

TEXTS = {
    "letters": "a" * SIZE,
    "base64": "eyJ" + "A" * SIZE,
    "base64 with breaks": "LS0tLS1C" + ("A" * 76 + "\n") * (SIZE // 77),
    "short lines of base64": ("eyJ" + "A" * 59 + "\n") * (SIZE // 63),
    "headers": KEY * (SIZE // len(KEY)),
    "headers and lines": (KEY + "\\n\n") * (SIZE // 34),
    "header and fields": KEY + "\n" + "a: b\n" * (SIZE // 5),
    "header and breaks": KEY + "\\n" * (SIZE // 2),
    "addresses": "a://b:" * (SIZE // 6),
    "addresses without an end": "http://" + "a:" * (SIZE // 2),
    "at signs": "://a@" * (SIZE // 5),
    "braces": "{{" * (SIZE // 2),
    "assignments": "PASSWORD=" * (SIZE // 9),
    "spaces": "TOKEN" + " " * SIZE,
    "quotes": 'kind: Config token: "' * (SIZE // 21),
    "tokens": "sk-proj-" * (SIZE // 8),
    "escapes": "\x1b" * SIZE,
    "kube": "kind" + " " * SIZE + ": Config",
}

PIECES = (
    "a",
    "eyJ",
    "A" * 76 + "\n",
    KEY,
    "\\n",
    "\n",
    "a: b\n",
    "a://b:",
    "http://",
    "://a@",
    "@",
)
PIECES += (
    "{{",
    "}}",
    "PASSWORD=",
    "TOKEN",
    " ",
    '"',
    "'",
    "kind: Config",
    "sk-proj-",
    "\x1b",
    "\t",
)
PIECES += (
    "-----END RSA PRIVATE KEY-----",
    "ghp_",
    "AKIA",
    "Bearer ",
    "=",
    ":",
    "/",
    ".",
    "é",
    "\0",
)


def random_text(chance: random.Random) -> str:
    """A few pieces, again and again, between a beginning and an end of others."""
    begin, middle, end = (chance.choices(PIECES, k=chance.randint(0, 4)) for _ in range(3))
    unit = "".join(middle) or "a"
    return ("".join(begin) + unit * (SIZE // len(unit.encode())) + "".join(end))[:SIZE]


READERS: dict[str, Callable[[str], object]] = {
    "a file": lambda text: secrets_scan.by_content(Entry("a.py", size=SIZE, data=text.encode())),
    "an environment file": lambda text: secrets_scan.by_content(
        Entry("a.env", size=SIZE, data=text.encode())
    ),
    "requirements": lambda text: secrets_scan.by_content(
        Entry("requirements.txt", size=SIZE, data=text.encode())
    ),
    "UTF-16": lambda text: secrets_scan.by_content(
        Entry("a.py", size=SIZE, data=text[: SIZE // 2].encode("utf-16"))
    ),
    "a file's name": secrets_scan.by_name,
    "a line of a Dockerfile": lambda text: secrets_scan.masked(f"ENV A={text}"),
    "a value": redaction.mask_value,
    "a name": redaction.is_secret_name,
    "the terminal": terminal.printable,
    "a registry's error": classify,
    "the text of an error": lambda text: translate(text, HERE, doing="push"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_in_linear_time(reader, text):
    began = time.monotonic()
    READERS[reader](TEXTS[text])
    assert time.monotonic() - began < 5, "64 KiB need milliseconds"


@pytest.mark.parametrize("reader", READERS)
def test_a_random_text_is_read_in_linear_time(reader):
    for chance in attempts(reader, each=10):
        text = random_text(chance)
        began = time.monotonic()
        READERS[reader](text)
        assert time.monotonic() - began < 5, text[:200]
