"""Credentials for registries: the environment, docker's configuration, its credential helpers.

They are read and written as docker does it, so that both find the same. The only process that
is started here is a credential helper that the user configured.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from flowship import rewriting
from flowship.errors import ConfigError, UsageError
from flowship.registry.reference import (
    DOCKER_HUB,
    Reference,
    is_loopback,
    registry_host,
    server_address,
)

TOKEN_USER = "<token>"
"""The user name with which docker marks a password as an identity token."""

VARIABLES = ("FLOWSHIP_REGISTRY_USER", "FLOWSHIP_REGISTRY_PASSWORD")
"""The environment variables that override docker's credentials."""

HOST_VARIABLE = "FLOWSHIP_REGISTRY_HOST"
"""The environment variable that names the registry of these credentials."""


@dataclass(frozen=True)
class Credentials:
    """A login for a registry.

    Attributes:
        username: The user name, or `TOKEN_USER` if `password` is an identity token.
        password: Never shown.
        source: Where it was found, for people.
    """

    username: str
    password: SecretStr
    source: str

    @property
    def is_token(self) -> bool:
        """Whether the password is an identity token, which has no user name."""
        return self.username == TOKEN_USER

    @property
    def described(self) -> str:
        """``logged in as ada, from FLOWSHIP_REGISTRY_USER``."""
        name = "with a token" if self.is_token else f"as {self.username}"
        return f"logged in {name}, from {self.source}"

    def auth_config(self, registry: str) -> dict[str, str]:
        """The ``auth_config`` of docker-py, which contains the secret."""
        secret = self.password.get_secret_value()
        who = (
            {"identitytoken": secret}
            if self.is_token
            else {"username": self.username, "password": secret}
        )
        return who | {"serveraddress": server_address(registry)}


@dataclass(frozen=True)
class Stored:
    """Where `store` put the credentials, and a warning about that place if there is one."""

    place: str
    warning: str = ""


@dataclass(frozen=True)
class LoginResult:
    """A login that worked."""

    registry: str
    username: str
    stored: Stored


def docker_folder(environ: Mapping[str, str]) -> Path:
    """The folder of docker's configuration: ``DOCKER_CONFIG``, else ``~/.docker``."""
    if environ.get("DOCKER_CONFIG"):
        return Path(environ["DOCKER_CONFIG"])
    return Path(environ["HOME"] if environ.get("HOME") else Path.home()) / ".docker"


def docker_config(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The content of docker's ``config.json``; empty if there is no such file.

    Raises:
        ConfigError: It cannot be read, or contains an entry, for any registry, that docker's own
            library fails on.
    """
    config = _DockerConfig.read(docker_folder(environ))
    for registry, entry in (config.content.get("auths") or {}).items():
        if "auth" in entry and "identitytoken" not in entry:
            config.decoded(registry, entry)
    return config.content


def credentials_for(
    reference: Reference | str,
    environ: Mapping[str, str] = os.environ,
    docker_config_dir: Path | None = None,
    *,
    use_environment: bool = True,
) -> Credentials | None:
    """The login for the registry of `reference`; None if there is none.

    ``FLOWSHIP_REGISTRY_USER`` with ``FLOWSHIP_REGISTRY_PASSWORD`` come first, then what docker
    has: the registry's credential helper, the default one, the configuration file.

    The variables are sent to the registry of ``FLOWSHIP_REGISTRY_HOST`` only. Where that is not
    set, they are for Docker Hub, for this machine, and for a registry that the user names, but
    not for one that only a file of the project names: anybody can write that.

    Args:
        reference: An image, or a registry's host.
        environ: The environment variables, and the helpers' ``PATH``.
        docker_config_dir: The folder of ``config.json``; `docker_folder` when None.
        use_environment: False for any other registry than that of the push, for example that of
            a base image: the variables are for it only if ``FLOWSHIP_REGISTRY_HOST`` names it.

    Raises:
        ConfigError: One variable without the other, an unreadable file, a failing helper; or
            the variables would be sent to a registry that only a file of the project names.
    """
    registry = reference.registry if isinstance(reference, Reference) else reference
    host = _host(environ)
    if host == registry.lower() or (use_environment and not host):
        place = reference.place if isinstance(reference, Reference) and not host else ""
        if found := _from_environment(environ, registry, place):
            return found
    config = _DockerConfig.read(docker_config_dir or docker_folder(environ))
    return config.lookup(registry, environ)


def store(
    who: Credentials,
    registry: str,
    docker_config_dir: Path,
    environ: Mapping[str, str] = os.environ,
) -> Stored:
    """Store credentials as ``docker login`` does, so that docker and flowship both find them.

    They go to the credential helper if one is configured, else to ``config.json``, whose other
    content is kept. The file is replaced in one step and is readable by its owner only.

    Raises:
        ConfigError: The file cannot be read or written, or the helper fails.
    """
    config = _DockerConfig.read(docker_config_dir)
    key = server_address(registry)
    helper = config.helper(registry)
    secret = who.password.get_secret_value()
    if helper:
        given = {"ServerURL": key, "Username": who.username, "Secret": secret}
        _call_helper(helper, "store", json.dumps(given), environ, config.path)
        config.set_entry(key, {})
        return Stored(f"the credential helper docker-credential-{helper}")
    if who.is_token:
        config.set_entry(key, {"auth": _encode("00000000-0000-0000-0000-000000000000", ""),
                               "identitytoken": secret})  # fmt: skip
    else:
        config.set_entry(key, {"auth": _encode(who.username, secret)})
    return Stored(
        str(config.path),
        "the password is stored as base64, which is not encryption; to encrypt it, set up a"
        " credential helper (credsStore in the same file)",
    )


def login(
    registry: str,
    username: str,
    password: SecretStr,
    *,
    verify: Callable[[str, Credentials], str],
    docker_config_dir: Path,
    environ: Mapping[str, str] = os.environ,
) -> LoginResult:
    """Log in to a registry and store the credentials; if it rejects them, nothing is stored.

    Args:
        registry: A host, as `registry_host` gives it.
        username: Without a colon, which HTTP's basic authentication cannot carry.
        password: The password or access token.
        verify: Asks the registry and returns the identity token that it gave, or an empty
            string; raises RegistryError if it rejects the credentials.
        docker_config_dir: The folder of docker's ``config.json``.
        environ: The environment of a credential helper.

    Raises:
        UsageError: An empty user name or password, or a colon in the name.
        RegistryError: The registry rejected them or did not answer (from `verify`).
        ConfigError: The credentials cannot be stored.
    """
    if not username or ":" in username:
        raise UsageError(
            "a user name cannot contain a colon" if username else "the user name is empty",
            code="invalid-credentials",
            where="--username",
        )
    if not password.get_secret_value():
        raise UsageError(
            "the password is empty",
            code="invalid-credentials",
            hint="pipe it in: `--password-stdin`",
        )
    given = Credentials(username, password, "this login")
    token = verify(registry, given)
    stored = Credentials(TOKEN_USER, SecretStr(token), "this login") if token else given
    return LoginResult(registry, username, store(stored, registry, docker_config_dir, environ))


def _host(environ: Mapping[str, str]) -> str:
    """The registry that ``FLOWSHIP_REGISTRY_HOST`` names, in lower case; empty if it is not set."""
    text = environ.get(HOST_VARIABLE, "").strip()
    try:
        return registry_host(text).lower() if text else ""
    except UsageError as exc:
        raise ConfigError(exc.message, code=exc.code, hint=exc.hint, where=HOST_VARIABLE) from exc


def _from_environment(environ: Mapping[str, str], registry: str, place: str) -> Credentials | None:
    """The credentials of the variables; `place` is the file of the project that names `registry`,
    if nothing else does."""
    user, password = (environ.get(name, "") for name in VARIABLES)
    if bool(user) != bool(password):
        there, missing = VARIABLES if user else VARIABLES[::-1]
        raise ConfigError(
            f"the variable is set, but {missing} is not",
            code="incomplete-credentials",
            hint="set both, or neither to use docker's own credentials",
            where=there,
        )
    if user and place and registry != DOCKER_HUB and not is_loopback(registry):
        raise ConfigError(
            f"{' and '.join(VARIABLES)} would be sent to {registry}, which only the project's"
            " configuration or its server names",
            code="registry-credentials-misdirected",
            hint="if you trust this registry, set its name where you set the credentials:"
            f" `export {HOST_VARIABLE}={registry}`",
            where=place,
        )
    return Credentials(user, SecretStr(password), VARIABLES[0]) if user else None


def _encode(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


@dataclass(frozen=True)
class _DockerConfig:
    """The credentials in docker's ``config.json``."""

    path: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> _DockerConfig:
        path = folder / "config.json"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls(path, {})
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(
                f"docker's configuration cannot be read: {exc}",
                code="invalid-docker-configuration",
                hint=_CORRECT,
                where=str(path),
            ) from exc
        try:
            content = json.loads(text or "{}")
        except json.JSONDecodeError as exc:
            raise ConfigError(
                f"docker's configuration is not valid JSON: {exc.msg}",
                code="invalid-docker-configuration",
                hint=_CORRECT,
                where=f"{path}:{exc.lineno}:{exc.colno}",
            ) from exc
        if wrong := _what_is_wrong(content):
            raise ConfigError(
                f"docker's configuration is not valid: {wrong}",
                code="invalid-docker-configuration",
                hint=_CORRECT,
                where=str(path),
            )
        return cls(path, content)

    def helper(self, registry: str) -> str:
        """The credential helper for `registry`; empty if there is none."""
        helpers = self.content.get("credHelpers") or {}
        chosen = _entry(helpers, registry) or self.content.get("credsStore") or ""
        return str(chosen)

    def lookup(self, registry: str, environ: Mapping[str, str]) -> Credentials | None:
        helper = self.helper(registry)
        found = self._ask(helper, registry, environ) if helper else None
        return found or self._from_file(registry)

    def _ask(self, helper: str, registry: str, environ: Mapping[str, str]) -> Credentials | None:
        program = f"docker-credential-{helper}"
        if is_loopback(registry) and not shutil.which(program, path=environ.get("PATH")):
            return None  # a registry on this machine rarely has accounts, so it is not an error
        answer = _call_helper(helper, "get", server_address(registry), environ, self.path)
        if answer is None:
            return None
        try:
            found = json.loads(answer)
            user, secret = found["Username"], found["Secret"]
        except (ValueError, KeyError, TypeError) as exc:
            raise ConfigError(
                f"{program} returned invalid credentials", code="credential-helper-failed"
            ) from exc
        return Credentials(str(user), SecretStr(str(secret)), program) if secret else None

    def _from_file(self, registry: str) -> Credentials | None:
        entry = _entry(self.content.get("auths") or {}, registry)
        if not isinstance(entry, dict):
            return None
        if entry.get("identitytoken"):
            return Credentials(TOKEN_USER, SecretStr(str(entry["identitytoken"])), str(self.path))
        user, password = entry.get("username"), entry.get("password")
        if entry.get("auth"):
            user, password = self.decoded(registry, entry)
        if not user or not password:
            return None
        # docker for Windows used to pad passwords with NUL characters.
        return Credentials(str(user), SecretStr(str(password).strip("\x00")), str(self.path))

    def decoded(self, registry: str, entry: Mapping[str, Any]) -> tuple[str, str]:
        """User and password of an entry."""
        try:
            decoded = base64.b64decode(str(entry["auth"])).decode()
        except ValueError:
            decoded = ""
        user, colon, password = decoded.partition(":")
        if not colon:
            raise ConfigError(
                f'the credentials of "{registry}" in docker\'s configuration are damaged',
                code="invalid-docker-configuration",
                hint=f"remove them from the file, then run `flowship login {registry}`",
                where=str(self.path),
            )
        return user, password

    def set_entry(self, key: str, entry: dict[str, str]) -> None:
        """Write `entry` for registry `key`; the rest of the file is kept."""
        content = self.content | {"auths": {**(self.content.get("auths") or {}), key: entry}}
        text = json.dumps(content, indent="\t", ensure_ascii=False) + "\n"
        hint = "make the folder writable, or set DOCKER_CONFIG to another one"
        rewriting.rewrite(self.path, text, hint=hint, private=True)


_CORRECT = "fix it, or set DOCKER_CONFIG to another folder"

_TABLES = {"auths": dict, "proxies": dict, "credHelpers": str, "HttpHeaders": str}


def _what_is_wrong(content: object) -> str:
    """What is wrong with docker's configuration; empty if nothing is."""
    if not isinstance(content, dict):
        return "it is not a JSON object"
    if not isinstance(content.get("currentContext") or "", str):
        return '"currentContext" is not text'
    for key, kind in _TABLES.items():
        empty_is_none = key != "proxies"  # docker's library does not accept null there
        table = (content.get(key) or {}) if empty_is_none else content.get(key, {})
        if not isinstance(table, dict):
            return f'"{key}" is not an object'
        if not all(isinstance(value, kind) for value in table.values()):
            return f'"{key}" may only contain {"objects" if kind is dict else "text"}'
    return ""


def _entry(table: Mapping[str, Any], registry: str) -> Any:  # noqa: ANN401 (JSON)
    """The value for `registry`; its key may be a URL, as older versions of docker write it."""
    if server_address(registry) in table:
        return table[server_address(registry)]
    hosts = {registry, "index.docker.io"} if registry == DOCKER_HUB else {registry}
    for key, value in table.items():
        if re.sub(r"^https?://", "", key).split("/", 1)[0] in hosts:
            return value
    return None


def _call_helper(
    helper: str, verb: str, text: str, environ: Mapping[str, str], config: Path
) -> str | None:
    """Run ``docker-credential-HELPER VERB`` with `text` on its stdin.

    Returns:
        Its stdout, or None if it has no credentials for the registry.
    """
    name = f"docker-credential-{helper}"
    program = shutil.which(name, path=environ.get("PATH"))
    if program is None:
        raise ConfigError(
            f"{name} is not installed, but docker's configuration names it",
            code="credential-helper-not-found",
            hint=f'install it, or remove "{helper}" from credsStore/credHelpers in that file',
            where=str(config),
        )
    try:
        # The helper may ask for a key's passphrase in a window: give it a minute.
        done = subprocess.run(
            [program, verb],
            input=text,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ConfigError(
            f"cannot run {name}: {exc}", code="credential-helper-failed", where=str(config)
        ) from exc
    if done.returncode == 0:
        return done.stdout
    # This sentence is part of the protocol (docker-credential-helpers, credentials/error.go).
    printed = f"{done.stdout}{done.stderr}".strip()
    if verb == "get" and "credentials not found" in printed.lower():
        return None
    raise ConfigError(
        f"{name} {verb} failed",
        code="credential-helper-failed",
        hint="run it by hand to see why, or remove it from docker's configuration",
        where=str(config),
        details="" if verb == "store" else printed[-500:],  # it may repeat the password
    )
