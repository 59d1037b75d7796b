"""The environment of a run, with its references resolved as a worker would."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from flowship.config.settings import Settings
from flowship.config.tables import Deployment
from flowship.deployment.secrets import SLUG
from flowship.errors import ConfigError

if TYPE_CHECKING:
    from flowship.prefect.client import PrefectApi

REFERENCE = re.compile(r"\{\{\s*prefect\.(blocks|variables)\.([\w.\-]+)\s*\}\}")


def environment(
    settings: Settings,
    deployment: Deployment,
    api: PrefectApi | None,
    environ: Mapping[str, str],
) -> dict[str, SecretStr]:
    """The variables that the block, the deployment and its secrets give to a run.

    Args:
        settings: The project's.
        deployment: The deployment that is tried.
        api: The server that has the secrets and variables; None where there is none. Then they
            come from `environ`.
        environ: The environment of this process.

    Raises:
        ConfigError: A secret or a variable has no value.
        ApiError: The API does not answer or refuses.
    """
    named = {**settings.block.secrets, **deployment.secrets}
    given = {**(settings.block.env or {}), **(deployment.job_variables.get("env") or {})}
    for name, block in named.items():
        reference = f"prefect.blocks.{SLUG}.{settings.secret_block(name, block)}"
        given[name] = "{{ " + reference + " }}"
    resolved = {}
    for name, value in given.items():
        if value is None:
            continue
        if api is None and REFERENCE.search(str(value)):
            text = _from_here(name, environ)
        else:
            text = REFERENCE.sub(partial(_resolve, name=name, api=api), str(value))
        resolved[name] = SecretStr(text)
    return resolved


def _from_here(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ConfigError(
            f"{name} comes from the server, and --offline asks none",
            code="secret-not-found",
            hint=f"give it to this run: `export {name}=…`",
            where=f"env.{name}",
        )
    return environ[name]


def _resolve(found: re.Match[str], name: str, api: PrefectApi | None) -> str:
    """The value of one reference, as text."""
    assert api is not None, "without a server no reference is resolved"
    kind, path = found.groups()
    value: object = None
    if kind == "variables":
        stored = api.variable(path)
        value = stored[0]["value"] if stored else None
    else:
        slug, _, rest = path.partition(".")
        block, *keys = rest.split(".")
        document = api.block_document(slug, block, include_secrets=True)
        value = reduce(_item, keys or ["value"], document["data"]) if document else None
    if value is None:
        raise ConfigError(
            f"{found[0]} has no value on the server at {api.url}",
            code="reference-not-found",
            hint=f"`flowship secret set {name}` creates a secret; `flowship deploy --dry-run`"
            " validates all references",
            where=f"env.{name}",
        )
    return value if isinstance(value, str) else json.dumps(value)


def _item(data: Any, key: str) -> Any:  # noqa: ANN401 JSON
    return data.get(key) if isinstance(data, Mapping) else None
