"""Change Prefect's profiles: switch the active one, and set the API's address."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flowship.errors import UsageError
from flowship.prefect.address import LOCAL_URL, check_url, fix_hint, is_cloud
from flowship.prefect.containers import container_warnings
from flowship.prefect.health import AnswerKind, ServerAnswer, ask_server, unusable
from flowship.prefect.profiles.files import (
    EPHEMERAL_PROFILE,
    LOCAL_PROFILE,
    open_profiles,
    packaged_tables,
)
from flowship.prefect.profiles.resolution import ApiTarget, resolve
from flowship.prefect.profiles.showing import unknown_profile
from flowship.prefect.profiles.writing import write_profile
from flowship.redaction import mask_addresses

_URL = "PREFECT_API_URL"


@dataclass(frozen=True)
class ProfileChange:
    """What `use` or `set_api` did.

    Attributes:
        profile: The profile that was written to or switched to.
        url: The API address that it now sets.
        path: The file that was edited, the one Prefect reads.
        previous_url: The address that this profile set before.
        switched_from: The profile that was active before, if that changed.
        corrected_from: The URL as it was typed, if another one was stored.
        server: The server that answers there, None if it was not asked.
        changed: False if the file needed no change.
        warnings: What could still go wrong.
        used_by: The environments of the project here that use it; "" is the project itself.
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
    used_by: tuple[str, ...] = ()


def use(
    name: str, folder: Path | None = None, environ: Mapping[str, str] = os.environ
) -> ProfileChange:
    """Make `name` the active profile.

    A profile that only comes with Prefect is written to the user's file first: Prefect ignores a
    profile that is not there.

    Raises:
        UsageError: There is no such profile.
    """
    file = open_profiles(folder, environ)
    own, packaged = file.profiles, packaged_tables()
    if name not in own and name not in packaged:
        raise unknown_profile(name, {**own, **packaged})
    settings = own.get(name, packaged.get(name, {}))
    changed = write_profile(file.path, name, {} if name in own else settings, activate=True)
    url = settings.get(_URL)
    target = resolve(folder, environ)
    warnings = list(target.warnings)
    if target.url != (url or None):
        warnings.append(_overridden(target))
    elif not target.url:
        warnings.append(f'profile "{name}" has no API address, so deployed schedules would not run')
    return ProfileChange(
        profile=name,
        url=mask_addresses(str(url)) if url else None,
        path=file.path,
        switched_from=file.active if file.active != name else None,
        changed=changed,
        warnings=tuple(warnings),
    )


def set_api(
    url: str | None = None,
    profile: str | None = None,
    *,
    check: bool = True,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    users: Mapping[str, Sequence[str]] | None = None,
) -> ProfileChange:
    """Store the API's address in a profile.

    Args:
        url: The address; None means `LOCAL_URL`.
        profile: The profile to write, created if missing; it does not become active. None means
            the active profile, or ``local`` instead of ``ephemeral``, which then becomes active.
        check: Ask whether a Prefect 3 server answers there, and raise an error if not.
        folder: The folder with Prefect's files, see `resolve`.
        environ: The environment, `os.environ` unless testing.
        users: The profiles that the project here uses → its environments with each.

    Raises:
        UsageError: The URL is wrong, or the profile cannot have one.
        ApiError: No usable server answers there.
    """
    given = _typed_address(url)
    file = open_profiles(folder, environ)
    name, activate = _profile_to_write(profile, file.active, environ)
    final, server = given, None
    if check:
        final, server = _find_api(
            given, replace(resolve(folder, environ), url=given, misdirected=())
        )
    else:
        _require_api_path(given)
    previous = file.profiles.get(name, {}).get(_URL)
    changed = write_profile(file.path, name, {_URL: final}, activate=activate)
    return ProfileChange(
        profile=name,
        url=mask_addresses(final),
        path=file.path,
        previous_url=mask_addresses(str(previous)) if previous and previous != final else None,
        switched_from=file.active if activate and file.active != name else None,
        corrected_from=mask_addresses(given) if final != given else None,
        server=server,
        changed=changed,
        warnings=_set_api_warnings(final, name, resolve(folder, environ), environ, users or {}),
        used_by=tuple((users or {}).get(name, ())),
    )


def _typed_address(url: str | None) -> str:
    if url is not None and not url.strip():
        raise UsageError(
            "the address is empty; check the variable that should contain it",
            code="api-url-invalid",
            hint=f"omit it to use the local server, {LOCAL_URL}",
        )
    return check_url(url or LOCAL_URL)


def _require_api_path(url: str) -> None:
    if not is_cloud(url) and not url.endswith("/api"):
        raise UsageError(
            f"{mask_addresses(url)} does not end in /api",
            code="api-url-without-api",
            hint=fix_hint(None, url + "/api"),
        )


def _profile_to_write(
    profile: str | None, active: str, environ: Mapping[str, str]
) -> tuple[str, bool]:
    """Return the profile that gets the address, and whether to make it the active one."""
    if profile == EPHEMERAL_PROFILE:
        raise UsageError(
            "the ephemeral profile is for Prefect's temporary server and cannot have an address",
            code="profile-ephemeral",
            hint=f'omit --profile to use the profile "{LOCAL_PROFILE}"',
        )
    if profile is not None:
        if not profile.strip():
            raise UsageError("the profile name is empty", code="profile-name-empty")
        return profile, False
    chosen = environ.get("PREFECT_PROFILE")
    if chosen and chosen != EPHEMERAL_PROFILE:
        return chosen, False  # The variable makes it the active one.
    return (LOCAL_PROFILE if active == EPHEMERAL_PROFILE else active), True


def _find_api(url: str, target: ApiTarget) -> tuple[str, ServerAnswer]:
    """Return the address at which a Prefect 3 API answers: `url`, or a variant with ``/api``."""
    answers = []
    for candidate in _candidates(url):
        answer = ask_server(replace(target, url=candidate))
        if answer.usable:
            return candidate, answer
        answers.append((candidate, answer))
    # An answer that is clearly Prefect's explains more than "not a Prefect API".
    prefect = (AnswerKind.UNAUTHORIZED, AnswerKind.FORBIDDEN, AnswerKind.UNSUPPORTED)
    known = [a for a in answers if a[1].kind in prefect]
    raise unusable(*known[0]) if known else unusable(url, answers[-1][1])


def _candidates(url: str) -> list[str]:
    """Return the addresses that the API may have if the user typed `url`, the most likely first."""
    if url.endswith("/api") or is_cloud(url):
        return [url]
    root, api, _ = url.partition("/api/")
    return [url, root + "/api"] if api else [url + "/api", url]


def _set_api_warnings(
    url: str,
    written: str,
    target: ApiTarget,
    environ: Mapping[str, str],
    users: Mapping[str, Sequence[str]],
) -> tuple[str, ...]:
    """Return why commands here would not use `url`, or why using it could fail.

    Args:
        url: The address that was stored.
        written: The profile that it was stored in.
        target: The API that commands here use now.
        environ: The environment.
        users: See `set_api`; a profile with users need not be active, and activating it would send
            the commands of other projects to its server.
    """
    warnings = [*target.warnings, *container_warnings(url, environ)]
    if target.url != url and target.profile != written:
        if written in users:
            return tuple(warnings)
        warnings.append(
            f'profile "{written}" is not active; `flowship profile use {written}` activates it'
        )
    elif target.url != url:
        warnings.append(_overridden(target))
    elif target.key and not is_cloud(url):
        warnings.append("an API key for Prefect Cloud is also set and will be sent to this server")
    return tuple(warnings)


def _overridden(target: ApiTarget) -> str:
    used = mask_addresses(target.url) if target.url else "no API"
    return f"{target.source} takes precedence: commands in this folder use {used}"
