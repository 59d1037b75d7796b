"""The files that Prefect reads settings from: ``.env``, the TOML files, and the profiles."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flowship.errors import ConfigError, nearest, place_in_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOCAL_PROFILE = "local"
EPHEMERAL_PROFILE = "ephemeral"
_TEST_MODE = (
    "PREFECT_TEST_MODE",
    "PREFECT_UNIT_TEST_MODE",
    "PREFECT_TESTING_UNIT_TEST_MODE",
    "PREFECT_TESTING_TEST_MODE",
)

_FIX_FILE = "fix the file; Prefect cannot read it either"


@dataclass(frozen=True)
class ActiveProfile:
    """The active profile.

    Attributes:
        path: The profiles file, which may not exist.
        name: The profile's name.
        settings: Its settings.
        warnings: Why it is not the profile that was asked for.
    """

    path: Path
    name: str
    settings: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def read_text(path: Path) -> str | None:
    """Return the file's text; None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"cannot read {path}: {exc}", code="prefect-file-unreadable", where=str(path)
        ) from exc


def read_toml(path: Path) -> dict[str, Any]:
    """Return the file's tables; an empty dict if there is no such file."""
    text = read_text(path) if path.is_file() else None
    return {} if text is None else parse_toml(text, path)


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Parse `text`, the content of `path`.

    Raises:
        ConfigError: It is not valid TOML; the error names the line and column.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(
            f"the file is not valid TOML: {exc}",
            code="prefect-file-invalid",
            hint=_FIX_FILE,
            where=place_in_toml(path, text, str(exc)),
        ) from exc


def parse_profiles(text: str, path: Path) -> dict[str, Any]:
    """Parse the content of a profiles file, in which each profile is a table.

    Raises:
        ConfigError: It is not valid TOML, or a profile is not a table.
    """
    document = parse_toml(text, path)
    tables = document.get("profiles", {})
    if not isinstance(tables, dict):
        raise _invalid_file("profiles is not a table", path)
    for name, settings in tables.items():
        if not isinstance(settings, dict):
            raise _invalid_file(f"[profiles.{name}] is not a table", path)
    return document


def _invalid_file(message: str, path: Path) -> ConfigError:
    return ConfigError(
        f"{path.name}: {message}", code="prefect-file-invalid", hint=_FIX_FILE, where=str(path)
    )


def read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables of a ``.env`` file, with references to `environ` resolved."""
    text = read_text(path) if path.is_file() else None
    if text is None:
        return {}
    # python-dotenv is imported only if the folder has a .env, to keep the start-up short.
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


def profiles_path(
    folder: Path,
    environ: Mapping[str, str],
    dotenv: Mapping[str, str | None],
    tomls: Mapping[str, Mapping[str, Any]],
) -> Path | None:
    """Return the profiles file that Prefect uses; None if Prefect uses its packaged profiles.

    Unlike in other settings, the case of these names matters, and Prefect expands neither ``~``
    nor ``$PREFECT_HOME``.
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
                raise ConfigError(
                    "profiles_path must be a string",
                    code="prefect-setting-invalid",
                    where="profiles_path",
                )
            return folder / found
    if environ.get("PREFECT_HOME"):
        return folder / environ["PREFECT_HOME"] / "profiles.toml"
    default = home_folder(environ) / ".prefect" / "profiles.toml"
    return default if default.exists() else None


def home_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's home folder, found as Prefect does."""
    home = environ.get("HOME") if os.name == "posix" else None
    return Path(home) if home else Path.home()


@cache
def packaged_profiles() -> dict[str, Any]:
    """Return the profiles that come with Prefect, read from its folder without importing it."""
    spec = find_spec("prefect")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        text = read_text(Path(folder) / "settings" / "profiles.toml")
        if text is not None:
            return tomllib.loads(text)
    return {"active": EPHEMERAL_PROFILE, "profiles": {EPHEMERAL_PROFILE: {}}}


def load_profile(path: Path | None, environ: Mapping[str, str]) -> ActiveProfile:
    """Return the active profile of the file at `path`; Prefect's default one if there is none."""
    packaged = packaged_profiles()
    default = str(packaged.get("active", EPHEMERAL_PROFILE))
    fallback: Mapping[str, Any] = packaged.get("profiles", {}).get(default, {})
    shown = path or home_folder(environ) / ".prefect" / "profiles.toml"
    chosen = environ.get("PREFECT_PROFILE")
    if path is not None and not path.exists():
        warnings = _fallback_warnings(chosen, default, shown, packaged, environ)
        return ActiveProfile(shown, default, fallback, warnings)
    document = packaged if path is None else parse_profiles(read_text(path) or "", path)
    active = chosen or document.get("active")
    tables = document.get("profiles", {})
    if active and isinstance(active, list | dict):
        raise _invalid_file("active is not a profile name", shown)
    if not active or active not in tables:
        warnings = _fallback_warnings(active, default, shown, packaged, environ)
        return ActiveProfile(shown, default, fallback, warnings)
    if any(environ.get(name) for name in _TEST_MODE):
        return ActiveProfile(shown, active, {})
    return ActiveProfile(shown, active, tables[active])


def named_profile(path: Path | None, name: str, environ: Mapping[str, str]) -> ActiveProfile | None:
    """Return the profile `name` of the file at `path`, or the one that comes with Prefect."""
    tables = known_profiles(path)
    shown = path or home_folder(environ) / ".prefect" / "profiles.toml"
    return ActiveProfile(shown, name, tables[name]) if name in tables else None


def known_profiles(path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the settings of every profile: those that come with Prefect, and the user's."""
    text = read_text(path) if path else None
    own: Mapping[str, Mapping[str, Any]] = {}
    if path and text:
        own = parse_profiles(text, path).get("profiles", {})
    return {**packaged_tables(), **own}


def missing_profile(name: str, known: Collection[str], where: str) -> ConfigError:
    """Return the error for a profile that the project names and that is not on this machine."""
    close = nearest(name, known)
    create = f"`flowship profile set-api URL --profile {name}` creates it"
    return ConfigError(
        f'profile "{name}" does not exist',
        code="profile-not-found",
        hint=f'did you mean "{close}"? {create}' if close else create,
        where=where,
    )


def _fallback_warnings(
    active: str | None,
    default: str,
    path: Path,
    packaged: Mapping[str, Any],
    environ: Mapping[str, str],
) -> tuple[str, ...]:
    """Return the warnings for a profile that is not in the file, so that Prefect uses another."""
    warnings = []
    home = environ.get("PREFECT_PROFILES_PATH") or environ.get("PREFECT_HOME") or ""
    if home.startswith("~") or "$" in home:
        warnings.append(f"Prefect expands neither ~ nor $ in {home}; use an absolute path")
    if active and active != default:
        where = (
            "the environment variable PREFECT_PROFILE"
            if environ.get("PREFECT_PROFILE")
            else str(path)
        )
        warnings.append(
            f'the profile "{active}" (from {where}) is not in {path}, '
            f'so Prefect uses its default profile "{default}"'
            + (
                f"; `flowship profile use {active}` adds it to the file"
                if active in packaged.get("profiles", {})
                else ""
            )
        )
    return tuple(warnings)


@dataclass(frozen=True)
class ProfilesFile:
    """The profiles file, to be shown or edited.

    Attributes:
        path: The file that Prefect reads; it may not exist yet.
        document: What is in it; empty if it does not exist.
        active: The name of the profile that takes effect.
    """

    path: Path
    document: Mapping[str, Any]
    active: str

    @property
    def profiles(self) -> Mapping[str, Mapping[str, Any]]:
        """The settings of each profile in the file."""
        tables: Mapping[str, Mapping[str, Any]] = self.document.get("profiles", {})
        return tables


def open_profiles(folder: Path | None, environ: Mapping[str, str]) -> ProfilesFile:
    """Find and read the profiles file that takes effect in `folder`.

    Raises:
        ConfigError: The file is invalid, or its path contains ``~`` or ``$PREFECT_HOME``.
    """
    folder = folder or Path()
    dotenv = read_dotenv(folder / ".env", environ)
    tomls = {name: read_toml(folder / name) for name in ("prefect.toml", "pyproject.toml")}
    path = profiles_path(folder, environ, dotenv, tomls)
    active = load_profile(path, environ).name
    path = path or home_folder(environ) / ".prefect" / "profiles.toml"
    if str(path).startswith("~") or "/~/" in str(path) or "$PREFECT_HOME" in str(path):
        raise ConfigError(
            f"Prefect does not expand {path}, so it would never read a profile there",
            code="prefect-path-not-expanded",
            hint="use an absolute path in PREFECT_HOME or PREFECT_PROFILES_PATH",
            where=str(path),
        )
    return ProfilesFile(path, parse_profiles(read_text(path) or "", path), active)


def packaged_tables() -> Mapping[str, Mapping[str, Any]]:
    """Return the settings of each profile that comes with Prefect."""
    tables: Mapping[str, Mapping[str, Any]] = packaged_profiles().get("profiles", {})
    return tables
