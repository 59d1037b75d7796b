"""Where an API's address comes from, as text for messages."""

from __future__ import annotations

import pytest

from flowship.prefect.source import Source, SourceKind


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (Source(SourceKind.ENVIRONMENT, "PREFECT_API_URL"), "environment variable PREFECT_API_URL"),
        (Source(SourceKind.DOTENV, "PREFECT_API_URL"), "PREFECT_API_URL in .env"),
        (Source(SourceKind.FILE, "prefect.toml [api] url"), "prefect.toml [api] url"),
        (Source(SourceKind.SECTION, "PREFECT_API"), "the JSON in PREFECT_API"),
        (Source(SourceKind.PROFILE, "staging"), 'profile "staging"'),
        (Source(SourceKind.NONE, "ephemeral"), 'profile "ephemeral" (no API address)'),
        (
            Source(SourceKind.DOTENV, "PREFECT_API_URL", empty=True),
            "PREFECT_API_URL in .env (empty)",
        ),
    ],
)
def test_a_source_has_a_text_for_messages(source, text):
    assert str(source) == text
