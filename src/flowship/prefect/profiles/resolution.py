"""Find the configured Prefect API as Prefect does, without importing Prefect.

`resolve` reads the environment, ``.env``, ``prefect.toml``, ``pyproject.toml`` and the active
profile in Prefect's order of precedence.

The rules are those of ``prefect/settings/sources.py`` (prefect 3.8); the tests compare a table of
cases and generated ones with ``prefect.settings`` itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError

from flowship.errors import ConfigError
from flowship.prefect.address import is_cloud, is_loopback, is_same_server
from flowship.prefect.profiles.files import (
    ActiveProfile,
    known_profiles,
    load_profile,
    missing_profile,
    named_profile,
    profiles_path,
    read_dotenv,
    read_toml,
)
from flowship.prefect.source import Source, SourceKind
from flowship.redaction import mask_addresses

_SECTIONS = {
    "api": ("url", "key", "auth_string", "tls_insecure_skip_verify", "ssl_cert_file"),
    "client": ("custom_headers",),
}


@dataclass(frozen=True)
class ApiTarget:
    """The Prefect API that every Prefect command in the same folder would use.

    Attributes:
        url: The API's address; None if Prefect would run a temporary server of its own.
        key: Prefect Cloud's API key.
        auth_string: A self-hosted server's ``user:password``.
        ca_file: The CA bundle to trust instead of the default one.
        verify: False if TLS certificates are not checked.
        headers: Sent with every request.
        profile: The profile whose settings count, None if the file names none that exists.
        source: Where the URL was found.
        warnings: Problems with how it was found.
        misdirected: The credentials of the profile that would go to an address which only the
            project's files name; empty if there are none. See `open_client`.
    """

    url: str | None
    key: SecretStr | None
    auth_string: SecretStr | None
    ca_file: str | None
    verify: bool
    headers: Mapping[str, str] = field(repr=False)  # may hold an Authorization header
    profile: str | None
    source: Source
    warnings: tuple[str, ...] = ()
    misdirected: tuple[str, ...] = ()

    def is_like(self, other: ApiTarget) -> bool:
        """Whether both are the same address with the same credentials."""
        return all(getattr(self, n) == getattr(other, n) for n in ("url", "key", "auth_string"))


@dataclass(frozen=True)
class _Layer:
    """One place that has settings: the source of each field, and the values found in it."""

    sources: Mapping[str, Source]
    values: Mapping[str, Any]


_Found = tuple[Any, Source | None]  # A value, and where it was found.

# --- resolving ---------------------------------------------------------------------------------


def resolve(
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    profile: str | None = None,
    where: str = "",
) -> ApiTarget:
    """Find the Prefect API as Prefect itself would, run in `folder`.

    Args:
        folder: The folder with ``.env``, ``prefect.toml`` and ``pyproject.toml``; None means
            the current folder. The folders above it do not count.
        environ: The environment, `os.environ` unless testing.
        profile: The profile that the project names, instead of the active one.
        where: Where the project names it.

    Raises:
        ConfigError: A file or a value is invalid; Prefect cannot read it either. Or the named
            profile does not exist, or another place than the profile names another server.
    """
    folder = folder or Path()
    dotenv = read_dotenv(folder / ".env", environ)
    tomls = {name: read_toml(folder / name) for name in ("prefect.toml", "pyproject.toml")}
    path = profiles_path(folder, environ, dotenv, tomls)
    if profile is None:
        return _resolved(environ, dotenv, tomls, load_profile(path, environ))
    named = named_profile(path, profile, environ)
    if named is not None:
        target = _resolved(environ, dotenv, tomls, named)
        _refuse_contradiction(target, named, where)
        return target
    target = _resolved(environ, dotenv, tomls, load_profile(path, environ))
    # CI has variables instead of profiles, and says with them which server is meant.
    if not target.url or target.source.kind is not SourceKind.ENVIRONMENT:
        raise missing_profile(profile, known_profiles(path), where)
    warning = f'the profile "{profile}" does not exist here: using {target.source.name}'
    return replace(target, warnings=(warning,))


def _refuse_contradiction(target: ApiTarget, profile: ActiveProfile, where: str) -> None:
    """Refuse an address that comes before the profile's own and is of another server.

    The project names a profile to keep a deployment from going to the wrong server, and a
    variable that is left over in a shell would send it there.
    """
    own = profile.settings.get("PREFECT_API_URL")
    if not own or not target.url or target.source.kind is SourceKind.PROFILE:
        return
    if target.url.rstrip("/") == str(own).rstrip("/"):
        return
    raise ConfigError(
        f"{target.source} is {mask_addresses(target.url)}, but the profile"
        f' "{profile.name}", which the configuration names, is {mask_addresses(str(own))}',
        code="api-contradicts-profile",
        hint=f"unset {target.source.name}, or choose the environment of that server"
        if target.source.kind is SourceKind.ENVIRONMENT
        else f"remove {target.source}, or choose the environment of that server",
        where=where,
    )


def _resolved(
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
    tomls: Mapping[str, Mapping[str, Any]],
    profile: ActiveProfile,
) -> ApiTarget:
    api = list(_layers("api", environ, dotenv, tomls, profile))
    values = {name: _first(api, name) for name in _SECTIONS["api"]}
    url, source = _text(values["url"]), values["url"][1]
    # SSL_CERT_FILE is only the default of a setting that may itself be set, even to nothing.
    own_ca = values["ssl_cert_file"][1] is not None
    ca_file = _text(values["ssl_cert_file"]) if own_ca else environ.get("SSL_CERT_FILE")
    if source is None:
        source = Source(SourceKind.NONE, profile.name)
    elif not url:
        source = replace(source, empty=True)
    return ApiTarget(
        url=url or None,
        key=_secret(values["key"]),
        auth_string=_secret(values["auth_string"]),
        ca_file=ca_file or None,
        verify=not _flag(values["tls_insecure_skip_verify"]),
        headers=_headers(list(_layers("client", environ, dotenv, tomls, profile))),
        profile=profile.name,
        source=source,
        warnings=profile.warnings,
        misdirected=tuple(_misdirected(values, profile, environ, dotenv)) if url else (),
    )


def _misdirected(
    values: Mapping[str, _Found],
    profile: ActiveProfile,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
) -> Iterator[str]:
    """Yield the profile's credentials that would go to an address of the project's files.

    Anybody who can write a file in a project folder could otherwise collect them. This machine
    and the server that the profile itself names are safe, and so is Prefect Cloud for its key.
    """
    url, source = str(values["url"][0]), values["url"][1]
    own = profile.settings.get("PREFECT_API_URL")
    in_project = _place(source, environ, dotenv) in (SourceKind.DOTENV, SourceKind.FILE)
    if not in_project or is_loopback(url) or (own and is_same_server(url, str(own))):
        return
    for name in ("key", "auth_string"):
        value, found = values[name]
        to_cloud = name == "key" and is_cloud(url) and url.startswith("https:")
        if value and not to_cloud and _place(found, environ, dotenv) is SourceKind.PROFILE:
            yield f"PREFECT_API_{name}".upper()
    if profile.settings.get("PREFECT_CLIENT_CUSTOM_HEADERS"):
        yield "PREFECT_CLIENT_CUSTOM_HEADERS"


def _place(
    source: Source | None, environ: Mapping[str, str], dotenv: Mapping[str, str | None]
) -> SourceKind | None:
    """Where a setting was found; for one in a section as JSON, where that is."""
    if source is None or source.kind is not SourceKind.SECTION:
        return source.kind if source else None
    for kind, variables in ((SourceKind.ENVIRONMENT, environ), (SourceKind.DOTENV, dotenv)):
        if source.name in {key.upper() for key in variables}:
            return kind
    return SourceKind.PROFILE


def _layers(
    section: str,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
    tomls: Mapping[str, Mapping[str, Any]],
    profile: ActiveProfile,
) -> Iterator[_Layer]:
    """Yield the places with one section's settings, the first to count first."""
    names = {name: f"PREFECT_{section}_{name}".upper() for name in _SECTIONS[section]}
    yield _group_layer(section, environ, dotenv, profile)
    for kind, variables in ((SourceKind.ENVIRONMENT, environ), (SourceKind.DOTENV, dotenv)):
        lower = {key.lower(): value for key, value in variables.items()}
        found = {n: lower.get(variable.lower()) for n, variable in names.items()}
        yield _Layer(
            {n: Source(kind, variable) for n, variable in names.items()},
            {n: value for n, value in found.items() if value is not None},
        )
    for file, path in (
        ("prefect.toml", (section,)),
        ("pyproject.toml", ("tool", "prefect", section)),
    ):
        table = _table(tomls[file], path, file)
        wanted = {n: table[n] for n in names if n in table}
        if section == "api":  # Prefect ignores a table in the place of a value.
            wanted = {n: value for n, value in wanted.items() if not isinstance(value, dict)}
        place = f"{file} [{'.'.join(path)}]"
        yield _Layer({n: Source(SourceKind.FILE, f"{place} {n}") for n in names}, wanted)
    yield _Layer(
        dict.fromkeys(names, Source(SourceKind.PROFILE, profile.name)),
        {n: profile.settings[v] for n, v in names.items() if v in profile.settings},
    )


def _group_layer(
    section: str,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
    profile: ActiveProfile,
) -> _Layer:
    """Return the section that ``PREFECT_API`` or ``PREFECT_CLIENT`` holds as JSON."""
    variable = f"PREFECT_{section}".upper()
    known = _SECTIONS[section]
    merged: Mapping[str, Any] | None = {}
    for source, values in (
        (f"profile {profile.name}", profile.settings),
        (".env", {k.upper(): v for k, v in dotenv.items()}),
        ("the environment", {k.upper(): v for k, v in environ.items()}),
    ):
        text = values.get(variable)
        decoded = None if text is None else _json(text, f"{variable} in {source}")
        if isinstance(decoded, dict):
            found = {k.lower() if k.lower() in known else k: v for k, v in decoded.items()}
            merged = _deep_update(merged or {}, found)
        elif text is not None and (decoded is not None or values is profile.settings):
            merged = None
    if merged is None:
        raise ConfigError(
            "the value must be a JSON object", code="prefect-setting-invalid", where=variable
        )
    return _Layer(dict.fromkeys(known, Source(SourceKind.SECTION, variable)), merged)


def _table(document: Mapping[str, Any], path: tuple[str, ...], file: str) -> Mapping[str, Any]:
    table: Any = document
    for key in path:
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise ConfigError(
                f"[{'.'.join(path)}] is not a table", code="prefect-setting-invalid", where=file
            )
    return table  # type: ignore[no-any-return]  # narrowed above, unless path is empty


def _first(layers: list[_Layer], name: str) -> _Found:
    for layer in layers:
        if name in layer.values:
            return layer.values[name], layer.sources[name]
    return None, None


def _text(found: _Found) -> str | None:
    value, source = found
    if value is not None and not isinstance(value, str):
        raise _invalid(source, "must be a string")
    return value


def _flag(found: _Found) -> bool:
    value, source = found
    try:
        return False if value is None else TypeAdapter(bool).validate_python(value)
    except ValidationError as exc:
        raise _invalid(source, "must be true or false") from exc


def _secret(found: _Found) -> SecretStr | None:
    text = _text(found)
    return SecretStr(text) if text else None


def _invalid(source: Source | str | None, problem: str) -> ConfigError:
    return ConfigError(f"the value {problem}", code="prefect-setting-invalid", where=str(source))


def _headers(layers: list[_Layer]) -> Mapping[str, str]:
    """Merge the values of ``PREFECT_CLIENT_CUSTOM_HEADERS`` in all places, as Prefect does."""
    name = "custom_headers"
    whole_section, *single = layers
    merged = {n: value for n, value in whole_section.values.items() if n == name}
    for layer in single:
        if name not in layer.values:
            continue
        value = layer.values[name]
        if isinstance(value, str):
            value = _json(value, layer.sources[name])
        # JSON's null in a variable means "not set"; in a file, Prefect uses it as the value.
        if value is not None or layer in single[2:]:
            # From the first place to the last: a text between two tables hides none of them.
            merged = _deep_update({name: value}, merged)
    headers = merged.get(name, {})
    if isinstance(headers, str):
        headers = _json(headers, "PREFECT_CLIENT_CUSTOM_HEADERS")
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise ConfigError(
            "PREFECT_CLIENT_CUSTOM_HEADERS must be a JSON object of strings",
            code="prefect-setting-invalid",
            hint="""for example {"X-Team": "data"}""",
        )
    return headers


def _json(text: str, source: Source | str) -> object:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise _invalid(source, "must be JSON") from exc


def _deep_update(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    updated = dict(base)
    for key, value in over.items():
        old = updated.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        updated[key] = _deep_update(old, value) if both else value  # type: ignore[arg-type]
    return updated
