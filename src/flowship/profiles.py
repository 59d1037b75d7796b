"""Which Prefect API is meant, found as Prefect finds it, without importing Prefect.

`resolve` reads the environment, ``.env``, ``prefect.toml``, ``pyproject.toml`` and the active
profile in Prefect's order of precedence. The other functions show and edit Prefect's own
profiles, in the very file Prefect reads. Nothing here prints; nothing but `ask` and
`set_api(check=True)` touches the network.

The rules are those of ``prefect/settings/sources.py`` (prefect 3.8); the tests compare every
case, and arbitrary ones, with ``prefect.settings`` itself.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr, TypeAdapter, ValidationError

from flowship.errors import ApiError, ConfigError, FlowshipError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    import httpx

LOCAL_URL = "http://127.0.0.1:4200/api"
"""Where a local Prefect server answers unless told otherwise."""

LOCAL_PROFILE = "local"
EPHEMERAL_PROFILE = "ephemeral"

_SECTIONS = {
    "api": ("url", "key", "auth_string", "tls_insecure_skip_verify", "ssl_cert_file"),
    "client": ("custom_headers",),
}
_TEST_MODE = (
    "PREFECT_TEST_MODE",
    "PREFECT_UNIT_TEST_MODE",
    "PREFECT_TESTING_UNIT_TEST_MODE",
    "PREFECT_TESTING_TEST_MODE",
)


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
class _Profiles:
    """Prefect's profiles file as it is read: the chosen profile's settings included."""

    path: Path
    name: str
    settings: Mapping[str, Any]
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
    dotenv = _read_dotenv(folder / ".env", environ)
    tomls = {name: _read_toml(folder / name) for name in ("prefect.toml", "pyproject.toml")}
    profiles = _load_profiles(_profiles_path(folder, environ, dotenv, tomls), environ)
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
    profiles: _Profiles,
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
    profiles: _Profiles,
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


# --- the files Prefect reads -------------------------------------------------------------------


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}", where=str(path)) from exc


def _read_toml(path: Path) -> dict[str, Any]:
    text = _read_text(path) if path.is_file() else None
    return {} if text is None else _parse_toml(text, path)


def _parse_toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"line (\d+), column (\d+)", str(exc))
        where = ":".join([str(path), *found.groups()]) if found else str(path)
        raise ConfigError(
            f"{path.name} is not valid TOML: {exc}",
            hint="mend the file: no Prefect command works in this state either",
            where=where,
        ) from exc


def _read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, str | None]:
    text = _read_text(path) if path.is_file() else None
    if text is None:
        return {}
    # python-dotenv comes with Prefect, and only a folder with a .env pays for it.
    from io import StringIO

    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    values: dict[str, str | None] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.key is None:
            continue
        raw = binding.value
        if raw is not None:
            known = {**environ, **values}
            raw = "".join(atom.resolve(known) for atom in parse_variables(raw))
        values[binding.key] = raw
    return values


def _profiles_path(
    folder: Path,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
    tomls: Mapping[str, Mapping[str, Any]],
) -> Path | None:
    """The file whose profiles take effect; None where Prefect falls back to its own defaults.

    Unlike other settings these names are taken as they are spelled, and neither ``~`` nor
    ``$PREFECT_HOME`` is expanded.
    """
    if any(environ.get(name) for name in _TEST_MODE):
        return None
    in_pyproject: Any = tomls["pyproject.toml"]
    for key in ("tool", "prefect", "profiles_path"):
        in_pyproject = in_pyproject.get(key) if isinstance(in_pyproject, dict) else None
    for found in (
        environ.get("PREFECT_PROFILES_PATH"),
        dotenv.get("PREFECT_PROFILES_PATH"),
        tomls["prefect.toml"].get("profiles_path"),
        in_pyproject,
    ):
        if found:
            if not isinstance(found, str):
                raise ConfigError("profiles_path must be text", where="profiles_path")
            return folder / found
    if environ.get("PREFECT_HOME"):
        return folder / environ["PREFECT_HOME"] / "profiles.toml"
    default = _home(environ) / ".prefect" / "profiles.toml"
    return default if default.exists() else None


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") if os.name == "posix" else None
    return Path(home) if home else Path.home()


@cache
def _packaged_profiles() -> dict[str, Any]:
    """The profiles that ship with Prefect, read from its folder without importing it."""
    spec = find_spec("prefect")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        text = _read_text(Path(folder) / "settings" / "profiles.toml")
        if text is not None:
            return tomllib.loads(text)
    return {"active": EPHEMERAL_PROFILE, "profiles": {EPHEMERAL_PROFILE: {}}}


def _load_profiles(path: Path | None, environ: Mapping[str, str]) -> _Profiles:
    packaged = _packaged_profiles()
    default = str(packaged.get("active", EPHEMERAL_PROFILE))
    fallback: Mapping[str, Any] = packaged.get("profiles", {}).get(default, {})
    shown = path or _home(environ) / ".prefect" / "profiles.toml"
    chosen = environ.get("PREFECT_PROFILE")
    if path is not None and not path.exists():
        warnings = _fallback_warnings(chosen, default, shown, packaged, environ)
        return _Profiles(shown, default, fallback, warnings)
    document = packaged if path is None else _parse_toml(_read_text(path) or "", path)
    active = chosen or document.get("active")
    tables = document.get("profiles", {})
    if not active or not isinstance(tables, dict) or active not in tables:
        warnings = _fallback_warnings(active, default, shown, packaged, environ)
        return _Profiles(shown, default, fallback, warnings)
    if not isinstance(tables[active], dict):
        raise ConfigError(f"[profiles.{active}] is not a table", where=str(path))
    if any(environ.get(name) for name in _TEST_MODE):
        return _Profiles(shown, active, {})
    return _Profiles(shown, active, tables[active])


def _fallback_warnings(
    active: str | None,
    default: str,
    path: Path,
    packaged: Mapping[str, Any],
    environ: Mapping[str, str],
) -> tuple[str, ...]:
    """What to say when the profile asked for is not in the file and Prefect takes the default."""
    warnings = []
    home = environ.get("PREFECT_PROFILES_PATH") or environ.get("PREFECT_HOME") or ""
    if home.startswith("~") or "$" in home:
        warnings.append(f"Prefect expands neither ~ nor $ in {home}: write the path out in full")
    if active and active != default:
        where = (
            "the environment variable PREFECT_PROFILE"
            if environ.get("PREFECT_PROFILE")
            else str(path)
        )
        warnings.append(
            f'the profile "{active}", named by {where}, is not in {path}: '
            f'Prefect uses its default profile "{default}" instead'
            + (
                f" (`flowship profile use {active}` writes it there)"
                if active in packaged.get("profiles", {})
                else ""
            )
        )
    return tuple(warnings)


# --- showing profiles --------------------------------------------------------------------------


@dataclass(frozen=True)
class Profile:
    """One profile, fit for showing: its secrets are masked.

    Attributes:
        written: Whether it is in the user's file; False for one that only ships with Prefect.
    """

    name: str
    active: bool
    written: bool
    settings: Mapping[str, str]

    @property
    def url(self) -> str | None:
        """The API address this profile gives, None when it gives none."""
        return self.settings.get("PREFECT_API_URL")


@dataclass(frozen=True)
class ProfileChange:
    """What `use` or `set_api` did.

    Attributes:
        profile: The profile written to or switched to.
        url: The API address it now gives.
        path: The file that was edited, the one Prefect reads.
        previous_url: The address that this profile gave before.
        switched_from: The profile active before, when that changed.
        corrected_from: The URL as given, when another one was stored.
        server: Who answered there, None when nobody was asked.
        changed: False when the file was as wanted already.
        warnings: What could still get in the way.
    """

    profile: str
    url: str | None
    path: Path
    previous_url: str | None = None
    switched_from: str | None = None
    corrected_from: str | None = None
    server: ServerAnswer | None = None
    changed: bool = True
    warnings: tuple[str, ...] = ()


def list_profiles(
    folder: Path | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[Profile, ...]:
    """Every profile Prefect knows: the user's, then those that only ship with Prefect."""
    _, document, active = _open(folder, environ)
    own = _tables(document)
    shipped = {k: v for k, v in _tables(_packaged_profiles()).items() if k not in own}
    return tuple(
        Profile(name, name == active, name in own, _masked(settings))
        for name, settings in [*own.items(), *shipped.items()]
    )


def show(
    name: str | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Profile:
    """One profile with its secrets masked; the active one when no name is given.

    Raises:
        UsageError: There is no such profile.
    """
    profiles = {p.name: p for p in list_profiles(folder, environ)}
    wanted = name or next((p.name for p in profiles.values() if p.active), EPHEMERAL_PROFILE)
    if wanted not in profiles:
        raise _unknown(wanted, profiles)
    return profiles[wanted]


def _unknown(name: str, known: Mapping[str, object]) -> UsageError:
    close = difflib.get_close_matches(name, known, n=1)
    return UsageError(
        f'there is no profile "{name}"',
        hint=f'did you mean "{close[0]}"?' if close else f"profiles: {', '.join(known)}",
    )


_SECRET_NAME = re.compile(r"KEY|AUTH|PASSWORD|SECRET|TOKEN|HEADERS|CONNECTION_URL|BROKER|REDIS")


def _masked(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(name): "********" if _SECRET_NAME.search(str(name)) else mask_url(str(value))
        for name, value in settings.items()
    }


def mask_url(text: str) -> str:
    """`text` with the password of a ``scheme://user:password@host`` address hidden."""
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:********@", text)


def _tables(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    tables = document.get("profiles", {})
    return {k: v for k, v in tables.items() if isinstance(v, dict)}


# --- editing the file --------------------------------------------------------------------------


def _open(folder: Path | None, environ: Mapping[str, str]) -> tuple[Path, dict[str, Any], str]:
    """The file to edit, what is in it (empty when missing), and the active profile's name."""
    folder = folder or Path()
    dotenv = _read_dotenv(folder / ".env", environ)
    tomls = {name: _read_toml(folder / name) for name in ("prefect.toml", "pyproject.toml")}
    path = _profiles_path(folder, environ, dotenv, tomls)
    active = _load_profiles(path, environ).name
    path = path or _home(environ) / ".prefect" / "profiles.toml"
    if str(path).startswith("~") or "/~/" in str(path) or "$PREFECT_HOME" in str(path):
        raise ConfigError(
            f"Prefect does not expand {path}, so no profile there would ever be read",
            hint="write PREFECT_HOME or PREFECT_PROFILES_PATH out in full",
            where=str(path),
        )
    return path, _parse_toml(_read_text(path) or "", path), active


def file(folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The profiles file that takes effect, which may not exist yet."""
    return _open(folder, environ)[0]


def use(
    name: str, folder: Path | None = None, environ: Mapping[str, str] = os.environ
) -> ProfileChange:
    """Make `name` the active profile.

    A profile that only ships with Prefect is written out too: Prefect takes nothing from a
    profile that is not in the user's file.

    Raises:
        UsageError: There is no such profile.
    """
    path, document, before = _open(folder, environ)
    own, shipped = _tables(document), _tables(_packaged_profiles())
    if name not in own and name not in shipped:
        raise _unknown(name, {**own, **shipped})
    settings = own.get(name, shipped.get(name, {}))
    changed = _write(path, name, {} if name in own else settings, activate=True)
    url = settings.get("PREFECT_API_URL")
    target = resolve(folder, environ)
    warnings = list(target.warnings)
    if target.url != (url or None):
        warnings.append(_overridden(target))
    elif not target.url:
        warnings.append(f'profile "{name}" has no API address: schedules deployed would never run')
    return ProfileChange(
        profile=name,
        url=mask_url(url) if url else None,
        path=path,
        switched_from=before if before != name else None,
        changed=changed,
        warnings=tuple(warnings),
    )


def _overridden(target: ApiTarget) -> str:
    return (
        f"{target.source} still decides: commands here will use "
        f"{mask_url(target.url) if target.url else 'no API at all'}"
    )


def _write(path: Path, name: str, settings: Mapping[str, Any], *, activate: bool) -> bool:
    """Set `settings` in profile `name`, keeping whatever else is in the file.

    Returns:
        Whether the file had to change.
    """
    text = _read_raw(path)
    document = _parse_toml(text, path)
    wanted = deepcopy(document)
    profiles = wanted.setdefault("profiles", {})
    profiles[name] = {**profiles.get(name, {}), **settings}
    if activate:
        wanted["active"] = name
    if wanted == document:
        return False
    edited = _edited(text, name, settings, activate=activate)
    try:
        same = tomllib.loads(edited) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    # Unusual TOML (inline tables, dotted keys) is written anew, as Prefect always does.
    _replace_file(path, edited if same else _dumped(wanted))
    return True


def _read_raw(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}", where=str(path)) from exc


def _edited(text: str, name: str, settings: Mapping[str, Any], *, activate: bool) -> str:
    """`text` with only the lines that must differ changed: comments and order stay."""
    lines = text.split("\n") if text else []
    if activate:
        end = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
        at = next((i for i in range(end) if re.match(r"\s*active\s*=", lines[i])), None)
        if at is None:
            lines[0:0] = [f"active = {_toml(name)}", ""]
        else:
            lines[at] = _with_value(lines[at], "active", name)
    start = next((i for i, line in enumerate(lines) if _header(line) == name), None)
    if start is None:
        while lines and not lines[-1].strip():
            lines.pop()
        lines += ["", f"[profiles.{_key(name)}]"] if lines else [f"[profiles.{_key(name)}]"]
        lines += [f"{_key(k)} = {_toml(v)}" for k, v in settings.items()]
        return "\n".join([*lines, ""])
    for key, value in settings.items():
        following = range(start + 1, len(lines))
        end = next((i for i in following if lines[i].lstrip().startswith("[")), len(lines))
        at = next((i for i in range(start + 1, end) if _assigns(lines[i], key)), None)
        if at is None:
            lines.insert(start + 1, f"{_key(key)} = {_toml(value)}")
        else:
            lines[at] = _with_value(lines[at], key, value)
    return "\n".join(lines) if lines[-1] == "" else "\n".join([*lines, ""])


def _header(line: str) -> str | None:
    """The profile whose table begins on this line."""
    if not line.lstrip().startswith("[profiles"):
        return None
    try:
        names = list(tomllib.loads(line.rstrip("\r"))["profiles"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return None
    return names[0] if len(names) == 1 else None


def _assigns(line: str, key: str) -> bool:
    return re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line) is not None


def _with_value(line: str, key: str, value: object) -> str:
    """The line with another value; a comment behind a plain string value stays."""
    found = re.match(r"""(\s*[^=]*=\s*)(?:"[^"\\]*"|'[^']*')(\s*(?:#.*)?)$""", line)
    if found:
        return f"{found[1]}{_toml(value)}{found[2]}"
    return f"{_key(key)} = {_toml(value)}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def _dumped(document: Mapping[str, Any]) -> str:
    """The whole file in the form Prefect writes."""
    top = [f"{_key(k)} = {_toml(v)}" for k, v in document.items() if k != "profiles"]
    for name, settings in _tables(document).items():
        top += ["", f"[profiles.{_key(name)}]"]
        top += [f"{_key(k)} = {_toml(v)}" for k, v in settings.items()]
    return "\n".join([*top, ""])


def _replace_file(path: Path, text: str) -> None:
    """Put `text` in place at once; the file stays its owner's alone, as Prefect creates it."""
    path = Path(os.path.realpath(path))  # a linked dotfile stays a link
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".profiles-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc}", where=str(path)) from exc


# --- an address, judged ------------------------------------------------------------------------

# The first path segments of the Prefect UI's pages (of 3.x, and /v2 of its rewrite).
_UI_PAGES = {
    *("dashboard", "runs", "flow-runs", "task-runs", "flows", "flow", "deployments", "deployment"),
    *("work-pools", "work-pool", "work-queues", "blocks", "variables", "automations", "events"),
    *("settings", "concurrency-limits", "artifacts", "login", "v2", "docs"),
}


def check_url(url: str) -> str:
    """The API address `url` with trailing slashes removed, or an error that names the right one.

    An address without ``/api`` at its end passes: only asking the server can tell.

    Raises:
        UsageError: It is no address an API client could use, for a reason the message gives.
    """
    url = url.strip()
    if "://" not in url:
        raise UsageError(f'"{url}" has no scheme', hint=_set_api(f"http://{url or '127.0.0.1'}"))
    url = url.rstrip("/") if not url.endswith("://") else url
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as exc:
        raise UsageError(f'"{mask_url(url)}" is not an address: {exc}') from exc
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise UsageError(
            f'"{mask_url(url)}" is not an http:// or https:// address', hint=_set_api(LOCAL_URL)
        )
    if re.search(r"[\s<>\"{}|\\^`]", url):
        raise UsageError(f'"{mask_url(url)}" holds a character that no address has')
    if host in ("0.0.0.0", "::", "0"):
        raise UsageError(
            f"{host} is where a server listens, not an address to connect to",
            hint=_set_api(url.replace(parts.netloc, _with_host(parts, "127.0.0.1"), 1)),
        )
    if _is_cloud(url):
        _check_cloud(url, parts)
        return url
    if _is_ui(parts):
        raise UsageError(
            f"{mask_url(url)} is a page of the Prefect UI, not the API",
            hint=_set_api(_root(parts) + "/api"),
        )
    return url


def _set_api(url: str) -> str:
    return f"flowship profile set-api {mask_url(url)}"


def _with_host(parts: SplitResult, host: str) -> str:
    return f"{host}:{parts.port}" if parts.port else host


def _root(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def _is_ui(parts: SplitResult) -> bool:
    segments = [s for s in parts.path.split("/") if s]
    return bool(parts.query or parts.fragment) or (bool(segments) and segments[0] in _UI_PAGES)


def _is_cloud(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "prefect.cloud" or host.endswith(".prefect.cloud")


def _check_cloud(url: str, parts: SplitResult) -> None:
    found = re.search(r"/accounts?/([^/]+)/workspaces?/([^/]+)", parts.path)
    if not found:
        raise UsageError(
            f"{url} is Prefect Cloud, but names no account and workspace",
            hint=_set_api(
                "https://api.prefect.cloud/api/accounts/ACCOUNT-ID/workspaces/WORKSPACE-ID"
            ),
        )
    host = re.sub(r"^app", "api", parts.hostname or "")
    right = f"https://{host}/api/accounts/{found[1]}/workspaces/{found[2]}"
    if url != right:
        raise UsageError(
            f"{url} is a page of Prefect Cloud, not its API"
            if host != parts.hostname
            else f"{url} is not how Prefect Cloud spells its API",
            hint=_set_api(right),
        )


def is_loopback(url: str) -> bool:
    """Whether the address is this machine, as seen from this machine."""
    host = (urlsplit(url).hostname or "").lower()
    return host in ("localhost", "::1", "0.0.0.0", "::") or host.startswith("127.")


def container_warnings(url: str, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Why a flow run's container could not reach the API at `url`, if there is a reason.

    The docker worker runs containers on the host's network where the API's host is spelled
    ``localhost`` or ``127.0.0.1``; that helps only where engine and server share a machine.
    """
    if not is_loopback(url):
        return ()
    host = urlsplit(url).hostname or ""
    engine = _engine_address(environ)
    if engine.startswith("ssh://") or (
        engine.startswith(("tcp://", "http://", "https://")) and not is_loopback(engine)
    ):
        return (
            f"{url} is this machine, but the container engine is {mask_url(engine)}: a flow run's "
            "container there cannot reach it; use this machine's name or address instead",
        )
    if host not in ("localhost", "127.0.0.1"):
        return (
            f"the docker worker takes only localhost and 127.0.0.1 for this machine, not {host}: "
            "a flow run's container would look for the API inside itself",
        )
    return ()


def _engine_address(environ: Mapping[str, str]) -> str:
    """Where the docker client would look for the engine; empty for the default socket."""
    if environ.get("DOCKER_HOST"):
        return environ["DOCKER_HOST"]
    config = Path(environ.get("DOCKER_CONFIG") or _home(environ) / ".docker")
    try:
        context = environ.get("DOCKER_CONTEXT") or json.loads(
            (config / "config.json").read_text(encoding="utf-8")
        ).get("currentContext")
        digest = hashlib.sha256(str(context or "default").encode()).hexdigest()
        meta = json.loads(
            (config / f"contexts/meta/{digest}/meta.json").read_text(encoding="utf-8")
        )
        return str(meta["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return ""  # no context, or one that the engine's own adapter will complain about


# --- asking the server -------------------------------------------------------------------------


@dataclass(frozen=True)
class ServerAnswer:
    """Who answers at an API address.

    Attributes:
        kind: ``prefect`` (3 or later), ``prefect-2``, ``cloud``, ``refused`` (credentials),
            ``other`` (something that is no Prefect API), ``silent`` (nothing answers).
        version: The server's Prefect version where it tells.
        detail: What was seen, for a message.
    """

    kind: Literal["prefect", "prefect-2", "cloud", "refused", "other", "silent"]
    version: str | None = None
    detail: str = ""

    @property
    def usable(self) -> bool:
        """Whether flowship can work with it."""
        return self.kind in ("prefect", "cloud")


def open_client(target: ApiTarget, *, timeout: float = 10.0) -> httpx.Client:
    """An HTTP client for the API at ``target.url``: address, credentials, CA and headers set.

    Args:
        target: Where to connect; its url must not be None.
        timeout: Seconds for each request.

    Raises:
        ConfigError: The CA file cannot be read.
    """
    import ssl

    import httpx

    headers = dict(target.headers)
    if target.key:
        headers["Authorization"] = f"Bearer {target.key.get_secret_value()}"
    elif target.auth_string:
        import base64

        encoded = base64.b64encode(target.auth_string.get_secret_value().encode()).decode()
        headers["Authorization"] = f"Basic {encoded}"
    verify: ssl.SSLContext | bool = target.verify
    if target.verify and target.ca_file and (target.url or "").startswith("https"):
        try:
            verify = ssl.create_default_context(cafile=target.ca_file)
        except OSError as exc:  # ssl.SSLError is one
            raise ConfigError(
                f"the CA file {target.ca_file} cannot be used: {exc}",
                hint="PREFECT_API_SSL_CERT_FILE (or SSL_CERT_FILE) names it",
                where=target.ca_file,
            ) from exc
    base_url = f"{target.url}/"
    return httpx.Client(base_url=base_url, headers=headers, verify=verify, timeout=timeout)


def ask(target: ApiTarget, *, timeout: float = 5.0) -> ServerAnswer:
    """Find out who answers at ``target.url``.

    Args:
        target: The API; its url must not be None.
        timeout: Seconds for each request.
    """
    import httpx

    try:
        with open_client(target, timeout=timeout) as client:
            if _is_cloud(target.url or ""):
                response = client.post("work_pools/filter", json={"limit": 1})
            else:
                response = client.get("admin/version")
            return _judged(response, cloud=_is_cloud(target.url or ""))
    except (httpx.RequestError, httpx.InvalidURL) as exc:
        return ServerAnswer("silent", detail=_network_words(exc))


def _judged(response: httpx.Response, *, cloud: bool) -> ServerAnswer:
    status = response.status_code
    if status in (401, 403):
        return ServerAnswer("refused", detail=f"it answers HTTP {status}")
    if cloud:
        return ServerAnswer("cloud" if status == 200 else "other", detail=f"HTTP {status}")
    if response.is_redirect:
        return ServerAnswer("other", detail=f"it redirects to {response.headers.get('location')}")
    try:
        version = response.json() if status == 200 else None
    except ValueError:
        version = None
    if not isinstance(version, str) or not re.match(r"\d+\.\d+", version):
        return ServerAnswer("other", detail=f"HTTP {status} where the version was expected")
    if int(version.split(".")[0]) < 3:
        return ServerAnswer("prefect-2", version)
    return ServerAnswer("prefect", version)


def _network_words(exc: Exception) -> str:
    text = str(exc) or type(exc).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"its TLS certificate is not trusted ({text}); PREFECT_API_SSL_CERT_FILE names a CA"
    if "Connection refused" in text:
        return "connection refused"
    return text


def unusable(url: str, answer: ServerAnswer) -> FlowshipError:
    """The error for a server that cannot be worked with, in the user's terms."""
    shown = mask_url(url)
    if answer.kind == "prefect-2":
        return ApiError(
            f"the server at {shown} is Prefect {answer.version}; flowship works with Prefect 3",
            hint="upgrade the server, or use another one",
        )
    if answer.kind == "refused":
        return ApiError(
            f"the API at {shown} refuses the credentials: {answer.detail}",
            hint="set PREFECT_API_KEY (Prefect Cloud) or PREFECT_API_AUTH_STRING (own server)",
        )
    if answer.kind == "silent":
        return ApiError(
            f"no Prefect server answers at {shown}: {answer.detail}",
            hint="start it (`flowship up` starts one on this machine) or mend the address",
        )
    return ApiError(
        f"what answers at {shown} is no Prefect API: {answer.detail}",
        hint="the API's address usually ends in /api",
    )


# --- set-api --------------------------------------------------------------------------------------


def set_api(
    url: str | None = None,
    profile: str | None = None,
    *,
    check: bool = True,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ProfileChange:
    """Store the API's address in a profile.

    Without `profile` it is the active one, which stays active; the ``ephemeral`` profile never
    gets an address: ``local`` then does, and becomes active. A profile given by name is written,
    created when missing, and does not become active.

    Args:
        url: The address; None means the local default, `LOCAL_URL`.
        profile: The profile to write.
        check: Ask whether a Prefect 3 server answers there, and refuse an address without one.
        folder: Where Prefect's files are looked for, see `resolve`.
        environ: The environment, `os.environ` unless testing.

    Raises:
        UsageError: The URL cannot be right, or the profile cannot have one.
        ApiError: Nothing usable answers there.
    """
    given = check_url(url or LOCAL_URL)
    path, document, before = _open(folder, environ)
    name, activate = _profile_to_write(profile, before, environ)
    server, final = None, given
    if check:
        final, server = _answering(given, replace(resolve(folder, environ), url=given))
    elif not _is_cloud(given) and not given.endswith("/api"):
        raise UsageError(
            f"{mask_url(given)} does not end in /api",
            hint=_set_api(given + "/api"),
        )
    previous = _tables(document).get(name, {}).get("PREFECT_API_URL")
    changed = _write(path, name, {"PREFECT_API_URL": final}, activate=activate)
    return ProfileChange(
        profile=name,
        url=mask_url(final),
        path=path,
        previous_url=mask_url(str(previous)) if previous and previous != final else None,
        switched_from=before if activate and before != name else None,
        corrected_from=mask_url(given) if final != given else None,
        server=server,
        changed=changed,
        warnings=_set_api_warnings(final, name, profile, folder, environ),
    )


def _profile_to_write(
    profile: str | None, active: str, environ: Mapping[str, str]
) -> tuple[str, bool]:
    """Which profile gets the address, and whether it becomes the active one."""
    if profile == EPHEMERAL_PROFILE:
        raise UsageError(
            "the ephemeral profile is Prefect's throw-away server and takes no address",
            hint=f"leave --profile out: the profile {LOCAL_PROFILE} is then used",
        )
    if profile is not None:
        if not profile.strip():
            raise UsageError("a profile needs a name")
        return profile, False
    chosen = environ.get("PREFECT_PROFILE")
    if chosen and chosen != EPHEMERAL_PROFILE:
        return chosen, False  # the environment makes it the active one
    return (LOCAL_PROFILE if active == EPHEMERAL_PROFILE else active), True


def _answering(url: str, target: ApiTarget) -> tuple[str, ServerAnswer]:
    """The address at which a Prefect 3 API answers: `url`, or `url` with ``/api`` added."""
    candidates = [url] if url.endswith("/api") or _is_cloud(url) else [url + "/api", url]
    answers = []
    for candidate in candidates:
        answer = ask(replace(target, url=candidate))
        if answer.usable:
            return candidate, answer
        answers.append((candidate, answer))
    raise unusable(*answers[0])


def _set_api_warnings(
    url: str,
    name: str,
    asked: str | None,
    folder: Path | None,
    environ: Mapping[str, str],
) -> tuple[str, ...]:
    target = resolve(folder, environ)
    warnings = [*target.warnings, *container_warnings(url, environ)]
    if target.url != url:
        if asked is not None and target.profile != name:
            warnings.append(
                f'profile "{name}" is not the active one: `flowship profile use {name}` switches'
            )
        else:
            warnings.append(_overridden(target))
    elif target.key and not _is_cloud(url):
        warnings.append("an API key for Prefect Cloud is set too, and will be sent to this server")
    return tuple(warnings)
