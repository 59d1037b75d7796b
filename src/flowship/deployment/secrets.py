"""The secrets of a run: which Secret block each comes from, and whether the server has it.

A deployment holds a reference in its own job variables, which the worker resolves at each run: it
does not resolve one inside a block. The value itself is never part of a deploy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from flowship.config.settings import Settings
from flowship.config.tables import Deployment
from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.deployment.draft import Places
    from flowship.prefect.client import PrefectApi
    from flowship.prefect.types import BlockDocument

SLUG = "secret"


@dataclass(frozen=True)
class Secret:
    """One secret that the project configures.

    Attributes:
        name: The environment variable.
        block: The Secret block that it comes from.
        deployments: The names of the deployments that get it.
    """

    name: str
    block: str
    deployments: tuple[str, ...]


def of_deployment(settings: Settings, deployment: Deployment, places: Places) -> dict[str, str]:
    """Environment variable → Secret block, for one deployment.

    Raises:
        ConfigError: A variable has a value as well, or two variables would share a block that
            neither of them names.
    """
    named = {**settings.block.secrets, **deployment.secrets}
    for name in named:
        if place := _with_value(name, settings, deployment, places):
            raise ConfigError(
                f'"{name}" is both in env and in secrets',
                code="secret-in-env",
                hint="keep it in secrets, and remove it from env",
                where=place,
            )
    blocks = {name: settings.secret_block(name, block) for name, block in named.items()}
    _refuse_shared(named, blocks, places)
    return blocks


def _with_value(name: str, settings: Settings, deployment: Deployment, places: Places) -> str:
    """Where `env` gives the variable a value; empty if it does not."""
    if name in (settings.block.env or {}):
        return settings.place("block", "env", name) or f"block.env.{name}"
    own = deployment.job_variables.get("env")
    if isinstance(own, Mapping) and name in own:
        return places.of("job-variables", "env", name)
    return ""


def _refuse_shared(named: Mapping[str, str], blocks: Mapping[str, str], places: Places) -> None:
    """Refuse two variables whose default block has the same name: ``a_b`` and ``A_B``."""
    for name, block in blocks.items():
        same = [n for n, b in blocks.items() if b == block and n != name and not named[n]]
        if same:
            raise ConfigError(
                f'the secrets "{name}" and "{same[0]}" would have the same Secret block, {block}',
                code="secret-block-shared",
                hint=f'name a block for each: secrets = {{ {name} = "{block}", … }}',
                where=places.of("secrets"),
            )


def references(blocks: Mapping[str, str]) -> dict[str, str]:
    """Environment variable → the reference that a worker resolves."""
    return {name: f"{{{{ prefect.blocks.{SLUG}.{block} }}}}" for name, block in blocks.items()}


class HasSecrets(Protocol):
    """A deployment, before or after its image is known."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Environment variable → the Secret block that it comes from."""


def validate(
    deployments: Iterable[HasSecrets],
    api: PrefectApi,
    settings: Settings | None,
    environment: str | None,
) -> None:
    """Validate that the server has every secret of these deployments, in one request.

    Args:
        deployments: The deployments.
        api: The server; no request is sent if there are no secrets.
        settings: The project's, by whose names the secrets are set; None where there are none.
        environment: The one that the server belongs to.

    Raises:
        ConfigError: One is missing, or is not text.
        ApiError: The API does not answer or refuses.
    """
    wanted = {block: name for each in deployments for name, block in each.secrets.items()}
    found = {d["name"]: d for d in stored(api, wanted)}
    missing = {block: name for block, name in wanted.items() if block not in found}
    if missing:
        listed = ", ".join(f"{name} (Secret block {block})" for block, name in missing.items())
        what = "the secret" if len(missing) == 1 else f"{len(missing)} secrets:"
        raise ConfigError(
            f"the server at {api.url} does not have {what} {listed}",
            code="secret-not-found",
            hint=_commands(missing, settings, environment),
        )
    wrong = {block: name for block, name in wanted.items() if not is_text(found[block])}
    if wrong:
        block, name = next(iter(wrong.items()))
        raise ConfigError(
            f"the Secret block {block} holds JSON, and the environment variable {name} must be"
            " text: every run would crash",
            code="secret-not-text",
            hint=_commands(wrong, settings, environment),
        )


def stored(api: PrefectApi, blocks: Iterable[str]) -> list[BlockDocument]:
    """The Secret blocks of these names that the server has, without their values."""
    names = sorted(set(blocks))
    return api.block_documents(SLUG, names) if names else []


def is_text(document: BlockDocument) -> bool:
    """Whether a Secret block holds text. The server shows a table or a list in clear text, and
    asterisks in place of anything else."""
    return isinstance(document["data"].get("value"), str)


def _commands(
    missing: Mapping[str, str], settings: Settings | None, environment: str | None
) -> str:
    """The command that stores each, by the name under which the project knows its block."""
    known: dict[str, list[str]] = {}
    for secret in of_project(settings.project) if settings else ():
        known.setdefault(secret.name, []).append(secret.block)
    commands = (
        f"`{set_command(name if known.get(name) == [block] else '', block, environment)}`"
        for block, name in missing.items()
    )
    return f"run {' and '.join(commands)}"


def set_command(name: str, block: str, environment: str | None) -> str:
    """The command that stores a value; by its block where the project does not know the name."""
    where = f" --env {environment}" if environment else ""
    return f"flowship secret set {name or f'--block {block}'}{where}"


def of_project(settings: Settings) -> tuple[Secret, ...]:
    """Every secret that the project configures, in the order of the configuration."""
    used: dict[tuple[str, str], list[str]] = {}
    for deployment, name, block in _uses(settings):
        used.setdefault((name, block), []).append(deployment)
    return tuple(Secret(name, block, tuple(by)) for (name, block), by in used.items())


def _uses(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Deployment, variable and block of each use."""
    first = Deployment(name=settings.deployment_names[0])
    for deployment in settings.deployments or (first,):
        for name, block in {**settings.block.secrets, **deployment.secrets}.items():
            yield deployment.name, name, settings.secret_block(name, block)
