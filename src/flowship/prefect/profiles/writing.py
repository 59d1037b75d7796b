"""Write settings into Prefect's profiles file, and keep everything else in it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from flowship import rewriting
from flowship.errors import ConfigError
from flowship.prefect.profiles.files import parse_profiles

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def write_profile(path: Path, name: str, settings: Mapping[str, Any], *, activate: bool) -> bool:
    """Set `settings` in the profile `name`, and keep whatever else is in the file.

    Args:
        path: The profiles file, created if missing.
        name: The profile, created if missing.
        settings: The values to set.
        activate: Make the profile the active one.

    Returns:
        Whether the file had to change.

    Raises:
        ConfigError: The file cannot be read or written, or is invalid.
    """
    text = _read(path)
    document = parse_profiles(text, path)
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
    # Unusual TOML (inline tables, dotted keys) is rewritten as a whole, as Prefect always does.
    hint = "make the folder writable, or set PREFECT_PROFILES_PATH to another file"
    rewriting.rewrite(path, edited if same else dump(wanted), hint=hint)
    return True


def _read(path: Path) -> str:
    """Return the file's text with its line ends kept; empty if there is no file."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"cannot read {path}: {exc}", code="prefect-file-unreadable", where=str(path)
        ) from exc


# --- single lines ------------------------------------------------------------------------------


def _edited(text: str, name: str, settings: Mapping[str, Any], *, activate: bool) -> str:
    """Return `text` with only the necessary lines changed; comments and order stay."""
    lines = text.split("\n") if text else []
    if activate:
        _set_active(lines, name)
    start = next((i for i, line in enumerate(lines) if _header(line) == name), None)
    if start is None:
        _append_profile(lines, name, settings)
    else:
        for key, value in settings.items():
            _set_value(lines, start, key, value)
    return "\n".join(lines) if lines[-1] == "" else "\n".join([*lines, ""])


def _set_active(lines: list[str], name: str) -> None:
    end = _next_table(lines, 0)
    at = next((i for i in range(end) if re.match(r"\s*active\s*=", lines[i])), None)
    if at is None:
        lines[0:0] = [f"active = {_toml(name)}", ""]
    else:
        lines[at] = _with_value(lines[at], "active", name)


def _append_profile(lines: list[str], name: str, settings: Mapping[str, Any]) -> None:
    while lines and not lines[-1].strip():
        lines.pop()
    if lines:
        lines.append("")
    lines.append(f"[profiles.{_key(name)}]")
    lines += [*(f"{_key(k)} = {_toml(v)}" for k, v in settings.items()), ""]


def _set_value(lines: list[str], start: int, key: str, value: object) -> None:
    """Set a value in the table whose header is the line `start`."""
    end = _next_table(lines, start + 1)
    at = next((i for i in range(start + 1, end) if _assigns(lines[i], key)), None)
    if at is None:
        lines.insert(start + 1, f"{_key(key)} = {_toml(value)}")
    else:
        lines[at] = _with_value(lines[at], key, value)


def _next_table(lines: list[str], start: int) -> int:
    """Return the index of the next table's header, or of the end."""
    following = range(start, len(lines))
    return next((i for i in following if lines[i].lstrip().startswith("[")), len(lines))


def _header(line: str) -> str | None:
    """Return the name of the profile whose table starts on this line."""
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
    """Return the line with another value; a comment after a plain string stays."""
    found = re.match(r"""(\s*[^=]*=\s*)(?:"[^"\\]*"|'[^']*')(\s*(?:#.*)?)$""", line)
    if found:
        return f"{found[1]}{_toml(value)}{found[2]}"
    return f"{_key(key)} = {_toml(value)}"


# --- TOML --------------------------------------------------------------------------------------


def dump(document: Mapping[str, Any]) -> str:
    """Return the whole file in the form that Prefect writes."""
    top = [f"{_key(k)} = {_toml(v)}" for k, v in document.items() if k != "profiles"]
    for name, settings in document.get("profiles", {}).items():
        top += ["", f"[profiles.{_key(name)}]"]
        top += [f"{_key(k)} = {_toml(v)}" for k, v in settings.items()]
    return "\n".join([*top, ""])


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")
