"""Loading a configuration that a test writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from flowship.config import loading
from flowship.config.settings import Settings
from flowship.errors import ConfigError


def load(
    folder: Path,
    text: str | None = None,
    environ: Mapping[str, str] | None = None,
    **overrides: object,
) -> Settings:
    """The settings of `folder`, with `text` as its flowship.toml."""
    if text is not None:
        (folder / "flowship.toml").write_text(text)
    return loading.load(folder, overrides=overrides, environ=environ or {})


def failure(
    folder: Path,
    text: str | None = None,
    environ: Mapping[str, str] | None = None,
    **overrides: object,
) -> ConfigError:
    """The error that `load` raises."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ, **overrides)
    return caught.value
