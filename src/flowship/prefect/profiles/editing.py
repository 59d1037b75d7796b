"""Prefect's own profiles, shown and edited in the very file that Prefect reads."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowship.errors import ConfigError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


from flowship.prefect.address import (
    LOCAL_URL,
    check_url,
    container_warnings,
    is_cloud,
    set_api_command,
)
from flowship.prefect.health import ServerAnswer, ask_server, unusable
from flowship.prefect.profiles.files import (
    EPHEMERAL_PROFILE,
    LOCAL_PROFILE,
    home_folder,
    load_profiles,
    packaged_profiles,
    parse_profiles,
    profiles_path,
    read_dotenv,
    read_text,
    read_toml,
)
from flowship.prefect.profiles.resolution import ApiTarget, resolve
from flowship.redaction import MASK, is_secret_name, mask_addresses

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
    shipped = {k: v for k, v in _tables(packaged_profiles()).items() if k not in own}
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


# Prefect's settings that may hold a secret under another name; the last are whole sections.
_ALSO_SECRET = re.compile(
    r"KEY|AUTH|HEADERS|CONNECTION_URL|BROKER|REDIS|\APREFECT_(API|CLIENT|SERVER)\Z"
)


def _masked(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: MASK
        if is_secret_name(name) or _ALSO_SECRET.search(name)
        else mask_addresses(str(value))
        for name, value in settings.items()
    }


def _tables(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = document.get("profiles", {})
    return tables


# --- editing the file --------------------------------------------------------------------------


def _open(folder: Path | None, environ: Mapping[str, str]) -> tuple[Path, dict[str, Any], str]:
    """The file to edit, what is in it (empty when missing), and the active profile's name."""
    folder = folder or Path()
    dotenv = read_dotenv(folder / ".env", environ)
    tomls = {name: read_toml(folder / name) for name in ("prefect.toml", "pyproject.toml")}
    path = profiles_path(folder, environ, dotenv, tomls)
    active = load_profiles(path, environ).name
    path = path or home_folder(environ) / ".prefect" / "profiles.toml"
    if str(path).startswith("~") or "/~/" in str(path) or "$PREFECT_HOME" in str(path):
        raise ConfigError(
            f"Prefect does not expand {path}, so no profile there would ever be read",
            hint="write PREFECT_HOME or PREFECT_PROFILES_PATH out in full",
            where=str(path),
        )
    return path, parse_profiles(read_text(path) or "", path), active


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
    own, shipped = _tables(document), _tables(packaged_profiles())
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
        url=mask_addresses(str(url)) if url else None,
        path=path,
        switched_from=before if before != name else None,
        changed=changed,
        warnings=tuple(warnings),
    )


def _overridden(target: ApiTarget) -> str:
    return (
        f"{target.source} still decides: commands here will use "
        f"{mask_addresses(target.url) if target.url else 'no API at all'}"
    )


def _write(path: Path, name: str, settings: Mapping[str, Any], *, activate: bool) -> bool:
    """Set `settings` in profile `name`, keeping whatever else is in the file.

    Returns:
        Whether the file had to change.
    """
    text = _read_raw(path)
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
    if url is not None and not url.strip():
        raise UsageError(
            "the address is empty: is the variable that should hold it set?",
            hint=f"leave it out for the local server, {LOCAL_URL}",
        )
    given = check_url(url or LOCAL_URL)
    path, document, before = _open(folder, environ)
    name, activate = _profile_to_write(profile, before, environ)
    server, final = None, given
    if check:
        final, server = _answering(given, replace(resolve(folder, environ), url=given))
    elif not is_cloud(given) and not given.endswith("/api"):
        raise UsageError(
            f"{mask_addresses(given)} does not end in /api",
            hint=set_api_command(given + "/api"),
        )
    previous = _tables(document).get(name, {}).get("PREFECT_API_URL")
    changed = _write(path, name, {"PREFECT_API_URL": final}, activate=activate)
    return ProfileChange(
        profile=name,
        url=mask_addresses(final),
        path=path,
        previous_url=mask_addresses(str(previous)) if previous and previous != final else None,
        switched_from=before if activate and before != name else None,
        corrected_from=mask_addresses(given) if final != given else None,
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
    """The address at which a Prefect 3 API answers: `url`, or one with ``/api`` at its end."""
    answers = []
    for candidate in _candidates(url):
        answer = ask_server(replace(target, url=candidate))
        if answer.usable:
            return candidate, answer
        answers.append((candidate, answer))
    # A server that is known for one of Prefect's tells more than that there is none at `url`.
    known = [a for a in answers if a[1].kind in ("refused", "prefect-2")]
    raise unusable(*known[0]) if known else unusable(url, answers[-1][1])


def _candidates(url: str) -> list[str]:
    """Where the API may be that somebody means by `url`, the likeliest first."""
    if url.endswith("/api") or is_cloud(url):
        return [url]
    root, api, _ = url.partition("/api/")
    return [url, root + "/api"] if api else [url + "/api", url]


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
    elif target.key and not is_cloud(url):
        warnings.append("an API key for Prefect Cloud is set too, and will be sent to this server")
    return tuple(warnings)
