"""Secret blocks on the server: set, listed and removed. Their values are written, never read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from flowship.config import secret_table
from flowship.deployment import secrets
from flowship.deployment.secrets import SLUG, Secret
from flowship.errors import ApiError, FlowshipError, UsageError, did_you_mean
from flowship.prefect.command import prefect_command
from flowship.prefect.errors import ConflictError
from flowship.redaction import MASK, mask_occurrences

if TYPE_CHECKING:
    from flowship.config.settings import Settings
    from flowship.prefect.client import PrefectApi

LONGEST = 128 * 1024 - 1
"""Bytes of ``NAME=value`` that Linux passes to a program in one environment variable."""

# What a worker replaces in a value after it has put the value in the place of its reference. Other
# placeholders in a value stay as they are (tried with the workers of 3.2 and 3.8).
_REPLACED = re.compile(r"\{\{\s*prefect\.variables\.[\w.\-\[\]$]+\s*\}\}")


class State(str, Enum):
    """Whether the server has a secret."""

    PRESENT = "present"
    MISSING = "missing"
    NOT_TEXT = "not text"


@dataclass(frozen=True)
class SecretState:
    """A secret that the project configures, and whether the server has it."""

    name: str
    block: str
    deployments: tuple[str, ...]
    state: State


@dataclass(frozen=True)
class SecretChange:
    """What `set` or `rm` did.

    Attributes:
        name: The environment variable; empty where only a block was named.
        block: The Secret block.
        deployments: The project's deployments that get the secret.
        outcome: ``created``, ``updated``, ``removed`` or ``absent``.
        api_url: The server.
    """

    name: str
    block: str
    deployments: tuple[str, ...]
    outcome: str
    api_url: str


def find(settings: Settings | None, name: str | None, block: str | None) -> Secret:
    """The secret that a command is about.

    Args:
        settings: The project's; None where there is no project or it is not needed.
        name: An environment variable.
        block: A Secret block instead.

    Raises:
        UsageError: Neither or both are given, a name is invalid, or the name has several blocks.
    """
    if (name is None) == (block is None):
        raise UsageError(
            "give the name of a secret, or --block with the name of its block",
            code="secret-name-required",
            hint="for example `flowship secret set API_TOKEN`",
        )
    known = secrets.of_project(settings) if settings else ()
    if block is not None:
        return _by_block(known, block)
    assert name is not None
    assert settings is not None
    found = [secret for secret in known if secret.name == name]
    if len(found) > 1:
        commands = " or ".join(f"--block {secret.block}" for secret in found)
        raise UsageError(
            f'deployments get "{name}" from different blocks',
            code="secret-ambiguous",
            hint=f"name one in place of {name}: {commands}",
        )
    if not found and not secret_table.is_variable(name):
        raise UsageError(
            f'"{name}" is not a name of an environment variable',
            code="secret-name-invalid",
            hint="use letters, digits and _; or name a block: --block NAME",
        )
    return found[0] if found else Secret(name, settings.secret_block(name), ())


def _by_block(known: Iterable[Secret], block: str) -> Secret:
    if not secret_table.is_block(block):
        raise UsageError(
            f'"{block}" is not a name of a block',
            code="secret-name-invalid",
            hint="use lower-case letters, digits and single dashes",
            where="--block",
        )
    found = [secret for secret in known if secret.block == block]
    by = tuple(dict.fromkeys(d for secret in found for d in secret.deployments))
    names = {secret.name for secret in found}
    return Secret(names.pop() if len(names) == 1 else "", block, by)


def unused(secret: Secret, settings: Settings | None) -> str | None:
    """The warning for a secret that no deployment gets; None for another."""
    if secret.deployments or not secret.name or settings is None:
        return None
    known = [each.name for each in secrets.of_project(settings)]
    advice = did_you_mean(secret.name, known, f'add secrets = ["{secret.name}"]')
    return f"no deployment gets {secret.name}: {advice}"


def validated(value: str, name: str) -> SecretStr:
    """A value that arrives in the run as it is.

    Args:
        value: The value.
        name: The environment variable.

    Raises:
        UsageError: No environment variable can hold it, or Prefect would change it.
    """
    reason = _invalid(value, name)
    if reason:
        raise UsageError(f"the value {reason}", code="secret-value-invalid", where=name)
    return SecretStr(value)


def _invalid(value: str, name: str) -> str:
    if not value:
        return "is empty"
    if "\0" in value:
        return "contains a NUL character, which no environment variable can hold"
    if len(value.encode(errors="surrogatepass")) + len(name) + 1 > LONGEST:
        return f"is too long: an environment variable has at most {LONGEST // 1024 + 1} KiB"
    if re.search("[\ud800-\udfff]", value):
        return "is not valid UTF-8"
    if value == MASK:
        return "is what Prefect shows in place of a secret, and Prefect does not store it"
    if _REPLACED.search(value):
        return "contains {{ prefect.variables.… }}, which the worker would replace"
    return ""


def store(api: PrefectApi, secret: Secret, value: SecretStr) -> SecretChange:
    """Create or update the Secret block.

    Raises:
        ApiError: The API does not answer or refuses; the message never contains the value.
    """
    try:
        outcome = _write(api, secret.block, value)
    except FlowshipError as exc:
        # The server's refusal may repeat the request. The error is a new one, without its cause,
        # whose text would be part of a traceback.
        for text in ("message", "details", "hint"):
            setattr(exc, text, mask_occurrences(getattr(exc, text), value.get_secret_value()))
        exc.args = (exc.message,)
        raise exc from None
    return _change(api, secret, outcome)


def _write(api: PrefectApi, block: str, value: SecretStr) -> str:
    data = {"value": value.get_secret_value()}
    found = api.block_document(SLUG, block)
    if found is None:
        try:
            api.create_block_document({"name": block, "data": data, **_type(api)})
        except ConflictError:  # created by someone else since the look at it
            found = api.block_document(SLUG, block)
            if found is None:
                raise
        else:
            return "created"
    api.update_block_document(found["id"], {"data": data, "merge_existing_data": False})
    return "updated"


def _type(api: PrefectApi) -> dict[str, Any]:
    kind = api.block_type(SLUG)
    schema = api.newest_schema(kind["id"]) if kind else None
    if kind is None or schema is None:
        register = prefect_command("block register --module prefect.blocks.system")
        raise ApiError(
            f"the server at {api.url} does not have Prefect's block type Secret",
            code="secret-type-missing",
            hint=f"register it: `{register}`",
        )
    return {"block_type_id": kind["id"], "block_schema_id": schema["id"]}


def states(api: PrefectApi, settings: Settings) -> tuple[SecretState, ...]:
    """The project's secrets, each with whether the server has it."""
    wanted = secrets.of_project(settings)
    found = {d["name"]: d for d in secrets.stored(api, (s.block for s in wanted))}

    def state(block: str) -> State:
        if block not in found:
            return State.MISSING
        return State.PRESENT if secrets.is_text(found[block]) else State.NOT_TEXT

    return tuple(SecretState(s.name, s.block, s.deployments, state(s.block)) for s in wanted)


def remove(api: PrefectApi, secret: Secret, *, force: bool) -> SecretChange:
    """Remove the Secret block.

    Args:
        api: The server.
        secret: Which one.
        force: Remove it even if a deployment needs it.

    Raises:
        UsageError: A deployment, configured or on the server, gets it.
        ApiError: The API does not answer or refuses.
    """
    if not force and (users := _users(api, secret)):
        by = ", ".join(users)
        raise UsageError(
            f"the Secret block {secret.block} is used by {by}: their runs would crash without it",
            code="secret-in-use",
            hint="remove it from secrets and deploy first, or add --force",
        )
    found = api.block_document(SLUG, secret.block)
    if found:
        api.delete_block_document(found["id"])
    return _change(api, secret, "removed" if found else "absent")


def _users(api: PrefectApi, secret: Secret) -> list[str]:
    """The deployments that get the secret: those on the server, as flow/deployment, and the
    configured ones that are not deployed, whose flow is not known."""
    deployed = sorted(_deployed_users(api, secret.block))
    names = {each.rpartition("/")[2] for each in deployed}
    return [*(each for each in secret.deployments if each not in names), *deployed]


def _deployed_users(api: PrefectApi, block: str) -> Iterable[str]:
    reference = re.compile(rf"\{{\{{\s*prefect\.blocks\.{SLUG}\.{re.escape(block)}(?![\w-])")
    using = [d for d in api.deployments() if reference.search(str(d["job_variables"]))]
    flows = {f["id"]: f["name"] for f in api.flows_by_id(sorted({d["flow_id"] for d in using}))}
    return (f"{flows.get(d['flow_id'], '?')}/{d['name']}" for d in using)


def _change(api: PrefectApi, secret: Secret, outcome: str) -> SecretChange:
    return SecretChange(secret.name, secret.block, secret.deployments, outcome, api.url)
