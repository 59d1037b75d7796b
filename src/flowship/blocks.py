"""The "Docker Container" block: the image and the settings of the containers that run a flow.

In Prefect 2 it was an infrastructure block. Here it is a plain block, and the job variables of a
deployment refer to its fields, so an edit in the UI takes effect in the next run. Use it in the UI
or in Python::

    from flowship.blocks import DockerContainer
    DockerContainer(image="user/de-repo:tag", image_pull_policy="always").save("prefect-de-docker")

This module imports Prefect; the command line does not. It registers the same block type over REST
from the files in `data/`, which `write_reference_data` writes and a test compares.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect.blocks.core import Block
from prefect_docker.credentials import DockerRegistryCredentials
from prefect_docker.worker import DockerWorker
from pydantic import BeforeValidator, Field

DATA = Path(__file__).parent / "data"
PLACEHOLDER = r"^\{\{.*\}\}$"
"""A Prefect placeholder, which a widened job variable accepts as well as its own type."""


def _canonical_policy(value: object) -> object:
    """Convert spellings such as ``ALWAYS``, ``IF_NOT_PRESENT`` and ``always`` to the worker's."""
    known = {"always": "Always", "ifnotpresent": "IfNotPresent", "never": "Never"}
    if isinstance(value, str):
        return known.get(re.sub(r"[-_ ]", "", value.lower()), value)
    if hasattr(value, "value"):  # an enum member of Prefect 2 or prefect-docker
        return _canonical_policy(value.value)
    return value


PullPolicy = Annotated[
    Literal["Always", "IfNotPresent", "Never"], BeforeValidator(_canonical_policy)
]


class DockerContainer(Block):
    """The settings of a flow's containers; a deployment's job variables refer to them."""

    _block_type_name = "Docker Container"
    _block_type_slug = "docker-container"
    _description = "The image and the settings of the containers that run a flow."
    _block_schema_version = "1.0"

    image: str = Field(
        description="The image's reference, best with a digest: user/de-repo:tag@sha256:…"
    )
    image_pull_policy: PullPolicy = Field(
        default="IfNotPresent",
        description="When the worker pulls. A reference with a digest never goes stale.",
    )
    registry_credentials: DockerRegistryCredentials | None = Field(
        default=None, description="For the worker's pull from a private registry."
    )
    auto_remove: bool = Field(
        default=False, description="Remove each container when its run has ended."
    )
    env: dict[str, str | None] = Field(
        default_factory=dict,
        description="Environment variables. A new name takes effect with the next deploy.",
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the containers.")
    networks: list[str] = Field(
        default_factory=list, description="Docker networks to connect the containers to."
    )
    network_mode: str | None = Field(
        default=None, description="For instance host or bridge; not together with networks."
    )
    volumes: list[str] = Field(
        default_factory=list, description="Mounts: /path/on/the/worker:/path/in/the/container"
    )
    stream_output: bool = Field(
        default=True, description="Show the containers' output in the worker's terminal."
    )
    mem_limit: str | None = Field(default=None, description="Memory limit, for instance 2g.")
    memswap_limit: str | None = Field(
        default=None, description="Memory and swap together; -1 for unlimited swap."
    )
    privileged: bool = Field(default=False, description="Give the containers extended privileges.")
    container_create_kwargs: dict[str, Any] | None = Field(
        default=None, description="Further arguments of docker-py's containers.create."
    )


OF_THE_WORKER = (
    "PREFECT_HOME",
    "PREFECT_PROFILES_PATH",
    "PREFECT_LOGGING_CONFIG_PATH",
    "PREFECT_RESULTS_LOCAL_STORAGE_PATH",
    "PREFECT_SERVER_MEMO_STORE_PATH",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_PASSWORD",
    "PREFECT_SERVER_API_AUTH_STRING",
)
"""Settings that a run must not get from its worker.

A worker passes all of its own settings on, from its environment and its profile. These are paths
on its machine, which a container does not have, and the secrets of a server next to it. Prefect
removes a variable whose value is null, and takes one from the block before this default.
"""


def reference_data() -> dict[str, dict[str, Any]]:
    """The shipped JSON files by name, made from the classes that they describe."""
    return {"docker-container.json": _registration(), "docker-pool.json": _widened_pool()}


def write_reference_data() -> None:
    """Write `reference_data` into the package; run it after a change here or in prefect-docker."""
    DATA.mkdir(exist_ok=True)
    for name, document in reference_data().items():
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
        (DATA / name).write_text(text + "\n", encoding="utf-8")


def _registration() -> dict[str, Any]:
    """The block types and the schema. The container's schema refers to the credentials."""
    schema = DockerContainer._to_block_schema()
    kinds = [DockerRegistryCredentials, DockerContainer]
    return {
        "block_types": [
            kind._to_block_type().model_dump(
                mode="json",
                include={
                    "name",
                    "slug",
                    "logo_url",
                    "documentation_url",
                    "description",
                    "code_example",
                },
            )
            for kind in kinds
        ],
        "block_schema": {
            "fields": schema.fields,
            "capabilities": sorted(schema.capabilities),
            "version": schema.version,
        },
        "checksum": schema.checksum,
    }


def _widened_pool() -> dict[str, Any]:
    """prefect-docker's base job template, which also accepts placeholders for these fields, and
    does not pass the worker's own paths on."""
    template: dict[str, Any] = deepcopy(DockerWorker.get_default_base_job_template())
    properties = template["variables"]["properties"]
    for name in DockerContainer.model_fields:
        if name != "env":  # its values are text, which already allows a placeholder
            properties[name] = _widen(properties[name])
    properties["env"]["default"] = dict.fromkeys(OF_THE_WORKER)
    return template


def _widen(schema: dict[str, Any]) -> dict[str, Any]:
    annotations = {"title", "description", "default", "examples"}
    branches = schema.get("anyOf") or [{k: v for k, v in schema.items() if k not in annotations}]
    if any(branch == {"type": "string"} for branch in branches):
        return schema
    kept = {k: v for k, v in schema.items() if k in annotations}
    return kept | {"anyOf": [*branches, {"type": "string", "pattern": PLACEHOLDER}]}
