"""References to blocks and variables (``{{ prefect.blocks.secret.NAME }}``): found and verified.

A worker resolves them at each run. One that names nothing deploys without an error; then runs
crash, or start with an empty value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from flowship.deployment import docker_block, secrets
from flowship.errors import ConfigError, nearest
from flowship.prefect.command import prefect_command

if TYPE_CHECKING:
    from flowship.deployment.desired import DesiredState
    from flowship.deployment.draft import Draft
    from flowship.prefect.client import PrefectApi

_PLACEHOLDER = re.compile(r"\{\{\s*(prefect\.[^{}]*?)\s*\}\}")
# What may follow a block's name is the path of a value in it.
_BLOCK = re.compile(r"prefect\.blocks\.([\w-]+)\.([\w-]+)(?:\.[\w.\-\[\]]+)?")
_VARIABLE = re.compile(r"prefect\.variables\.([\w-]+)")
_KINDS = ("blocks", "variables")


@dataclass(frozen=True)
class Reference:
    """One reference and where it is written.

    Attributes:
        text: Without the braces, such as ``prefect.blocks.secret.gcp-key``.
        where: Its place in the configuration.
    """

    text: str
    where: str


def of_draft(draft: Draft) -> Iterator[Reference]:
    """The references in `[block]` and in each deployment's job variables."""
    fields = {**draft.block.fields, "env": draft.block.references}
    settings = draft.deployments[0].places.settings

    def place(*key: str | int) -> str:
        return settings.place("block", *key) or f"block.{'.'.join(map(str, key))}"

    yield from find(fields, place)
    for deployment in draft.deployments:
        yield from find(deployment.job_variables, partial(deployment.places.of, "job-variables"))


def of_release(desired: DesiredState, where: str) -> Iterator[Reference]:
    """Those of a desired state that is an earlier release.

    Args:
        desired: The state.
        where: Where all of them are written: the release.
    """
    yield from find({**desired.block.fields, "env": desired.block.references}, lambda *_: where)
    for deployment in desired.deployments:
        yield from find(deployment.job_variables, lambda *_: where)


def find(value: object, place: Callable[..., str], *key: str | int) -> Iterator[Reference]:
    """The references in a JSON value, at every depth.

    Args:
        value: The value.
        place: Keys of tables and numbers of items → where that is written.
        key: Those that lead to this value.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from find(item, place, *key, name)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from find(item, place, *key, number)
    elif isinstance(value, str):
        for text in _PLACEHOLDER.findall(value):
            yield Reference(text, place(*key))


def validate(
    references: Iterable[Reference],
    block_name: str,
    api: PrefectApi,
    environment: str | None = None,
) -> None:
    """Validate that everything that is referred to exists. Each is asked for once.

    Args:
        references: From `of_draft`.
        block_name: The project's own Docker Container block, which a deploy creates.
        api: The server; no request is sent where there are no references.
        environment: The environment of the project that the server belongs to.

    Raises:
        ConfigError: A reference is malformed, or what it names does not exist.
        ApiError: The API does not answer or refuses.
    """
    asked: set[tuple[str, ...]] = set()
    for reference in references:
        target = _target(reference)
        if target in asked or target == (docker_block.SLUG, block_name):
            continue
        asked.add(target)
        exists = api.variable(*target) if len(target) == 1 else api.block_document(*target)
        if exists is None:
            raise _not_found(reference, target, api, environment)


def _not_found(
    reference: Reference, target: tuple[str, ...], api: PrefectApi, environment: str | None
) -> ConfigError:
    if len(target) == 1:
        missing = f'variable "{target[0]}"'
        how = f"`{prefect_command(f'variable set {target[0]} VALUE')}`"
    else:
        missing = f'block "{target[1]}" of type "{target[0]}"'
        how = api.ui_url("blocks/catalog")
        if target[0] == secrets.SLUG:
            how = f"`{secrets.set_command('', target[1], environment)}`"
    return ConfigError(
        f"{{{{ {reference.text} }}}}: the server has no {missing}",
        code="reference-not-found",
        hint=f"correct the reference, or create the {missing.split()[0]}: {how}",
        where=reference.where,
    )


def _target(reference: Reference) -> tuple[str, ...]:
    """The type and the name of a block, or the name of a variable.

    Raises:
        ConfigError: It is neither.
    """
    found = _BLOCK.fullmatch(reference.text) or _VARIABLE.fullmatch(reference.text)
    if found:
        return found.groups()
    raise ConfigError(
        f"{{{{ {reference.text} }}}} refers to neither a block nor a variable",
        code="reference-invalid",
        hint=_hint(reference.text),
        where=reference.where,
    )


def _hint(text: str) -> str:
    forms = "write {{ prefect.blocks.TYPE.NAME }} or {{ prefect.variables.NAME }}"
    kind, _, rest = text.removeprefix("prefect.").partition(".")
    close = nearest(kind.lower(), _KINDS)
    if close in {"", kind}:
        return forms
    meant = f"prefect.{close}.{rest}"
    valid = _BLOCK.fullmatch(meant) or _VARIABLE.fullmatch(meant)
    return f'did you mean "{{{{ {meant} }}}}"?' if valid else forms
