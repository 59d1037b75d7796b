"""The files that Prefect reads settings from: ``.env``, TOML files, and the profiles."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flowship.errors import ConfigError

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

_MEND = "mend the file: no Prefect command works in this state either"


@dataclass(frozen=True)
class Profiles:
    """Prefect's profiles file as it is read: the chosen profile's settings included."""

    path: Path
    name: str
    settings: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def read_text(path: Path) -> str | None:
    """The file's text; None where there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}", where=str(path)) from exc


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables; none where there is no such file."""
    text = read_text(path) if path.is_file() else None
    return {} if text is None else parse_toml(text, path)


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """Read `text`; an error names the place in `path`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"line (\d+), column (\d+)", str(exc))
        where = ":".join([str(path), *found.groups()]) if found else str(path)
        raise ConfigError(
            f"{path.name} is not valid TOML: {exc}",
            hint=_MEND,
            where=where,
        ) from exc


def parse_profiles(text: str, path: Path) -> dict[str, Any]:
    """The content of a profiles file, in which each profile is a table."""
    document = parse_toml(text, path)
    tables = document.get("profiles", {})
    if not isinstance(tables, dict):
        raise _misshapen("profiles is not a table of profiles", path)
    for name, settings in tables.items():
        if not isinstance(settings, dict):
            raise _misshapen(f"[profiles.{name}] is not a table", path)
    return document


def _misshapen(message: str, path: Path) -> ConfigError:
    return ConfigError(f"{path.name}: {message}", hint=_MEND, where=str(path))


def read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, str | None]:
    """The variables of a ``.env`` file, references to `environ` resolved."""
    text = read_text(path) if path.is_file() else None
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


def profiles_path(
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
    default = home_folder(environ) / ".prefect" / "profiles.toml"
    return default if default.exists() else None


def home_folder(environ: Mapping[str, str]) -> Path:
    """The user's home, as Prefect finds it."""
    home = environ.get("HOME") if os.name == "posix" else None
    return Path(home) if home else Path.home()


@cache
def packaged_profiles() -> dict[str, Any]:
    """The profiles that ship with Prefect, read from its folder without importing it."""
    spec = find_spec("prefect")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        text = read_text(Path(folder) / "settings" / "profiles.toml")
        if text is not None:
            return tomllib.loads(text)
    return {"active": EPHEMERAL_PROFILE, "profiles": {EPHEMERAL_PROFILE: {}}}


def load_profiles(path: Path | None, environ: Mapping[str, str]) -> Profiles:
    """The profiles at `path` with the active one chosen; Prefect's own where there are none."""
    packaged = packaged_profiles()
    default = str(packaged.get("active", EPHEMERAL_PROFILE))
    fallback: Mapping[str, Any] = packaged.get("profiles", {}).get(default, {})
    shown = path or home_folder(environ) / ".prefect" / "profiles.toml"
    chosen = environ.get("PREFECT_PROFILE")
    if path is not None and not path.exists():
        warnings = _fallback_warnings(chosen, default, shown, packaged, environ)
        return Profiles(shown, default, fallback, warnings)
    document = packaged if path is None else parse_profiles(read_text(path) or "", path)
    active = chosen or document.get("active")
    tables = document.get("profiles", {})
    if active and isinstance(active, list | dict):
        raise _misshapen("active is not the name of a profile", shown)
    if not active or active not in tables:
        warnings = _fallback_warnings(active, default, shown, packaged, environ)
        return Profiles(shown, default, fallback, warnings)
    if any(environ.get(name) for name in _TEST_MODE):
        return Profiles(shown, active, {})
    return Profiles(shown, active, tables[active])


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
