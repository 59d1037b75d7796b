"""Docker work pools: containers started from a Docker Container block."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from flowship.deployment.docker_block import FIELDS, SLUG
from flowship.deployment.pools.job_variables import JobVariables, Pointer, known_variables
from flowship.errors import ConfigError


class DockerPool:
    """A pool whose workers start containers on a Docker engine."""

    type = "docker"

    def template(self) -> Mapping[str, Any]:
        """A template in which every field of the block may be a placeholder."""
        return _template()

    def validate(self, name: str, template: Mapping[str, Any]) -> None:
        """Refuse a pool whose template fixes the image."""
        if "image" not in known_variables(template):
            raise ConfigError(
                f'the work pool "{name}" does not let a deployment choose its image',
                code="work-pool-fixes-image",
                hint='its base job template has no variable "image": set work-pool to another name',
                where="work-pool",
            )

    def job_variables(
        self, block_name: str, data: Mapping[str, Any], template: Mapping[str, Any]
    ) -> JobVariables:
        """Point every field of the block for which the pool accepts a placeholder at the block.

        Args:
            block_name: The block document's name.
            data: What the document holds; every field is there.
            template: The pool's base job template.
        """
        known = known_variables(template)
        pointer = Pointer(f"prefect.blocks.{SLUG}.{block_name}", template)
        values = {n: _field(pointer, n, data[n], known[n]) for n in FIELDS if n in known}
        return pointer.result(values)


def is_widened(template: Mapping[str, Any]) -> bool:
    """Whether every field of the block may be a placeholder in this pool."""
    known = known_variables(template)
    pointer = Pointer(f"prefect.blocks.{SLUG}.name", template)
    return all(pointer.accepts(n, known[n]) for n in FIELDS if n in known and n != "env")


@cache
def _template() -> Mapping[str, Any]:
    text = resources.files("flowship").joinpath("data", "docker-pool.json").read_text("utf-8")
    template: dict[str, Any] = json.loads(text)
    return template


def _field(pointer: Pointer, name: str, value: object, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 JSON
    if name == "env":
        assert isinstance(value, Mapping)
        return {key: pointer.leaf(f"env.{key}", item) for key, item in value.items()}
    if pointer.accepts(name, schema):
        return pointer.live(name)
    if name == "registry_credentials" and isinstance(value, Mapping):
        # Never its content: each text of it is a placeholder, which any pool accepts.
        keys = ("username", "password", "registry_url")
        return {key: pointer.live(f"{name}.{key}") for key in keys}
    if name in ("networks", "volumes") and isinstance(value, list) and value:
        return [pointer.leaf(f"{name}[{i}]", item) for i, item in enumerate(value)]
    if name == "labels" and isinstance(value, Mapping) and value:
        return {key: pointer.leaf(f"{name}.{key}", item) for key, item in value.items()}
    return pointer.copy(name, value)
