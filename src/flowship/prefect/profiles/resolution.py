"""Which Prefect API is meant, found as Prefect finds it, without importing Prefect.

`resolve` reads the environment, ``.env``, ``prefect.toml``, ``pyproject.toml`` and the active
profile in Prefect's order of precedence.

The rules are those of ``prefect/settings/sources.py`` (prefect 3.8); the tests compare every
case, and arbitrary ones, with ``prefect.settings`` itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from flowship.errors import ConfigError
from flowship.prefect.profiles.files import (
    Profiles,
    load_profiles,
    profiles_path,
    read_dotenv,
    read_toml,
)

_SECTIONS = {
    "api": ("url", "key", "auth_string", "tls_insecure_skip_verify", "ssl_cert_file"),
    "client": ("custom_headers",),
}


@dataclass(frozen=True)
class ApiTarget:
    """The Prefect API every Prefect command in the same folder would talk to.

    Attributes:
        url: The API's address; None where Prefect would run a throw-away server of its own.
        key: Prefect Cloud's API key.
        auth_string: A self-hosted server's ``user:password``.
        ca_file: The CA bundle to trust instead of the default one.
        verify: False where TLS certificates are not checked.
        headers: Sent with every request.
        profile: The profile whose settings count, None where the file names none that exists.
        source: Where the URL was found, in words.
        warnings: What a person should be told about how it was found.
    """

    url: str | None
    key: SecretStr | None
    auth_string: SecretStr | None
    ca_file: str | None
    verify: bool
    headers: Mapping[str, str] = field(repr=False)  # may hold an Authorization header
    profile: str | None
    source: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Layer:
    """One source of settings: its name in words for a field, and the values found in it."""

    words: Mapping[str, str]
    values: Mapping[str, Any]


# --- resolving ---------------------------------------------------------------------------------


def resolve(folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> ApiTarget:
    """Find the Prefect API as Prefect itself would, run in `folder`.

    Args:
        folder: Where ``.env``, ``prefect.toml`` and ``pyproject.toml`` are looked for;
            None means the current folder. Folders above it do not count.
        environ: The environment, `os.environ` unless testing.

    Raises:
        ConfigError: A file or a value that Prefect could not read either.
    """
    folder = folder or Path()
    dotenv = read_dotenv(folder / ".env", environ)
    tomls = {name: read_toml(folder / name) for name in ("prefect.toml", "pyproject.toml")}
    profiles = load_profiles(profiles_path(folder, environ, dotenv, tomls), environ)
    api = list(_layers("api", environ, dotenv, tomls, profiles))
    values = {name: _first(api, name) for name in _SECTIONS["api"]}
    url, source = values["url"]
    # SSL_CERT_FILE is only the default of a setting that may itself be set, even to nothing.
    own_ca = bool(values["ssl_cert_file"][1])
    ca_file = _text(values["ssl_cert_file"]) if own_ca else environ.get("SSL_CERT_FILE")
    nowhere = f'nowhere (profile "{profiles.name}" has no API address)'
    return ApiTarget(
        url=_text((url, source)) or None,
        key=_secret(values["key"]),
        auth_string=_secret(values["auth_string"]),
        ca_file=ca_file or None,
        verify=not _flag(values["tls_insecure_skip_verify"]),
        headers=_headers(list(_layers("client", environ, dotenv, tomls, profiles))),
        profile=profiles.name,
        source=(source if url else f"{source}, which is empty") if source else nowhere,
        warnings=profiles.warnings,
    )


def _layers(
    section: str,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
    tomls: Mapping[str, Mapping[str, Any]],
    profiles: Profiles,
) -> Iterator[_Layer]:
    """The sources of one section's settings, first one first."""
    names = {name: f"PREFECT_{section}_{name}".upper() for name in _SECTIONS[section]}
    yield _group_layer(section, environ, dotenv, profiles)
    for words, variables in (("environment variable", environ), ("the .env file's", dotenv)):
        lower = {key.lower(): value for key, value in variables.items()}
        found = {n: lower.get(variable.lower()) for n, variable in names.items()}
        yield _Layer(
            {n: f"{words} {variable}" for n, variable in names.items()},
            {n: value for n, value in found.items() if value is not None},
        )
    for file, path in (
        ("prefect.toml", (section,)),
        ("pyproject.toml", ("tool", "prefect", section)),
    ):
        table = _table(tomls[file], path, file)
        wanted = {n: table[n] for n in names if n in table}
        if section == "api":  # a table where a value belongs is somebody else's
            wanted = {n: value for n, value in wanted.items() if not isinstance(value, dict)}
        key = ".".join(path)
        yield _Layer({n: f"{file} [{key}] {n}" for n in names}, wanted)
    yield _Layer(
        dict.fromkeys(names, f"profile {profiles.name}"),
        {n: profiles.settings[v] for n, v in names.items() if v in profiles.settings},
    )


def _group_layer(
    section: str,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
    profiles: Profiles,
) -> _Layer:
    """``PREFECT_API`` and ``PREFECT_CLIENT``: a section as JSON, before single values."""
    variable = f"PREFECT_{section}".upper()
    known = _SECTIONS[section]
    merged: Mapping[str, Any] | None = {}
    for source, values in (
        (f"profile {profiles.name}", profiles.settings),
        (".env", {k.upper(): v for k, v in dotenv.items()}),
        ("the environment", {k.upper(): v for k, v in environ.items()}),
    ):
        text = values.get(variable)
        decoded = None if text is None else _json(text, f"{variable} in {source}")
        if isinstance(decoded, dict):
            found = {k.lower() if k.lower() in known else k: v for k, v in decoded.items()}
            merged = _deep_update(merged or {}, found)
        elif text is not None and (decoded is not None or values is profiles.settings):
            merged = None
    if merged is None:
        raise ConfigError(f"{variable} must be a JSON object", where=variable)
    return _Layer(dict.fromkeys(_SECTIONS[section], variable), merged)


def _table(document: Mapping[str, Any], path: tuple[str, ...], file: str) -> Mapping[str, Any]:
    table: Any = document
    for key in path:
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise ConfigError(f"[{'.'.join(path)}] is not a table", where=file)
    return table  # type: ignore[no-any-return]  # narrowed above, unless path is empty


def _first(layers: list[_Layer], name: str) -> tuple[Any, str]:
    for layer in layers:
        if name in layer.values:
            return layer.values[name], layer.words[name]
    return None, ""


def _text(found: tuple[object, str]) -> str | None:
    value, words = found
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{words} must be text", where=words)
    return value


def _flag(found: tuple[object, str]) -> bool:
    value, words = found
    try:
        return False if value is None else TypeAdapter(bool).validate_python(value)
    except ValidationError as exc:
        raise ConfigError(f"{words} must be true or false", where=words) from exc


def _secret(found: tuple[object, str]) -> SecretStr | None:
    text = _text(found)
    return SecretStr(text) if text else None


def _headers(layers: list[_Layer]) -> Mapping[str, str]:
    """Merge ``PREFECT_CLIENT_CUSTOM_HEADERS`` of every source, as Prefect does."""
    name = "custom_headers"
    whole_section, *single = layers
    merged: dict[str, Any] = {name: {}}
    for layer in reversed(single):
        if name not in layer.values:
            continue
        value = layer.values[name]
        if isinstance(value, str):
            value = _json(value, layer.words[name])
        # JSON's null in a variable means "not given"; in a file Prefect takes it for a value.
        if value is not None or layer in single[2:]:
            merged = _deep_update(merged, {name: value})
    merged = _deep_update(merged, whole_section.values)
    headers = merged[name]
    if isinstance(headers, str):
        headers = _json(headers, "PREFECT_CLIENT_CUSTOM_HEADERS")
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise ConfigError(
            "PREFECT_CLIENT_CUSTOM_HEADERS must be a JSON object of texts",
            hint="""for instance {"X-Team": "data"}""",
        )
    return headers


def _json(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise ConfigError(f"{where} must be JSON text", where=where) from exc


def _deep_update(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    updated = dict(base)
    for key, value in over.items():
        old = updated.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        updated[key] = _deep_update(old, value) if both else value  # type: ignore[arg-type]
    return updated
