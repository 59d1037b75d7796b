"""The Docker Container block as plain data: its fields, their values, and references to it.

Pure; the JSON in `data/` is written by `flowship.blocks`, which this module does not import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from flowship.config.tables import Block
from flowship.deployment.json_schema import plain, problem
from flowship.errors import did_you_mean
from flowship.redaction import MASK, PLACEHOLDER, mask_value, secret_places

SLUG = "docker-container"
CREDENTIALS_SLUG = "docker-registry-credentials"

# The class's own defaults, except that stopped containers are removed.
DEFAULTS: dict[str, Any] = {
    "image_pull_policy": "IfNotPresent",
    "registry_credentials": None,
    "auto_remove": True,
    "env": {},
    "labels": {},
    "networks": [],
    "network_mode": None,
    "volumes": [],
    "stream_output": True,
    "mem_limit": None,
    "memswap_limit": None,
    "privileged": False,
    "container_create_kwargs": None,
}
FIELDS = ("image", *DEFAULTS)


@cache
def registration() -> dict[str, Any]:
    """The block types and the schema to register; ``checksum`` is the schema's."""
    return _data("docker-container.json")


def _data(name: str) -> dict[str, Any]:
    text = resources.files("flowship").joinpath("data", name).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def configured_fields(block: Block) -> dict[str, Any]:
    """The block's fields that the configuration gives; references in `env` are left out."""
    given = plain(
        block.model_dump(exclude_none=True, exclude={"name", "registry_credentials", "secrets"})
    )
    if "env" in given:
        given["env"] = {k: v for k, v in given["env"].items() if not PLACEHOLDER.search(v)}
    fields: dict[str, Any] = given
    return fields


def env_references(block: Block) -> dict[str, str]:
    """Environment variables that refer to a secret or a variable. A worker resolves them only in
    the deployment itself; they are never stored in clear text."""
    return {k: v for k, v in (block.env or {}).items() if PLACEHOLDER.search(v)}


def open_secrets(block: Block) -> tuple[str, ...]:
    """The places of secrets that are written out, such as ``env.API_TOKEN``."""
    tables = ("env", "labels", "container_create_kwargs")
    values = ((name, plain(getattr(block, name))) for name in tables)
    return tuple(place for name, value in values for place in secret_places(value, name))


# --- values that would crash every run ---------------------------------------------------------

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_LEAST_MEMORY = 6 * 2**20  # bytes; the engine starts nothing with less
_SOURCE = re.compile(r"[a-zA-Z0-9][\w.-]+|/.*|[a-zA-Z]:[\\/].*")
_MODES = frozenset(
    ("ro", "rw", "z", "Z", "U", "nocopy", "shared", "rshared", "slave", "rslave", "private",
     "rprivate", "consistent", "cached", "delegated")
)  # fmt: skip


# What docker-py's containers.create takes, and with it container_create_kwargs. Another name
# crashes every run, and so does one that the worker gives itself from another field.
_ARGUMENTS = """
    auto_remove blkio_weight blkio_weight_device cap_add cap_drop cgroup_parent cgroupns
    command cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime
    cpu_shares cpuset_cpus cpuset_mems detach device_cgroup_rules device_read_bps
    device_read_iops device_requests device_write_bps device_write_iops devices dns dns_opt
    dns_search domainname entrypoint extra_hosts group_add healthcheck hostname image init
    init_path ipc_mode isolation kernel_memory labels links log_config lxc_conf mac_address
    mem_limit mem_reservation mem_swappiness memswap_limit mounts name nano_cpus
    network_disabled network_mode networking_config oom_kill_disable oom_score_adj pid_mode
    pids_limit platform ports privileged publish_all_ports read_only restart_policy runtime
    security_opt shm_size stdin_open stop_signal storage_opt sysctls tmpfs tty ulimits
    use_config_proxy user userns_mode uts_mode version volume_driver volumes volumes_from
    working_dir
"""
DOCKER_ARGUMENTS = frozenset(_ARGUMENTS.split())
_OWN_FIELDS = {"environment": "env", "network": "networks"}
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")


@dataclass(frozen=True)
class InvalidValue:
    """A field whose value no engine accepts, and what to write instead."""

    field: str
    message: str
    hint: str


def invalid_values(data: Mapping[str, Any]) -> tuple[InvalidValue, ...]:
    """Values that no block can hold, or that would make every run crash: the pull policy, numbers,
    mounts and memory limits."""
    found = []
    policy = data.get("image_pull_policy") or _PULL_POLICIES[0]
    if policy not in _PULL_POLICIES and not PLACEHOLDER.search(str(policy)):
        message = f'"{policy}" is not a pull policy ({", ".join(_PULL_POLICIES)})'
        found.append(InvalidValue("image_pull_policy", message, "upper and lower case matter"))
    for volume in data.get("volumes") or ():
        reason = None if PLACEHOLDER.search(str(volume)) else _invalid_volume(str(volume))
        if reason:
            hint = "HOST_FOLDER_OR_VOLUME:/FOLDER/IN/CONTAINER, with :ro at the end for read-only"
            found.append(InvalidValue("volumes", f'"{volume}" is not a mount: {reason}', hint))
    for name in ("mem_limit", "memswap_limit"):
        reason = _invalid_size(name, data.get(name))
        if reason:
            found.append(InvalidValue(name, reason, 'for example "512m" or "2g"'))
    reason = problem(data.get("container_create_kwargs"), {}, {})
    if reason:
        hint = "values for docker are sent as JSON: use finite numbers of at most 64 bits"
        reason = f"container-create-kwargs: {reason}"
        found.append(InvalidValue("container_create_kwargs", reason, hint))
    return (*found, *_invalid_arguments(data.get("container_create_kwargs") or {}))


def _invalid_arguments(given: Mapping[str, Any]) -> Iterator[InvalidValue]:
    for name in given:
        if name in _OWN_FIELDS:
            reason, hint = f'the block sets "{name}" itself', f"use {_OWN_FIELDS[name]}"
        elif name not in DOCKER_ARGUMENTS:
            reason = f'docker has no argument "{name}" for creating a container'
            listed = "docker-py's documentation of containers.create lists them"
            hint = did_you_mean(name, DOCKER_ARGUMENTS, listed)
        else:
            continue
        yield InvalidValue("container_create_kwargs", f"container-create-kwargs: {reason}", hint)


def _invalid_volume(volume: str) -> str | None:
    drive = volume[:2] if re.match(r"[a-zA-Z]:[\\/]", volume) else ""
    parts = volume[len(drive) :].split(":")
    if len(parts) not in (2, 3):
        return "expected source:target or source:target:mode"
    source, target = drive + parts[0], parts[1]
    if not _SOURCE.fullmatch(source):
        return f'its source "{source}" is not an absolute path and not a volume name'
    if not target.startswith("/"):
        return f'its target "{target}" is not an absolute path'
    unknown = set(parts[2].split(",")) - _MODES if len(parts) == 3 else set()
    return f'"{min(unknown)}" is not a mount mode' if unknown else None


def _invalid_size(name: str, value: object) -> str | None:
    if value is None or PLACEHOLDER.search(str(value)):
        return None
    if name == "memswap_limit" and str(value) == "-1":
        return None
    found = _SIZE.fullmatch(str(value))
    if not found:
        return f'"{value}" is not an amount of memory'
    if float(found[1]) * _UNITS[found[2].lower()] < _LEAST_MEMORY:
        return f'"{value}" is less than 6m, the minimum for a container'
    return None


def kept(
    data: Mapping[str, Any], configured: Mapping[str, Any], *, has_credentials: bool
) -> dict[str, Any]:
    """What the block holds that the configuration does not name and that is not a default: set by
    a person, or by an earlier configuration. Never the content of credentials; secrets masked.

    Args:
        data: All that the block holds.
        configured: The fields that the configuration gives.
        has_credentials: Whether it names credentials.
    """
    ours = {*configured, "image"}
    if data.get("image_pull_policy") in (None, "Never"):  # flowship's own, for an image not pushed
        ours.add("image_pull_policy")
    if has_credentials:
        ours.add("registry_credentials")
    found = {k: v for k, v in data.items() if k in DEFAULTS and k not in ours and v != DEFAULTS[k]}
    if "registry_credentials" in found:
        found["registry_credentials"] = MASK
    return {name: mask_value(value, name) for name, value in found.items()}


def credentials_name(block: Block) -> str | None:
    """The registry credentials block's name, whether given bare or with its type."""
    given = block.registry_credentials
    return given.removeprefix(f"{CREDENTIALS_SLUG}/") if given else None


def is_same_image(one: str, other: str) -> bool:
    """Whether two references mean one image: equal, or of one digest where one has no tag."""
    (left, _, digest), (right, _, expected) = one.partition("@"), other.partition("@")
    bare = {re.sub(r":[^:/]+$", "", name) for name in (left, right)}
    pinned = bool(digest) and digest == expected
    return one == other or (pinned and len(bare) == 1 and bool(bare & {left, right}))


def block_of(job_variables: Mapping[str, Any] | None) -> str:
    """The name of the block that the image comes from; empty where it comes from none."""
    found = re.search(rf"prefect\.blocks\.{SLUG}\.([\w-]+)\.image\b", str(job_variables or ""))
    return found[1] if found else ""


def refers_to(job_variables: object, block_name: str) -> bool:
    """Whether any of these job variables points at this block."""
    return f"prefect.blocks.{SLUG}.{block_name}." in json.dumps(job_variables, default=str)
