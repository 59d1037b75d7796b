"""Small Dockerfiles and build contexts, and what the rules find in them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flowship.dockerfile.instructions import line_of
from flowship.dockerfile.rules import Facts, Finding, check
from flowship.project.context import Context, Entry
from flowship.project.ignore import LeftOut, LeftOutKind

PREFECT = "FROM prefecthq/prefect:3.8.8-python3.11\n"
KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj" * 2
ACCOUNT = json.dumps(
    {"type": "service_account", "private_key": f"-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n"}
)
KUBECONFIG = "apiVersion: v1\nkind: Config\nusers:\n- name: me\n  user:\n    {}\n"
CONTEXT = Context(tuple(Entry(path, size=1, data=b"#") for path in ("flow.py", "util.py")))


def context(*paths: str, left_out: dict[str, LeftOut] | None = None) -> Context:
    """A context of small files."""
    entries = [Entry(path, size=1, data=b"#") for path in paths]
    return Context(tuple(sorted(entries, key=lambda e: e.path)), left_out or {})


def ignored(pattern: str, line: int = 1) -> LeftOut:
    """The reason for what a line of .dockerignore excludes."""
    return LeftOut(LeftOutKind.IGNORE_FILE, pattern, f".dockerignore line {line}")


def holding(files: Mapping[str, str | bytes]) -> Context:
    """A context of files with these contents."""
    contents = {p: t.encode() if isinstance(t, str) else t for p, t in sorted(files.items())}
    return Context(tuple(Entry(p, size=len(data), data=data) for p, data in contents.items()))


def only(rule: str, text: str, facts: Facts | None = None) -> list[Finding]:
    """The findings of one rule."""
    return [finding for finding in check(text, facts) if finding.rule == rule]


def one(rule: str, text: str, facts: Facts | None = None) -> Finding:
    """The only finding of one rule."""
    found = only(rule, text, facts)
    assert len(found) == 1, found
    return found[0]


def underlined(text: str, finding: Finding) -> str:
    """The text that the finding underlines."""
    return line_of(text, finding.line)[finding.column - 1 : finding.end_column - 1]
